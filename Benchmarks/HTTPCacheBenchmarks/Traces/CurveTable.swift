//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import TraceReplay

/// Compares the curve that a cache estimates from at most 1,024 keys with whole caches of each size, on public traces.
enum CurveTable {
  private struct Trace {
    var name: String
    var isPairs = false
    var bounds: [Int]
  }

  private static let traces = [
    Trace(name: "web07", bounds: [205, 1024, 2048]),
    Trace(name: "adapt_size", bounds: [368, 1841, 3682]),
    Trace(name: "adapt_size_unique.pairs", isPairs: true, bounds: [3_042_136, 15_210_679]),
    Trace(name: "multi3", bounds: [75, 373, 745]),
    Trace(name: "loop", bounds: [101, 253]),
  ]

  /// Replays everything, and lays the outcome out. The keys that are sampled are others in each process.
  ///
  /// - Parameter folder: Where the traces are, unpacked: `NAME.bin`.
  static func text(folder: String, policies: [EvictionPolicy]) throws -> String {
    var rows = [
      ["hit ratio in %: exact, estimate", "policy", "keys", "× 1/4", "1/2", "1", "2", "4", "8", "furthest off"]
    ]
    for trace in traces {
      let path = URL(filePath: folder).appending(path: "\(trace.name).bin").path
      let replay = try TraceReplay(path: path, pairs: trace.isPairs)
      for bound in trace.bounds {
        for policy in policies {
          func outcome(_ bound: Int) throws -> TraceReplay.Outcome {
            try trace.isPairs ? replay.run(policy, bytes: bound) : replay.run(policy, entries: bound)
          }
          let hits = try outcome(bound).hits
          let curve =
            trace.isPairs
            ? replay.estimate(policy, bytes: bound, hits: hits) : replay.estimate(policy, entries: bound, hits: hits)
          var furthest = 0.0
          let cells = try curve.points.map { point in
            let exact = try outcome(max(Int(Double(bound) * point.factor), 1)).hitRatio
            furthest = max(furthest, abs(exact - 100 * point.hitRatio))
            return String(format: "%.1f, %.1f", exact, 100 * point.hitRatio)
          }
          rows.append(
            ["\(trace.name), \(bound)", "\(policy)", "\(curve.sampledKeys)"] + cells
              + [String(format: "%.1f", furthest)])
        }
      }
    }
    return Report.columns(rows)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import TraceReplay

/// The table by which eviction policies are judged: five public traces, each at several bounds, under every policy.
///
/// Every request counts from a cold start: look up, and store on a miss. The bounds are a few entries and parts of what the
/// trace asks for in all.
enum ReferenceTable {
  private struct Trace {
    var name: String
    var isPairs = false
    /// Bounds by number of entries.
    var entries: [Int] = []
    /// Bounds by bytes.
    var bytes: [Int] = []
  }

  private static let traces = [
    Trace(name: "web07", entries: [50, 205, 1024, 2048]),
    Trace(name: "adapt_size", entries: [50, 368, 1841, 3682]),
    Trace(name: "multi3", entries: [50, 75, 373, 745]),
    Trace(name: "loop", entries: [50, 101, 253, 506]),
    Trace(name: "adapt_size_unique.pairs", isPairs: true, bytes: [304_214, 3_042_136, 15_210_679, 30_421_358]),
  ]

  /// The recommended policy stands last, behind those that it is to be compared with.
  private static let policies = EvictionPolicy.all

  /// Replays everything, which takes some seconds, and lays the outcome out.
  ///
  /// - Parameters:
  ///   - folder: Where the traces are, unpacked: `NAME.bin`.
  ///   - shards: How many shards the backend has.
  static func text(folder: String, shards: Int = 1) throws -> String {
    var byEntries = [
      ["hit ratio in %", "entries", "of distinct"] + policies.map(\.description) + ["adaptive leads by"]
    ]
    var byBytes = [["object / byte hit ratio in %", "bytes"] + policies.map(\.description) + ["adaptive leads by"]]
    for trace in traces {
      let path = URL(filePath: folder).appending(path: "\(trace.name).bin").path
      let replay = try TraceReplay(path: path, pairs: trace.isPairs)
      let distinctCount = replay.distinctCount
      for bound in trace.entries {
        let ratios = try policies.map { try replay.run($0, entries: bound, shards: shards).hitRatio }
        byEntries.append(
          [trace.name, "\(bound)", String(format: "%.2f %%", 100 * Double(bound) / Double(distinctCount))]
            + ratios.map { String(format: "%.2f", $0) } + [lead(of: ratios)])
      }
      for bound in trace.bytes {
        let outcomes = try policies.map { try replay.run($0, bytes: bound, shards: shards) }
        byBytes.append(
          [trace.name, "\(bound)"]
            + outcomes.map { String(format: "%.2f / %.2f", $0.hitRatio, $0.byteHitRatio) }
            + ["\(lead(of: outcomes.map(\.hitRatio))) / \(lead(of: outcomes.map(\.byteHitRatio)))"])
      }
    }
    return """
      \(Report.columns(byEntries))

      \(Report.columns(byBytes))

      \(shards) \(shards == 1 ? "shard" : "shards"). LRU, FIFO and SIEVE are exact with one. "Leads by": against the best of the others.
      """
  }

  /// By how much the last ratio exceeds the best of the others.
  private static func lead(of ratios: [Double]) -> String {
    String(format: "%+.2f", ratios.last! - ratios.dropLast().max()!)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import TraceReplay

/// The program's report on a trace.
enum TraceReport {
  static func info(_ file: TraceFile) -> String {
    let requests = file.requests
    let sizes = Dictionary(requests.map { ($0.record.id, $0.size) }, uniquingKeysWith: { $1 })
    let seconds = Double((file.records.last?.unixNanoseconds ?? 0) - (file.records.first?.unixNanoseconds ?? 0)) / 1e9
    var lines = [
      "records          \(file.records.count)",
      "requests         \(requests.count)",
      "keys             \(sizes.count)",
      "content          \(sizes.values.reduce(0, +)) bytes",
      String(format: "time             %.1f s", seconds),
      "sample rate      \(file.header.sampleRate)",
      "",
    ]
    let names = ["hit", "stale", "revalidated", "miss", "collapsed", "bypass", "failed"]
    let answered = file.records.filter { $0.operation == .get }
    for (number, name) in names.enumerated() {
      let count = answered.count { Int($0.outcome) == number }
      guard count > 0 else { continue }
      let share = 100 * Double(count) / Double(answered.count)
      lines.append(
        name.padding(toLength: 16, withPad: " ", startingAt: 0) + String(format: " %d (%.2f %%)", count, share))
    }
    return lines.joined(separator: "\n")
  }

  static func replay(_ file: TraceFile, entries: [Int], bytes: [Int], policies: [EvictionPolicy]) throws -> String {
    guard !entries.isEmpty || !bytes.isEmpty else { throw Failure("replay needs --bytes N,… or --entries N,…") }
    let replay = file.replay
    var lines = ["object / byte hit ratio in %"]
    for (bounds, unit) in [(entries, "entries"), (bytes, "bytes")] {
      for bound in bounds {
        for policy in policies {
          let outcome =
            unit == "bytes" ? try replay.run(policy, bytes: bound) : try replay.run(policy, entries: bound)
          lines.append(
            "\(bound) \(unit), \(policy): " + String(format: "%.3f / %.3f", outcome.hitRatio, outcome.byteHitRatio))
        }
      }
    }
    return lines.joined(separator: "\n")
  }

  static func missRatioCurve(_ file: TraceFile, capacity: Int, policies: [EvictionPolicy]) throws -> String {
    let replay = file.replay
    var lines = ["hit ratio in %: replayed, as a cache estimates it"]
    for policy in policies {
      let hits = try replay.run(policy, bytes: capacity).hits
      let curve = replay.estimate(policy, bytes: capacity, hits: hits)
      for point in curve.points {
        let exact = try replay.run(policy, bytes: max(Int(Double(capacity) * point.factor), 1))
        lines.append(
          "\(policy), \(Int(Double(capacity) * point.factor)) bytes: "
            + String(format: "%.2f, %.2f", exact.hitRatio, 100 * point.hitRatio))
      }
      lines.append("\(policy): \(curve.advice)")
    }
    return lines.joined(separator: "\n")
  }
}

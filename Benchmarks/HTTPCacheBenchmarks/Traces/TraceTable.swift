//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import TraceReplay

/// Replays a trace under every eviction policy and lays out the hit ratios.
enum TraceTable {
  /// - Parameters:
  ///   - path: A file of little-endian 64-bit words: keys, or pairs of a key and a size.
  ///   - entries: Bounds by number of entries, one row each.
  ///   - bytes: Bounds by bytes (of a trace of pairs), one row each.
  ///   - shards: How many shards the backend has.
  static func text(path: String, entries: [Int], bytes: [Int], isPairs: Bool, shards: Int = 1) throws -> String {
    let replay = try TraceReplay(path: path, pairs: isPairs)
    let policies = EvictionPolicy.all
    var rows = [["hit ratio in %"] + policies.map(\.description)]
    for bound in entries {
      rows.append(
        ["\(bound) entries"]
          + (try policies.map { String(format: "%.2f", try replay.run($0, entries: bound, shards: shards).hitRatio) }))
    }
    for bound in bytes {
      rows.append(
        ["\(bound) bytes"]
          + (try policies.map { policy in
            let outcome = try replay.run(policy, bytes: bound, shards: shards)
            return String(format: "%.2f / %.2f", outcome.hitRatio, outcome.byteHitRatio)
          }))
    }
    return Report.columns(rows)
  }
}

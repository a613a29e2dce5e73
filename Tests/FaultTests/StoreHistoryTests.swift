//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

extension FaultTests {
  /// Random histories on real servers. `HTTP_CACHE_REAL_HISTORIES=1000` plays that many on each store, from
  /// `HTTP_CACHE_MODEL_FIRST_SEED` on.
  @Suite(.serialized, .timeLimit(.minutes(60))) struct StoreHistoryTests {
    private func play(_ name: String, _ makeWorld: (UInt64) async throws -> any StoreWorld) async throws {
      func number(_ name: String) -> UInt64? { ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) } }
      let (first, count) = (number("HTTP_CACHE_MODEL_FIRST_SEED") ?? 1, number("HTTP_CACHE_REAL_HISTORIES") ?? 30)
      let start = ContinuousClock.now
      var counts: [String: Int] = [:]
      for seed in first..<first + count {
        let history = try await StoreHistory.play(seed: seed, steps: 120, in: try await makeWorld(seed))
        counts.merge(history.counts) { $0 + $1 }
        if let objection = history.objection {
          Issue.record("\(objection)")
          return
        }
      }
      let text = counts.sorted { $0.key < $1.key }.map { "\($0.value) × \($0.key)" }.joined(separator: ", ")
      print("\(count) histories, \(name), in \(ContinuousClock.now - start): \(text)")
      // A history that finds nothing shows nothing.
      let (hits, misses) = (counts["hit", default: 0] + counts["stale", default: 0], counts["miss", default: 0])
      #expect(3 * hits > hits + misses, "\(hits) hits, \(misses) misses")
      for what in ["stale", "stored", "invalidated", "failed invalidation", "restart"] {
        #expect(counts[what, default: 0] > 0, "no \(what)")
      }
      #expect(counts.keys.contains { $0.hasPrefix("lost") } && counts.keys.contains { $0.hasPrefix("hurt") })
    }

    @Test(arguments: [false, true])
    func `no node of a Redis server finds what was invalidated before it looked`(isBehindMemory: Bool) async throws {
      let redis = try await HistoryRedis()
      try await play(isBehindMemory ? "memory, Redis" : "Redis") {
        try await RedisWorld(redis, seed: $0, isBehindMemory: isBehindMemory)
      }
      await redis.shutdown()
    }

    @Test func `no node of memcached servers finds what was invalidated before it looked`() async throws {
      let servers = try MemcachedWorld.Servers()
      try await play("memcached") { try MemcachedWorld(servers, seed: $0) }
      servers.shutdown()
    }
  }
}

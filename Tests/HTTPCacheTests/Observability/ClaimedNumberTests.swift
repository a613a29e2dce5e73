//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// Numbers that an origin claims, or a configuration has, whatever they are.
@Suite struct ClaimedNumberTests {
  @Test func `lengths that an origin claims neither end the process nor take away from the bytes counted`() {
    let counters = CacheCounters()
    let hits = counters.hitCounts(shardCount: 2)
    var last = 0.0
    for _ in 0..<8 {
      counters.countAnswer(.miss(.absent), policy: 0, byteCount: .max, stripe: 0)
      counters.countAnswer(.hit, policy: 0, byteCount: .max, stripe: 1)
      hits.add(shard: 1, policy: 0, byteCount: 1, cost: .max)
      let metrics = counters.metrics
      let bytes = metrics.value("http_cache_served_bytes", ["outcome": "miss"])
      #expect(bytes > last)
      #expect(metrics.value("http_cache_served_bytes", ["outcome": "hit"]) > 0)
      #expect(metrics.value("http_cache_origin_saved_seconds") > 0)
      last = bytes
    }
  }

  @Test(arguments: [HotKey.Measure.requests, .bytes, .originTime, .misses])
  func `hot keys keep their bounds whatever an origin claims`(measure: HotKey.Measure) {
    let table = HotKeyTable()
    let now = CacheInstant(nanoseconds: 1)
    for number in 0..<4000 {
      // Some come back, most take the place of others.
      let key = CacheKey(custom: "key \(number % 3 == 0 ? number : number % 7)")
      let observation = HotKeyTable.Observation(
        weight: 16, byteCount: .max, isMiss: true, originMicroseconds: .max - UInt64(number))
      table.record(key.digest, observation, at: now) { key }
    }
    let top = table.top(by: measure, window: .minute, limit: 10, at: now)
    // Of the seven keys that come back, those that have kept their slots: among counts that are full, any may lose it.
    #expect((3...7).contains(top.count))
    for hot in top { #expect(hot.lowerBound <= hot.value && hot.value <= hot.upperBound, "\(hot)") }
  }

  @Test(arguments: [-1, 0, .nan, .infinity, 1, 2, 0.999_999_999_999_999_9, .leastNonzeroMagnitude] as [Double])
  func `any sample rate has a threshold`(rate: Double) {
    let threshold = UInt64.threshold(forRate: rate)
    #expect(rate > 0 || threshold == 0)
    #expect(!(rate >= 1) || threshold == .max)
  }
}

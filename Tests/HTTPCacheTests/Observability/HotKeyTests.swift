//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Hot keys: the right ones, in bounded memory, with bounds that hold (``CacheLayer/hotKeys(by:window:limit:)``).
@Suite struct HotKeyTests {
  private static let start: Int64 = 120 * HotKeyTable.minute

  private static func digest(_ number: Int) -> KeyDigest {
    var random = SplitMix64(seed: UInt64(number) &* 7919)
    return KeyDigest(high: random.next(), low: random.next())
  }

  @Test(arguments: [HotKey.Window.minute, .tenMinutes])
  func `under Zipf 0.9 over 100,000 keys, 19 of the true top 20 are found, and the bounds hold`(
    window: HotKey.Window
  ) throws {
    let keyCount = 100_000
    let shardCount = 64
    var cumulative: [Double] = []
    var sum = 0.0
    for rank in 1...keyCount {
      sum += 1 / pow(Double(rank), 0.9)
      cumulative.append(sum)
    }
    var random = SplitMix64(seed: 42)
    let draws = (0..<200_000).map { _ in
      let target = Double(random.next() >> 11) / 0x1p53 * sum
      var (low, high) = (0, keyCount - 1)
      while low < high {
        let middle = (low + high) / 2
        if cumulative[middle] >= target { high = middle } else { low = middle + 1 }
      }
      return low
    }
    let digests = (0..<keyCount).map(Self.digest)
    let sampler = HitSampler(shardCount: shardCount)
    defer { sampler.destroy() }
    let table = HotKeyTable()
    var counts = [Int](repeating: 0, count: keyCount)
    let repetitions = 30
    let requestCount = draws.count * repetitions
    let span = Int64(window.minutes) * HotKeyTable.minute
    var position = 0
    for _ in 0..<repetitions {
      for key in draws {
        let now = Self.start + span / Int64(requestCount) * Int64(position)
        position += 1
        counts[key] += 1
        let digest = digests[key]
        let shard = Int(truncatingIfNeeded: digest.high) & (shardCount - 1)
        guard sampler.takes(shard: shard) else { continue }
        let weight = sampler.next(shard: shard, at: now)
        table.record(digest, HotKeyTable.Observation(weight: weight), at: CacheInstant(nanoseconds: now)) {
          CacheKey(custom: "\(key)")
        }
      }
    }
    let end = CacheInstant(nanoseconds: Self.start + span - 1)
    let top = table.top(by: .requests, window: window, limit: 20, at: end)
    let truth = Set(counts.indices.sorted { counts[$0] > counts[$1] }.prefix(20).map { "key:\($0)" })
    #expect(truth.intersection(top.map(\.key)).count >= 19)
    let within = top.filter { hot in
      guard let key = Int(hot.key.dropFirst(4)) else { return false }
      return hot.lowerBound <= Double(counts[key]) && Double(counts[key]) <= hot.upperBound
    }
    #expect(within.count >= 18)
    #expect(top.allSatisfy { $0.upperBound - $0.lowerBound < $0.value / 2 })
  }

  @Test func `memory stays below 1 MiB, whatever the number of keys, repeated or not, as time passes`() {
    let table = HotKeyTable()
    let long = String(repeating: "x", count: 4000)
    for minute in 0..<13 as Range<Int64> {
      for number in 0..<8000 {
        let now = CacheInstant(nanoseconds: Self.start + minute * HotKeyTable.minute + Int64(number))
        let digest = Self.digest(number % 2 == 0 ? number % 3000 : number + Int(minute) * 8000)
        let observation = HotKeyTable.Observation(byteCount: 1000, isMiss: true, originMicroseconds: 5)
        for _ in 0..<2 { table.record(digest, observation, at: now) { CacheKey(custom: "\(number)\(long)") } }
      }
      #expect(table.byteCount < 1 << 20)
    }
    let now = CacheInstant(nanoseconds: Self.start + 13 * HotKeyTable.minute)
    #expect(table.top(by: .bytes, window: .tenMinutes, limit: 50, at: now).count == 50)
    #expect(table.top(by: .bytes, window: .tenMinutes, limit: -1, at: now).isEmpty)
  }

  @Test func `what is asked for no more is forgotten`() {
    let table = HotKeyTable()
    func top(_ window: HotKey.Window, after seconds: Double) -> [Double] {
      let now = CacheInstant(nanoseconds: Self.start + Int64(seconds * 1e9))
      return table.top(by: .requests, window: window, limit: 5, at: now).map(\.value)
    }
    for _ in 0..<100 {
      table.record(Self.digest(1), HotKeyTable.Observation(), at: CacheInstant(nanoseconds: Self.start)) {
        CacheKey(custom: "a")
      }
    }
    #expect(top(.minute, after: 0) == [100])
    #expect(top(.minute, after: 59) == [100])
    #expect(top(.minute, after: 90) == [50])
    #expect(top(.minute, after: 120) == [])
    #expect(top(.tenMinutes, after: 570) == [100])
    #expect(top(.tenMinutes, after: 630) == [50])
    #expect(top(.tenMinutes, after: 660) == [])
    #expect(top(.tenMinutes, after: 100_000) == [])
  }

  /// A cache of each kind that has its own way to a hit.
  enum Kind: CaseIterable { case plain, observed, refreshing, customKey, early, varying }

  @Test(arguments: Kind.allCases)
  func `every measure counts, on every way to a hit`(kind: Kind) async throws {
    let clock = ManualClock()
    var policy = CachePolicy()
    if kind == .customKey { policy.key = .custom { $0.target } }
    if kind == .early { policy.earlyRefreshBeta = 1e-9 }
    let cache = try CacheLayer(
      backend: InMemoryBackend(clock: CacheClock(clock)), policy: policy,
      observers: kind == .observed ? [EventRecorder()] : [],
      autoRefresh: kind == .refreshing ? AutoRefreshPolicy() : nil)
    let service = Handler { request in
      clock.advance(by: .milliseconds(250))
      var fields: HeaderFields = ["Cache-Control": "max-age=600"]
      if kind == .varying { fields.append("Vary", "Accept-Language") }
      return CacheResponse(fields: fields, body: request.target == "/big" ? "0123456789" : "x")
    }.layer(cache)
    for _ in 0..<8 { _ = try await service.call(.get("/often")) }
    for _ in 0..<2 { _ = try await service.call(.get("/big")) }
    func values(_ measure: HotKey.Measure) -> [String: Double] {
      Dictionary(uniqueKeysWithValues: cache.hotKeys(by: measure).map { ($0.key, $0.value) })
    }
    let (often, big) =
      kind == .customKey ? ("key:/often", "key:/big") : ("http://example.com/often", "http://example.com/big")
    #expect(values(.requests) == [often: 8, big: 2])
    #expect(values(.bytes) == [often: 8, big: 20])
    #expect(cache.hotKeys(by: .bytes, limit: 1).map(\.key) == [big])
    // A key is named when it comes for the second time.
    _ = try await service.call(
      CacheRequest(authority: "example.com", target: "/often", fields: ["Cache-Control": "no-cache"]))
    #expect(values(.misses) == [often: 2])
    #expect(values(.originTime) == [often: 0.5])
  }
}

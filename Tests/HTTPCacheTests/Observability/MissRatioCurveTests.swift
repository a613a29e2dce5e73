//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// The curve of hit ratios over capacities agrees with caches of these capacities (``CacheLayer/missRatioCurve``).
@Suite struct MissRatioCurveTests {
  private static func digest(_ number: Int, seed: UInt64 = 0) -> KeyDigest {
    var random = SplitMix64(seed: UInt64(number) &* 7919 &+ seed &* 0x9E37_79B9)
    return KeyDigest(high: random.next(), low: random.next())
  }

  /// Popular keys, and as many that come only once.
  private static let trace: [Int] = {
    var random = SplitMix64(seed: 1)
    return (0..<60_000).map { position in
      guard position % 4 != 0 else { return 1_000_000 + position }
      let uniform = Double(random.next() >> 11) / 0x1p53
      return Int(pow(20_000, uniform))
    }
  }()

  @Test(arguments: EvictionPolicy.all)
  func `at each size the estimate is within 3 points of a whole cache of that size`(policy: EvictionPolicy) throws {
    let (weight, capacity) = (1000, 1_000_000)
    func exact(_ factor: Double) -> Int {
      let cache = CacheSimulation(policy, capacity: Int(Double(capacity) * factor))
      return Self.trace.count { key in
        let isHit = cache.lookup(Self.digest(key), at: 0)
        if !isHit { cache.store(Self.digest(key), weight: weight, expiresAt: .max) }
        return isHit
      }
    }
    let estimator = MissRatioEstimator(policy, capacity: capacity)
    for key in Self.trace { estimator.request(Self.digest(key), content: (weight, .max), at: 0) }
    estimator.countAll(hits: exact(1), lookups: Self.trace.count)
    let curve = estimator.curve
    #expect(curve.sampleRate < 0.5)
    #expect(curve.sampledKeys <= 1024)
    #expect(curve.points.map(\.factor) == [0.25, 0.5, 1, 2, 4, 8])
    for point in curve.points {
      let exact = Double(exact(point.factor)) / Double(Self.trace.count)
      #expect(abs(point.hitRatio - exact) < 0.03, "\(point) should be \(exact)")
    }
  }

  @Test(arguments: EvictionPolicy.all)
  func `keys and memory are bounded, however many keys come, and come again`(policy: EvictionPolicy) {
    let estimator = MissRatioEstimator(policy, capacity: 1 << 40)
    for round in 0..<3 {
      for number in 0..<20_000 {
        estimator.request(Self.digest(number), content: (1000, 1 << 40), at: Int64(round) << 42)
      }
      #expect(estimator.curve.sampledKeys <= MissRatioEstimator.maximumKeyCount)
      #expect(estimator.byteCount < 1 << 20)
    }
  }

  /// A cache with room for about 300 entries that is asked for 600 keys in turn.
  private func looped(
    maxAge: Int, pause: Duration = .zero, capacity: Int = 300 * 1600, evictionPolicy: EvictionPolicy = .lru
  ) async throws -> MissRatioCurve {
    let clock = ManualClock()
    let backend = InMemoryBackend(capacity: capacity, evictionPolicy: evictionPolicy, clock: CacheClock(clock))
    let cache = try CacheLayer(backend: backend, policy: CachePolicy())
    let body = Body(Bytes(Array(repeating: 120, count: 1024)))
    let service = Handler { _ in
      CacheResponse(fields: ["Cache-Control": "max-age=\(maxAge)"], body: body)
    }.layer(cache)
    for _ in 0..<20 {
      for number in 0..<600 {
        _ = try await service.call(.get("/\(number)"))
        if number % 100 == 0 { cache.recorder.drain() }
      }
      clock.advance(by: pause)
    }
    return try #require(cache.missRatioCurve)
  }

  @Test func `a loop that does not fit into an LRU cache is seen to fit into a larger one`() async throws {
    let curve = try await looped(maxAge: 3600)
    #expect(curve.requests == 12_000)
    #expect(curve.evictionPolicy == "LRU")
    #expect(try #require(curve.hitRatio(at: 0.5)) < 0.01)
    #expect(try #require(curve.hitRatio(at: 1)) < 0.01)
    #expect(try #require(curve.hitRatio(at: 4)) > 0.9)
    #expect(try #require(curve.hitRatio(at: 8)) > 0.9)
    #expect(curve.advice.contains("times the memory buys 9"))
    #expect(curve.advice.contains("half of it would do"))
  }

  @Test func `another policy has another curve`() async throws {
    let curve = try await looped(maxAge: 3600, evictionPolicy: .adaptive)
    #expect(try #require(curve.hitRatio(at: 1)) > 0.25)
  }

  @Test func `memory does not help what has expired`() async throws {
    let curve = try await looped(maxAge: 10, pause: .seconds(11))
    #expect(curve.points.allSatisfy { $0.hitRatio < 0.01 })
    #expect(curve.advice.contains("More memory buys next to nothing"))
  }

  @Test func `a cache that holds everything needs no more memory`() async throws {
    let curve = try await looped(maxAge: 3600, capacity: 64 << 20)
    #expect(try #require(curve.hitRatio(at: 1)) > 0.9)
    #expect(curve.advice == "More memory buys next to nothing; half of it would do.")
  }

  @Test func `there is no curve without a store in memory, and no advice without requests`() throws {
    #expect(try CacheLayer(backend: SharedStore()).missRatioCurve == nil)
    #expect(try CacheLayer(backend: InMemoryBackend()).missRatioCurve?.advice == "too few requests to tell")
  }
}

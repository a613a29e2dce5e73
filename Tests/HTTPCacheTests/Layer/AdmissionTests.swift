//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Made-up URLs cannot flush the cache.
@Suite(.timeLimit(.minutes(5))) struct AdmissionTests {
  @Test func `a new URL beyond the allowance is delivered, not stored, and stored when it is asked for again`()
    async throws
  {
    var policy = CachePolicy()
    policy.admission = AdmissionPolicy(newKeyLimit: 1, interval: .seconds(60))
    let fixture = try Fixture(policy)
    let service = CountingOrigin().layer(fixture.cache)
    _ = try await service.call(.get("/first"))
    #expect(try await service.call(.get("/first")).outcome == .hit)
    let probation = try await service.call(.get("/second"))
    #expect(try await probation.text() == "answer 2")
    #expect(probation.fields[.cacheStatus]?.contains("detail=probation") == true)
    #expect(try await service.call(.get("/second")).text() == "answer 3")
    #expect(try await service.call(.get("/second")).outcome == .hit)
    #expect(fixture.cache.statistics.refusals == [.probation: 1])
  }

  @Test func `what is stored is refreshed without having to pass again`() async throws {
    var policy = CachePolicy(timeToLive: .seconds(10))
    policy.admission = AdmissionPolicy(newKeyLimit: 1, interval: .seconds(3600))
    let fixture = try Fixture(policy)
    let service = CountingOrigin(["ETag": "\"x\""]).layer(fixture.cache)
    for _ in 0..<5 {
      #expect(try await service.call(.get("/")).outcome != .hit)
      #expect(try await service.call(.get("/")).outcome == .hit)
      fixture.advance(20)
    }
  }

  @Test func `variants of one URL are limited`() async throws {
    var policy = CachePolicy()
    policy.admission = AdmissionPolicy(variantLimit: 4)
    let fixture = try Fixture(policy)
    let service = CountingOrigin(["Vary": "X-Random"]).layer(fixture.cache)
    for number in 0..<100 { _ = try await service.call(.get("/", ["X-Random": "\(number)"])) }
    #expect(fixture.cache.statistics.refusals == [.variantLimit: 96])
    for number in 0..<4 {
      #expect(try await service.call(.get("/", ["X-Random": "\(number)"])).outcome == .hit)
    }
    // An index and four variants.
    #expect(fixture.backend.statistics.entryCount == 5)
  }

  @Test(arguments: [EvictionPolicy.lru, .adaptive])
  func `a flood of random query strings costs the regular traffic less than two points`(eviction: EvictionPolicy)
    async throws
  {
    func hitRatio(flood: Bool, admission: AdmissionPolicy?) async throws -> Double {
      var policy = CachePolicy(timeToLive: .seconds(3600))
      policy.admission = admission
      let backend = InMemoryBackend(capacity: 1 << 30, maximumEntryCount: 1_000, evictionPolicy: eviction)
      let cache = try CacheLayer(backend: backend, policy: policy)
      let service = CountingOrigin().layer(cache)
      var random = SplitMix64(seed: 42)
      var hits = 0
      func regular() -> CacheRequest {
        // About Zipf over two thousand pages.
        let rank = Int(pow2(Double.random(in: 0..<11, using: &random)))
        return .get("/page/\(rank)")
      }
      for _ in 0..<20_000 { _ = try await service.call(regular()) }
      for step in 0..<20_000 {
        if try await service.call(regular()).outcome == .hit { hits += 1 }
        // Twenty times the capacity in all.
        if flood { _ = try await service.call(.get("/search?q=\(step)-\(random.next())")) }
      }
      return Double(hits) / 20_000
    }
    let admission = AdmissionPolicy(newKeyLimit: 100, interval: .seconds(3600))
    let calm = try await hitRatio(flood: false, admission: nil)
    let guarded = try await hitRatio(flood: true, admission: admission)
    let unguarded = try await hitRatio(flood: true, admission: nil)
    #expect(calm - guarded < 0.02, "\(calm) becomes \(guarded)")
    // The flood is one: without the policy it does harm.
    if eviction == .lru { #expect(calm - unguarded > 0.05, "\(calm) becomes \(unguarded)") }
  }

  private func pow2(_ exponent: Double) -> Double {
    var (result, factor, fraction) = (1.0, 2.0, exponent)
    while fraction >= 1 {
      result *= factor
      fraction -= 1
    }
    // Between the powers a straight line will do.
    factor = 1 + fraction
    return result * factor
  }

  @Test(arguments: [
    AdmissionPolicy(newKeyLimit: -1), AdmissionPolicy(interval: .zero), AdmissionPolicy(variantLimit: 0),
  ])
  func `nonsense is refused`(admission: AdmissionPolicy) {
    var policy = CachePolicy()
    policy.admission = admission
    #expect(throws: CacheConfigurationError.self) { try policy.validate() }
  }
}

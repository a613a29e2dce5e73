//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// No user gets what was made for another unless the origin allowed that: groups of users at the same time, at random.
@Suite(.timeLimit(.minutes(5))) struct PersonalPagesTests {
  private static let policy = CachePolicy(timeToLive: nil)

  @Test(arguments: 1...3 as ClosedRange<UInt64>)
  func `in memory`(seed: UInt64) async throws {
    let cache = try CacheLayer(backend: InMemoryBackend(), policy: Self.policy)
    let violations = await PersonalPages.violations([cache], seed: seed, rounds: 56)
    #expect(violations == [])
    await cache.waitForLandings()
  }

  @Test(arguments: [nil, .seconds(5)] as [Duration?])
  func `in a store that takes waiting, and that two nodes share`(lease: Duration?) async throws {
    let store = try SharedStore()
    var policy = Self.policy
    policy.originLease = lease
    let caches = try (0..<2).map { _ in try CacheLayer(backend: store, policy: policy) }
    let violations = await PersonalPages.violations(caches, seed: 4, rounds: 28)
    #expect(violations == [])
    for cache in caches { await cache.waitForLandings() }
  }

  @Test func `in tiers`() async throws {
    let store = try SharedStore()
    let caches = try (0..<2).map { _ in
      try CacheLayer(backend: MultiTierBackend(near: InMemoryBackend(), far: store), policy: Self.policy)
    }
    let violations = await PersonalPages.violations(caches, seed: 5, rounds: 28)
    #expect(violations == [])
    for cache in caches { await cache.waitForLandings() }
  }
}

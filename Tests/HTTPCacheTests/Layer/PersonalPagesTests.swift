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

  /// With a lifetime of its own, which is not for requests with a cookie.
  private static let ownLifetimePolicy = CachePolicy(timeToLive: .seconds(60))

  /// With windows of the policy's, which are for responses that have been fresh.
  private static let lenientPolicy: CachePolicy = {
    var policy = CachePolicy(
      timeToLive: nil, staleWhileRevalidate: .seconds(600), staleIfError: .seconds(600))
    policy.softTimeout = .milliseconds(1)
    return policy
  }()

  @Test(arguments: 1...3 as ClosedRange<UInt64>, [false, true])
  func `in memory`(seed: UInt64, isLenient: Bool) async throws {
    let cache = try CacheLayer(backend: InMemoryBackend(), policy: isLenient ? Self.lenientPolicy : Self.policy)
    let violations = await PersonalPages.violations([cache], seed: seed, isSharing: true, rounds: 68)
    #expect(violations == [])
    await cache.waitForLandings()
  }

  @Test(arguments: 9...11 as ClosedRange<UInt64>) func `where the policy has a lifetime`(seed: UInt64) async throws {
    let cache = try CacheLayer(backend: InMemoryBackend(), policy: Self.ownLifetimePolicy)
    let violations = await PersonalPages.violations([cache], seed: seed, isSharing: true, rounds: 68)
    #expect(violations == [])
    await cache.waitForLandings()
  }

  @Test(arguments: 6...8 as ClosedRange<UInt64>) func `where every call is a slow one`(seed: UInt64) async throws {
    var policy = Self.policy
    policy.slowCallLimit = .microseconds(1)
    let cache = try CacheLayer(backend: InMemoryBackend(), policy: policy)
    let violations = await PersonalPages.violations([cache], seed: seed, isSharing: true, rounds: 68)
    #expect(violations == [])
    await cache.waitForLandings()
  }

  @Test(arguments: [nil, .seconds(5)] as [Duration?])
  func `in a store that takes waiting, and that two nodes share`(lease: Duration?) async throws {
    let store = try SharedStore()
    var policy = Self.policy
    policy.originLease = lease
    let caches = try (0..<2).map { _ in try CacheLayer(backend: store, policy: policy) }
    let violations = await PersonalPages.violations(caches, seed: 4, isSharing: true, rounds: 34)
    #expect(violations == [])
    for cache in caches { await cache.waitForLandings() }
  }

  @Test(arguments: [false, true]) func `in tiers`(isLenient: Bool) async throws {
    let store = try SharedStore()
    let caches = try (0..<2).map { _ in
      try CacheLayer(
        backend: MultiTierBackend(near: InMemoryBackend(), far: store),
        policy: isLenient ? Self.lenientPolicy : Self.policy)
    }
    let violations = await PersonalPages.violations(caches, seed: 5, isSharing: true, rounds: 34)
    #expect(violations == [])
    for cache in caches { await cache.waitForLandings() }
  }
}

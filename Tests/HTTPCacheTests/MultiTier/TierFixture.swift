//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

/// Two tiers on a manual clock: memory in front of a store that may fail.
struct TierFixture {
  typealias Near = FaultyBackend<InMemoryBackend>
  typealias Far = FaultyBackend<SharedStore>

  let clock: ManualClock
  let store: SharedStore
  let near: Near
  let far: Far
  let tiers: MultiTierBackend<Near, Far>

  init(
    _ configuration: TierConfiguration = TierConfiguration(), sharing other: TierFixture? = nil,
    backplane: InProcessBackplane? = nil, nearIsSynchronous: Bool = true
  ) throws {
    clock = other?.clock ?? ManualClock()
    let clock = CacheClock(self.clock)
    store = try other?.store ?? SharedStore(clock: clock)
    near = FaultyBackend(
      try InMemoryBackend(configuration: .init(clock: clock)), isSynchronous: nearIsSynchronous, clock: clock)
    far = FaultyBackend(store, clock: clock)
    var configuration = configuration
    configuration.clock = clock
    tiers = try MultiTierBackend(near: near, far: far, backplane: backplane, configuration: configuration)
  }

  var now: CacheInstant { clock.now }

  static func key(_ path: String) -> CacheKey { CacheKey(scheme: "https", authority: "tiers.test", target: path) }

  func entry(_ path: String, _ body: Bytes = "content", tags: [String] = [], fresh: Duration = .seconds(600))
    -> CacheEntry
  {
    let end = now.advanced(by: fresh)
    return CacheEntry(
      key: Self.key(path), status: 200, fields: ["ETag": "\"\(body.prefix(16).count)\""], body: body,
      times: EntryTimes(
        birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end.advanced(by: .seconds(60)),
        staleIfErrorUntil: end.advanced(by: .seconds(300)), reclaimAt: end.advanced(by: .seconds(3600))),
      tags: CacheTags(tags))
  }

  /// Stores as a cache does.
  @discardableResult
  func put(_ entry: CacheEntry, in backend: (any CacheBackend)? = nil) async throws -> CacheStoreResult {
    let backend = backend ?? tiers
    let stamp = try await backend.lookup(entry.key).stamp
    let result = backend.storeNow(entry, stamp: stamp)
    return result == .unavailable ? try await backend.store(entry, stamp: stamp) : result
  }

  /// What is found without waiting.
  func peeked(_ path: String) -> Bytes? {
    if case .found(let entry) = tiers.peek(Self.key(path), at: now) { entry.body } else { nil }
  }

  func found(_ path: String) async throws -> Bytes? { try await tiers.lookup(Self.key(path)).entry?.body }

  func count(_ kind: TierEvent.Kind) -> Int { tiers.statistics[kind] }

  /// Moves the clock in steps until `condition` holds, so that whoever sleeps by it does its work.
  func advance(until condition: () async throws -> Bool) async rethrows {
    try await HTTPCacheTests.advance(clock, by: .milliseconds(200), until: condition)
  }
}

/// Stops a lookup after the store has answered, until a test lets it go on.
final class StoppedLookups<Base: CacheBackend>: CacheBackend {
  let base: Base
  let gate = TestGate()

  init(_ base: Base) { self.base = base }

  func lookup(_ key: CacheKey) async throws -> CacheLookup {
    let found = try await base.lookup(key)
    await gate.pass()
    return found
  }

  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    try await base.store(entry, stamp: stamp)
  }

  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    try await base.invalidate(invalidation)
  }
}

/// Stops an invalidation before the store is told of it, and a look after the store has answered it.
final class StoppedInvalidations: CacheBackend {
  let base: InMemoryBackend
  /// What is done, once, between a look in the store and its return.
  let afterPeek = Locked<(@Sendable () -> Void)?>(nil)
  let gate = TestGate()

  init(_ base: InMemoryBackend) { self.base = base }

  func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek {
    let found = base.peek(key, at: now)
    let action = afterPeek.withLock { action in
      defer { action = nil }
      return action
    }
    action?()
    return found
  }

  var stampNow: InvalidationStamp? { base.stampNow }

  func lookup(_ key: CacheKey) async throws -> CacheLookup { await base.lookup(key) }

  func storeNow(_ entry: CacheEntry, stamp: InvalidationStamp) -> CacheStoreResult {
    base.storeNow(entry, stamp: stamp)
  }

  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    await base.store(entry, stamp: stamp)
  }

  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    await gate.pass()
    return await base.invalidate(invalidation)
  }

  func verdictNow(key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp) -> InvalidationVerdict? {
    base.verdictNow(key: key, tags: tags, since: stamp)
  }
}

/// A store whose writes can be held up.
final class StoppedStores<Base: CacheBackend>: CacheBackend {
  let gate = TestGate()
  private let base: Base

  init(_ base: Base) { self.base = base }

  var stampNow: InvalidationStamp? { base.stampNow }
  func lookup(_ key: CacheKey) async throws -> CacheLookup { try await base.lookup(key) }
  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    await gate.pass()
    return try await base.store(entry, stamp: stamp)
  }
  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    try await base.invalidate(invalidation)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// A store that several caches of one process share as several processes share Redis, for tests: everything takes waiting,
/// every lookup brings a copy of its own, and there are leases.
public final class SharedStore: LeasingBackend {
  private struct State {
    var leases: [CacheKey: (lease: CacheLease, until: CacheInstant)] = [:]
    var nextToken: UInt64 = 1
    var counts = Counts()
  }

  /// How often the store was asked.
  public struct Counts: Hashable, Sendable {
    /// Lookups.
    public var lookups = 0
    /// Attempts to store.
    public var stores = 0
    /// Invalidations.
    public var invalidations = 0
    /// Attempts to take a lease.
    public var leases = 0
  }

  private let memory: InMemoryBackend
  private let clock: CacheClock
  /// The clock that the store was made with.
  public var entryClock: CacheClock? { clock }
  private let state = Locked(State())

  /// - Parameters:
  ///   - capacity: How many bytes there is room for.
  ///   - clock: The clock that says when entries and leases expire.
  public init(capacity: Int = 256 << 20, clock: CacheClock = .system) throws(CacheConfigurationError) {
    memory = try InMemoryBackend(configuration: .init(capacity: capacity, clock: clock))
    self.clock = clock
  }

  /// How often the store was asked so far.
  public var counts: Counts { state.withLock { $0.counts } }

  /// The leases that are held at the moment.
  public var heldLeases: [CacheLease] {
    let now = clock.now
    return state.withLock { $0.leases.values.filter { now < $0.until }.map(\.lease) }
  }

  /// Lets others go first, as whoever waits for another process does.
  private static func travel() async {
    // By a task of its own, which a test may hold back; a yield it may not.
    await withCheckedContinuation { continuation in Task { continuation.resume() } }
  }

  /// Finds an entry, without telling others.
  public func contains(_ key: CacheKey) -> Bool {
    if case .found = memory.peek(key, at: clock.now) { true } else { false }
  }

  /// Finds an entry.
  public func lookup(_ key: CacheKey) async throws -> CacheLookup { try await lookup(all: [key])[0] }

  /// Finds several entries, in one lookup.
  public func lookup(all keys: [CacheKey]) async throws -> [CacheLookup] {
    state.withLock { $0.counts.lookups += 1 }
    await Self.travel()
    var all: [CacheLookup] = []
    for key in keys {
      var found = await memory.lookup(key)
      found.entry = found.entry.map { $0.with(times: $0.times) }
      all.append(found)
    }
    return all
  }

  /// Stores an entry.
  public func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    state.withLock { $0.counts.stores += 1 }
    await Self.travel()
    return memory.storeNow(entry.with(times: entry.times), stamp: stamp)
  }

  /// Invalidates.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    state.withLock { $0.counts.invalidations += 1 }
    await Self.travel()
    return await memory.invalidate(invalidation)
  }

  /// Takes a lease.
  public func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    await Self.travel()
    let now = clock.now
    return state.withLock { state in
      state.counts.leases += 1
      if let held = state.leases[key], now < held.until { return nil }
      let lease = CacheLease(key: key, token: state.nextToken)
      state.nextToken += 1
      state.leases[key] = (lease, now.advanced(by: duration))
      return lease
    }
  }

  /// Gives a lease back, if it is still held.
  public func releaseLease(_ lease: CacheLease) async {
    state.withLock { state in
      if state.leases[lease.key]?.lease == lease { state.leases[lease.key] = nil }
    }
  }
}

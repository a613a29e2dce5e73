//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache
import Synchronization

/// Keeps entries in memcached servers, for all processes that use the same ones.
///
/// ```swift
/// let backend = try MemcachedBackend(configuration: MemcachedConfiguration(url: "memcached://127.0.0.1:11211"))
/// let cache = try CacheLayer(backend: backend, policy: CachePolicy(timeToLive: .seconds(60)))
/// ```
///
/// A server that is down, slow, full or evicting costs misses, for its own share of the entries, and nothing else: calls
/// end within ``MemcachedConfiguration/timeout``, and fail at once while the server is known to be down. Nothing here
/// blocks the threads that tasks run on.
///
/// Invalidation by key, tag, path prefix and of everything takes the same time however many entries there are, and wins
/// over responses that are on their way on any node. It has to reach every server: one that cannot be reached makes
/// ``invalidate(_:)`` throw, and this process voids everything that the server has as soon as it is back. Predicates cannot
/// be applied to what is elsewhere: ``CacheInvalidation/Target/matching(_:)`` throws.
public final class MemcachedBackend: LeasingBackend {
  let client: MemcachedClient
  let values: MemcachedValueStore
  let keys: MemcachedKeySpace
  let logs: [MemcachedHostLog]
  let clock: CacheClock
  /// The clock that the backend was made with.
  public var entryClock: CacheClock? { clock }
  let leaseTokens = LeaseTokens()

  /// What was in the slots of entries that were looked for and had to be fetched: storing replaces exactly that.
  let expectations = Locked<[MemcachedKey: MemcachedValueStore.Condition]>([:])
  /// The hosts that an invalidation has not reached, and how many of them.
  let unreached = Locked<[Int: Int]>([:])
  /// The same, for a look without the lock.
  let isUnreached = Atomic(false)
  /// What voids everything on a host at the moment.
  let settlements = Locked<[Int: Task<Void, any Error>]>([:])
  /// What tries to tell them.
  let settling = Locked<Task<Void, Never>?>(nil)
  let retryPause: Duration
  private let damaged = Atomic<Int>(0)
  private let timeout: Duration

  /// One of the few thousand buckets of a host.
  private struct SeenBucket: Hashable {
    var host: Int
    var key: MemcachedKey
  }
  /// The buckets that are there, or were.
  private let seenBuckets = Locked(Set<SeenBucket>())

  /// - Parameters:
  ///   - configuration: The servers, and how patient to be with them.
  ///   - clock: The clock that entries' moments are of.
  /// - Throws: ``CacheConfigurationError`` when the configuration makes no sense. Not when no server is there: that is a
  ///   miss until one is.
  public init(configuration: MemcachedConfiguration, clock: CacheClock = .system) throws(CacheConfigurationError) {
    // The client's own times are those of the machine, whatever the entries' are.
    let client = try MemcachedClient(configuration: configuration)
    self.client = client
    timeout = configuration.timeout
    retryPause = configuration.retryTimeout
    self.clock = clock
    values = MemcachedValueStore(client: client, configuration: configuration)
    let keys = values.keys
    self.keys = keys
    logs = (0..<client.hostCount).map { MemcachedHostLog(client: client, host: $0, keys: keys, clock: clock) }
  }

  /// How the servers have been doing.
  public var statistics: [MemcachedHostStatistics] { client.statistics }

  /// How many values were found that are no entries of this version, or damaged.
  public var damagedEntryCount: Int { damaged.load(ordering: .relaxed) }

  /// Ends all connections and threads, and fails what waits for them. The backend is of no use afterwards.
  public func shutdown() async {
    settling.withLock { $0 }?.cancel()
    await client.shutdown()
  }

  deinit { settling.withLock { $0 }?.cancel() }

  /// Finds an entry, and the number of the last invalidation, in one round trip; a second one for an entry with tags, and
  /// one for the chunks of a large entry.
  ///
  /// - Throws: ``CacheError`` when the server that should have it cannot be asked.
  public func lookup(_ key: CacheKey) async throws -> CacheLookup {
    try await translatingErrors {
      let place = MemcachedPlace(key, keys, client)
      let log = logs[place.host]
      let check = patience(with: place.host)
      try await settle(place.host)
      try check()
      let items = try await client.get([log.counterKey, log.ledgerKey, place.slot], from: place.host)
      let view = try await log.view(items[0], items[1])
      var entry: CacheEntry?
      // The server knows whole seconds only, and keeps what has a part of one left for all of it.
      if let item = items[2], let found = try await decode(item, for: key), clock.now < found.entry.times.reclaimAt {
        try check()
        entry = try await valid(found, view, log)
      }
      if entry.map({ $0.times.freshUntil <= clock.now }) ?? true { expect(items[2], in: place.slot) }
      if let entry { return CacheLookup(entry: entry, stamp: InvalidationStamp(view.counter)) }
      let counter = (try? check()) == nil ? view.counter : await prepare(place) ?? view.counter
      return CacheLookup(entry: nil, stamp: InvalidationStamp(max(counter, view.counter)))
    }
  }

  /// The entry that `item` is; nil when it is none, or damaged.
  func decode(_ item: MemcachedItem, for key: CacheKey) async throws -> WireFormat.Decoded? {
    guard item.value.flags != MemcachedFormat.tombstone, let bytes = try await values.value(of: item) else {
      return nil
    }
    do throws(WireFormatError) {
      return try WireFormat.decode(bytes, for: key, now: clock.now, unixNow: clock.unixTime)
    } catch {
      if error != .otherKey { damaged.wrappingAdd(1, ordering: .relaxed) }
      return nil
    }
  }

  /// The entry as it is by what has been invalidated; nil when it is void or nothing is known.
  private func valid(
    _ found: WireFormat.Decoded, _ view: MemcachedHostLog.View, _ log: MemcachedHostLog
  ) async throws -> CacheEntry? {
    guard found.stamp <= view.counter else { return nil }
    let tags = found.entry.tags?.names ?? []
    var verdict = view.ledger.verdict(key: found.entry.key, tags: tags, since: found.stamp)
    if !tags.isEmpty, verdict != .void {
      let marks = try await client.get([log.counterKey] + tags.map { keys.key(.tag, $0) }, from: log.host)
      let counter = marks[0].flatMap(MemcachedHostLog.number) ?? 0
      for item in marks.dropFirst() {
        verdict = verdict.and(
          MemcachedHostLog.mark(item, counter: counter)?.verdict(since: found.stamp) ?? .void)
      }
    }
    return apply(verdict, to: found.entry)
  }

  /// Sees to it that the buckets that storing an entry will need are there before it is asked for: those that are only begun
  /// then void it when anything at all is invalidated meanwhile.
  ///
  /// - Returns: The number of the last invalidation, if that was learned. What is asked for from now on is newer.
  private func prepare(_ place: MemcachedPlace) async -> UInt64? {
    let log = logs[place.host]
    let unseen = place.buckets.filter { bucket in
      seenBuckets.withLock { !$0.contains(SeenBucket(host: place.host, key: bucket)) }
    }
    guard !unseen.isEmpty else { return nil }
    do {
      let items = try await client.get([log.counterKey] + unseen, from: place.host)
      guard let counter = items[0].flatMap(MemcachedHostLog.number) else { return nil }
      let missing = zip(unseen, items.dropFirst()).filter { MemcachedHostLog.mark($1, counter: counter) == nil }
      if !missing.isEmpty { _ = try await log.begin(missing.map(\.0), for: counter) }
      seenBuckets.withLock { seen in
        for bucket in unseen { seen.insert(SeenBucket(host: place.host, key: bucket)) }
      }
      return counter
    } catch {
      // The look-up has its answer; storing will find out.
      return nil
    }
  }

  func apply(_ verdict: RemoteVerdict, to entry: CacheEntry) -> CacheEntry? {
    switch verdict {
    case .valid: return entry
    case .void: return nil
    case .stale(let moment):
      let ago = Duration.milliseconds(max(0, clock.unixTime.milliseconds - moment.milliseconds))
      return entry.with(times: entry.times.stale(since: clock.now.advanced(by: .zero - ago)))
    }
  }

  // MARK: Storing

  /// Stores an entry, unless it has been invalidated since `stamp`. Two round trips, and more for what has tags that were
  /// never seen, or is large.
  ///
  /// - Throws: ``CacheError`` when the server that should have it cannot be reached.
  public func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    try await translatingErrors {
      let place = MemcachedPlace(entry.key, keys, client)
      let expected = expectations.withLock { $0.removeValue(forKey: place.slot) }
      guard
        let expiration = MemcachedExpiration(
          lifetime: entry.times.reclaimAt.duration(since: clock.now))
      else { return .refused }
      try await settle(place.host)
      return try await store(entry, stamp.number, place, expiration, over: expected)
    }
  }

  /// Puts an entry in the place of what was in its slot before the response was asked for; of what is there now, when that
  /// is not known or has changed.
  ///
  /// The invalidations are looked at after the slot: whatever comes to the slot later makes the write fail, and they are
  /// looked at again.
  private func store(
    _ entry: CacheEntry, _ stamp: UInt64, _ place: MemcachedPlace, _ expiration: MemcachedExpiration,
    over expected: MemcachedValueStore.Condition?
  ) async throws -> CacheStoreResult {
    var expected = expected
    for _ in 0..<4 {
      let condition: MemcachedValueStore.Condition
      if let expected {
        condition = expected
      } else {
        let item = try await client.get([place.slot], from: place.host)[0]
        condition = item.map { .unchanged($0.unique) } ?? .absent
      }
      guard let valid = try await stillValid(entry, stamp, place) else { return .invalidated }
      let bytes = WireFormat.encode(valid, stamp: stamp, now: clock.now, unixNow: clock.unixTime)
      switch try await values.store(bytes, for: place.slot, expiration, if: condition, at: place.host) {
      case .stored: return .stored
      case .notStored: expected = nil
      case .tooLarge, .outOfMemory:
        // What is there was superseded by what cannot be stored.
        try await client.delete(place.slot, at: place.host)
        return .refused
      }
    }
    // Others write here all the time; theirs is as good.
    return .refused
  }

  /// The entry as it is by what has been invalidated since `stamp`; nil when it is void.
  private func stillValid(_ entry: CacheEntry, _ stamp: UInt64, _ place: MemcachedPlace) async throws -> CacheEntry? {
    let log = logs[place.host]
    let tags = entry.tags?.names ?? []
    let needed = place.buckets + tags.map { keys.key(.tag, $0) }
    let items = try await client.get([log.counterKey, log.ledgerKey] + needed, from: place.host)
    let view = try await log.view(items[0], items[1])
    guard stamp <= view.counter else { return nil }
    var verdict = view.ledger.verdict(key: entry.key, tags: tags, since: stamp)
    var missing: [MemcachedKey] = []
    for (key, item) in zip(needed, items.dropFirst(2)) {
      guard let mark = MemcachedHostLog.mark(item, counter: view.counter) else {
        missing.append(key)
        continue
      }
      verdict = verdict.and(mark.verdict(since: stamp))
    }
    if verdict != .void, !missing.isEmpty { verdict = verdict.and(try await log.begin(missing, for: stamp)) }
    return apply(verdict, to: entry)
  }

  private func expect(_ item: MemcachedItem?, in slot: MemcachedKey) {
    expectations.withLock { expectations in
      // Not all that is looked for is stored. What is forgotten costs the one who stores it a look.
      if expectations.count >= 4096 { expectations.removeAll(keepingCapacity: true) }
      expectations[slot] = item.map { .unchanged($0.unique) } ?? .absent
    }
  }

  // MARK: Errors

  /// For operations that somebody waits for and that take several round trips.
  ///
  /// - Returns: Throws when the operation has taken as long as one may: then no further one is begun.
  func patience(with host: Int) -> () throws(MemcachedError) -> Void {
    // By the machine's clock, as the client's timeouts are.
    let end = CacheClock.system.now.advanced(by: timeout)
    return { [client] () throws(MemcachedError) in
      guard CacheClock.system.now < end else {
        throw MemcachedError(
          .timedOut, host: client.hostName(host), "takes too long for what needs several round trips")
      }
    }
  }

  func translatingErrors<Value>(_ body: () async throws -> Value) async throws -> Value {
    do {
      return try await body()
    } catch let error as MemcachedError {
      throw CacheError(error.cacheCode, error.description, underlyingError: error)
    }
  }
}

extension MemcachedError {
  /// The kind of failure in the terms of all backends.
  fileprivate var cacheCode: CacheError.Code {
    switch code {
    case .timedOut: .timedOut
    case .queueFull: .overloaded
    case .refused: .refused
    case .protocolViolated: .damaged
    case .shutDown: .closed
    default: .unavailable
    }
  }
}

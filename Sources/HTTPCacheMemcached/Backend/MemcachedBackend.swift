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
  /// The holders of leases that were asked for in vain, and since when each has been seen.
  let watchedLeases = Locked(BoundedMap<MemcachedKey, (token: UInt64, since: CacheInstant)>(maximumCount: 1024))

  /// The content of the slots of entries that were looked for and had to be fetched: storing replaces exactly that. Not all that
  /// is looked for is stored. What is forgotten costs the one who stores it a look.
  private let expectations = Locked(BoundedMap<MemcachedKey, MemcachedValueStore.Condition>(maximumCount: 4096))
  /// The tasks that tell hosts the invalidations which they have not been told, by host.
  let tellers = Locked<[Int: Task<Void, any Error>]>([:])
  /// The task that starts these.
  let telling = Locked<Task<Void, Never>?>(nil)
  let retryPause: Duration
  let times = OperationTimes()
  private let damaged = Atomic<Int>(0)
  private let timeout: Duration

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
    telling.withLock { $0 }?.cancel()
    await client.shutdown()
  }

  deinit { telling.withLock { $0 }?.cancel() }

  /// Finds an entry, and the number of the last invalidation, in one round trip; a second one for an entry with tags, and
  /// one for the chunks of a large entry.
  ///
  /// - Throws: ``CacheError`` when the server that should have it cannot be asked.
  public func lookup(_ key: CacheKey) async throws -> CacheLookup { try await lookup(all: [key])[0] }

  /// Finds several entries, and the number of the last invalidation. A resource and its variants, which are on one host, take
  /// the round trips of a single entry (``lookup(_:)``).
  ///
  /// - Throws: ``CacheError`` when a server that should have one of them cannot be asked.
  public func lookup(all keys: [CacheKey]) async throws -> [CacheLookup] {
    let start = clock.preciseNow
    defer { times.record(.lookup, since: start, clock) }
    return try await translatingErrors {
      var rest = keys.map { (key: $0, place: MemcachedPlace($0, self.keys, client)) }[...]
      var found: [CacheLookup] = []
      while let host = rest.first?.place.host {
        let together = rest.prefix { $0.place.host == host }
        found += try await lookup(together, at: host)
        rest = rest.dropFirst(together.count)
      }
      return found
    }
  }

  private func lookup(
    _ wanted: ArraySlice<(key: CacheKey, place: MemcachedPlace)>, at host: Int
  ) async throws -> [CacheLookup] {
    let log = logs[host]
    let check = patience(with: host)
    // While that fails, what they concern is a miss.
    if log.pending.isWaiting {
      try? await tellPending(log)
      try check()
    }
    // A value that does not arrive in time is not asked for.
    let (slowValues, now) = (client.slowValues(of: host), CacheClock.system.now)
    let slots = wanted.map { slowValues.byteCount(of: $0.place.slot, at: now) == nil ? $0.place.slot : nil }
    // The buckets that storing an entry will need: begun before the response is asked for, or anything that is invalidated
    // meanwhile would void it.
    let unseen = unseenBuckets(of: wanted, log)
    let asked = slots.compactMap(\.self) + unseen.map { keys.bucket($0) }
    let seen = log.seen
    var items = try await client.get([log.keys.counter, log.keys.ledger] + asked, from: host)[...]
    let view = try await log.view(items.removeFirst(), items.removeFirst(), seen: seen)
    var found: [CacheEntry?] = []
    for ((key, place), slot) in zip(wanted, slots) {
      found.append(slot == nil ? nil : try await entry(items.removeFirst(), for: key, in: place, view, log, check))
    }
    let missing = zip(unseen, items).filter { MemcachedMark($1) == nil }
    var stamp = view.counter
    var seenNow = Set(unseen).subtracting(missing.map(\.0))
    if found.contains(where: { $0 == nil }), !missing.isEmpty, (try? check()) != nil,
      let begun = try? await log.begin(missing.map { keys.bucket($0.0) }, over: missing.map(\.1), counter: stamp)
    {
      // Otherwise storing will find out: the look-up has its answer. What is asked for from now on is newer.
      (stamp, seenNow) = (begun, Set(unseen))
    }
    if !seenNow.isEmpty { log.seenBuckets.withLock { $0.formUnion(seenNow) } }
    return found.map { entry in
      CacheLookup(entry: entry, stamp: InvalidationStamp(entry == nil ? stamp : view.counter))
    }
  }

  /// The entry that was found in a slot, as it is by what has been invalidated.
  private func entry(
    _ item: MemcachedItem?, for key: CacheKey, in place: MemcachedPlace, _ view: BookkeepingView,
    _ log: MemcachedHostLog, _ check: () throws(MemcachedError) -> Void
  ) async throws -> CacheEntry? {
    var entry: CacheEntry?
    // The server knows whole seconds only, and keeps what has a part of one left for all of it.
    if let item, let found = try await decode(item, for: key, in: place, check), clock.now < found.entry.times.reclaimAt
    {
      try check()
      entry = try await valid(found, view, log)
    }
    if entry.map({ $0.times.freshUntil <= clock.now }) ?? true {
      let condition = item.map { MemcachedValueStore.Condition.unchanged($0.unique) } ?? .absent
      expectations.withLock { _ = $0.append(condition, for: place.slot) }
    }
    return entry
  }

  private func unseenBuckets(
    of wanted: ArraySlice<(key: CacheKey, place: MemcachedPlace)>, _ log: MemcachedHostLog
  ) -> [UInt64] {
    log.seenBuckets.withLock { seen in
      var unseen: [UInt64] = []
      for (_, place) in wanted {
        for number in place.bucketNumbers where !seen.contains(number) && !unseen.contains(number) {
          unseen.append(number)
        }
      }
      return unseen
    }
  }

  /// The entry that `item` is; nil when it is none, or damaged.
  func decode(
    _ item: MemcachedItem, for key: CacheKey, in place: MemcachedPlace,
    _ check: () throws(MemcachedError) -> Void = {}
  ) async throws -> WireFormat.Decoded? {
    guard item.value.flags != MemcachedFormat.tombstone,
      let bytes = try await values.value(of: item, for: place.slot, at: place.host, check)
    else { return nil }
    do throws(WireFormatError) {
      return try WireFormat.decode(bytes, for: key, now: clock.now, unixNow: clock.unixTime)
    } catch {
      if error != .otherKey { damaged.wrappingAdd(1, ordering: .relaxed) }
      return nil
    }
  }

  /// The entry as it is by what has been invalidated; nil when it is void or nothing is known.
  private func valid(
    _ found: WireFormat.Decoded, _ view: BookkeepingView, _ log: MemcachedHostLog
  ) async throws -> CacheEntry? {
    guard found.stamp <= view.counter, !log.pending.concern(found.entry) else { return nil }
    var candidate = InvalidationCandidate(found.entry)
    var verdict = view.ledger.verdict(&candidate, since: found.stamp)
    let tags = candidate.tagNames
    if !tags.isEmpty, verdict != .void {
      // The counter last: whatever is in a mark then had its number before the counter is read.
      let items = try await client.get(tags.map { keys.key(.tag, $0) } + [log.keys.counter.unshared], from: log.host)
      guard let counter = MemcachedNumber.read(items[tags.count]) else { return nil }
      for item in items.dropLast() {
        guard let mark = MemcachedMark(item), mark.last <= counter else { return nil }
        verdict = verdict.merged(with: mark.verdict(since: found.stamp))
      }
    }
    return apply(verdict, to: found.entry)
  }

  func apply(_ verdict: MemcachedVerdict, to entry: CacheEntry) -> CacheEntry? {
    switch verdict {
    case .valid: return entry
    case .void: return nil
    case .stale(let moment):
      let (ago, overflow) = clock.unixTime.milliseconds.subtractingReportingOverflow(moment.milliseconds)
      if overflow { return moment < clock.unixTime ? entry.stale(since: .distantPast) : nil }
      // The clock of who has made it stale is ahead. By a little that is now; by more, nobody can say how stale it is.
      guard Duration.milliseconds(ago) >= .zero - WireFormat.clockTolerance else { return nil }
      return entry.stale(since: clock.now.advanced(by: .milliseconds(-max(0, ago))))
    }
  }

  // MARK: Storing

  /// Stores an entry, unless it has been invalidated since `stamp`. Two round trips, and more for what has tags that were
  /// never seen, or is large.
  ///
  /// - Throws: ``CacheError`` when the server that should have it cannot be reached.
  public func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    let start = clock.preciseNow
    defer { times.record(.store, since: start, clock) }
    return try await translatingErrors {
      let place = MemcachedPlace(entry.key, keys, client)
      let expected = expectations.withLock { $0.remove(place.slot)?.value }
      guard
        let expiration = MemcachedExpiration(
          lifetime: entry.times.reclaimAt.duration(since: clock.now))
      else { return .refused }
      try? await tellPending(logs[place.host])
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
      let slowValues = client.slowValues(of: place.host)
      if let count = slowValues.byteCount(of: place.slot, at: CacheClock.system.now), bytes.count >= count {
        // It would not arrive in time either.
        return .refused
      }
      switch try await values.store(bytes, for: place.slot, expiration, if: condition, at: place.host) {
      case .stored:
        slowValues.forget(place.slot)
        return .stored
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
    let candidate = InvalidationCandidate(entry)
    let marks = place.buckets + candidate.tagNames.map { keys.key(.tag, $0) }
    return apply(try await logs[place.host].verdict(of: candidate, since: stamp, marks: marks), to: entry)
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

extension CacheEntry {
  fileprivate func stale(since moment: CacheInstant) -> CacheEntry { with(times: times.stale(since: moment)) }
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

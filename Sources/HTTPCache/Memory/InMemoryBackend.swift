//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Keeps entries in the memory of this process, bounded by bytes and, if wanted, by their number.
///
/// ```swift
/// let backend = InMemoryBackend(capacity: 512 << 20)
/// ```
///
/// Finding an entry takes one short lock, allocates nothing and never waits for I/O, so a cache answers hits from here
/// without suspending. When there is no room, ``EvictionPolicy`` decides what goes, among all entries: a large entry may
/// take the room of many small ones wherever they are kept. Entries whose ``EntryTimes/reclaimAt`` has come are absent from
/// that moment on, and their memory is reclaimed by stores in passing and by a background sweep, which runs only while the
/// backend holds something and does not keep it alive.
public final class InMemoryBackend: CacheBackend {
  /// What the backend was made with.
  public let configuration: Configuration
  /// The configuration's clock.
  public var entryClock: CacheClock? { configuration.clock }
  let shards: ShardArray
  /// What has been invalidated, so that a response on its way knows.
  let log = InvalidationLog()
  /// The most that one entry may weigh, in bytes.
  let maximumWeight: Int
  private let maximumEntryCount: Int
  let judgingState = Locked(JudgingState())
  let sweeper = Locked<Task<Void, Never>?>(nil)
  /// Whether the background sweep runs. Beside `sweeper`, so that a store need not lock to find out.
  let sweepFlag = Atomic(false)

  /// How many entries are taken out of a shard at most before its lock is given back and they are released.
  static let batchSize = 32

  /// - Throws: When the configuration makes no sense; the error says what and why.
  public init(configuration: Configuration) throws(CacheConfigurationError) {
    try configuration.validate()
    self.configuration = configuration
    shards = ShardArray(count: configuration.effectiveShardCount, policy: configuration.evictionPolicy.kind)
    maximumEntryCount = configuration.maximumEntryCount ?? .max
    maximumWeight = min(
      configuration.capacity, EntryNode.maximumWeight,
      Int(exactly: (Double(configuration.capacity) * configuration.maximumEntryShare).rounded(.down)) ?? .max)
  }

  /// - Parameters: see the properties of ``Configuration``.
  /// - Precondition: The capacity is positive and the number of entries, if given, is too.
  public convenience init(
    capacity: Int = 256 << 20, maximumEntryCount: Int? = nil, evictionPolicy: EvictionPolicy = .lru,
    clock: CacheClock = .system
  ) {
    let configuration = Configuration(
      capacity: capacity, maximumEntryCount: maximumEntryCount, evictionPolicy: evictionPolicy, clock: clock)
    do throws(CacheConfigurationError) {
      try self.init(configuration: configuration)
    } catch {
      preconditionFailure(error.message)
    }
  }

  deinit {
    sweeper.withLock { $0?.cancel() }
    // Nobody else refers to the backend any more, the locks are taken for form.
    removeAllNow()
    shards.destroy()
  }

  /// Finds an entry and counts that as a use. An entry whose time has come, or that has been invalidated, is absent.
  ///
  /// - Complexity: O(1).
  public func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek {
    let shardIndex = shards.index(of: key.digest)
    let current = log.current
    let shard = shards.lock(shardIndex)
    let index = shard.pointee.find(key)
    guard index != EntryNode.none else {
      shards.unlock(shardIndex)
      return .absent
    }
    guard !shard.pointee.isExpired(index, at: now.nanoseconds) else {
      reclaim(index, of: shard, shardIndex)
      return .absent
    }
    shard.pointee.touch(index, at: now.nanoseconds)
    // Retained while the lock is still held: a moment later the shard may let go of it.
    let entry = shard.pointee.entry(index).takeUnretainedValue()
    let stamp = shard.pointee.stamp(index)
    shards.unlock(shardIndex)
    guard stamp >= current else { return judge(entry, stamp, current) }
    return .found(entry)
  }

  /// Finds an entry and counts that as a use.
  public func lookup(_ key: CacheKey) async -> CacheLookup {
    // The stamp first: what is invalidated in between is rather too new for it than too old.
    let stamp = log.stamp
    guard case .found(let entry) = peek(key, at: configuration.clock.now) else {
      return CacheLookup(entry: nil, stamp: stamp)
    }
    return CacheLookup(entry: entry, stamp: stamp)
  }

  /// Finds an entry and counts that as a use.
  public func entry(for key: CacheKey) async -> CacheEntry? { await lookup(key).entry }

  /// The number of the last invalidation.
  public var stampNow: InvalidationStamp? { log.stamp }

  /// Stores an entry that is as good as new, see ``storeNow(_:stamp:)``.
  @discardableResult
  public func storeNow(_ entry: CacheEntry) -> CacheStoreResult { storeNow(entry, stamp: log.stamp) }

  /// Stores an entry under its key, in place of what is there, and evicts what there is no more room for.
  ///
  /// - Returns: `refused` when the entry weighs more than ``Configuration/maximumEntryShare`` allows. What was stored under
  ///   the key is gone then too, because the entry superseded it. `invalidated` when it has been since `stamp`; what was
  ///   stored meanwhile stays.
  /// - Complexity: O(1) amortised, plus O(number of shards) for each run of entries evicted.
  public func storeNow(_ entry: CacheEntry, stamp: InvalidationStamp) -> CacheStoreResult {
    let current = log.current
    var entry = entry
    if stamp.number < current {
      switch log.detailedVerdict(key: entry.key, tags: entry.tags, since: stamp.number) {
      case .void: return .invalidated
      case .stale(let moment):
        // Softly invalidated on its way: what was asked for afterwards is better.
        if isSuperseded(entry) { return .invalidated }
        entry = entry.with(times: entry.times.stale(since: moment))
      case .valid: break
      }
    }
    return put(entry, stamp: current)
  }

  /// - Parameter stamp: The invalidation up to which the entry is known to be valid. One that comes while it is being
  ///   stored has a higher number, and so concerns it.
  private func put(_ entry: CacheEntry, stamp: UInt64) -> CacheStoreResult {
    var entry = entry
    var bodyByteCount = entry.body.memoryByteCount
    if !entry.body.isCompact(bodyByteCount) {
      entry = entry.withCompactBody()
      bodyByteCount = entry.body.memoryByteCount
    }
    let weight = entry.weight(bodyByteCount: bodyByteCount ?? 0)
    guard weight <= maximumWeight else {
      shards.totals.pointee.refusals.add(1, ordering: .relaxed)
      removeEntryNow(for: entry.key)
      return .refused
    }
    let now = configuration.clock.now.nanoseconds
    let shardIndex = shards.index(of: entry.digest)
    let retained = Unmanaged.passRetained(entry)
    var latest = stamp
    withUnsafeTemporaryAllocation(of: Unmanaged<CacheEntry>.self, capacity: 2 * Self.nodesPerStore) { expired in
      let shard = shards.lock(shardIndex)
      let countBefore = shard.pointee.count
      let weightBefore = shard.pointee.weight
      let replaced = shard.pointee.store(retained, weight: weight, stamp: stamp, at: now)
      var expiredCount = shard.pointee.sweep(at: now, limit: Self.nodesPerStore, into: expired).expired
      // Under the lock: an invalidation that is not seen here will find the entry.
      latest = log.current
      expiredCount +=
        shard.pointee.judge(
          by: log, through: latest, limit: Self.nodesPerStore,
          into: UnsafeMutableBufferPointer(rebasing: expired[expiredCount...])
        ).released
      addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
      publishRank(of: shard, shardIndex)
      shards.unlock(shardIndex)
      replaced?.release()
      for entry in expired[..<expiredCount] { entry.release() }
    }
    evict(sparing: shardIndex)
    if !isSweeping { startSweeping() }
    if latest > stamp, !recheck(entry, since: stamp, through: latest) { return .invalidated }
    return .stored
  }

  /// Stores an entry under its key, see ``storeNow(_:stamp:)``.
  public func store(_ entry: CacheEntry, stamp: InvalidationStamp) async -> CacheStoreResult {
    storeNow(entry, stamp: stamp)
  }

  /// Stores an entry that is as good as new, see ``storeNow(_:stamp:)``.
  @discardableResult
  public func store(_ entry: CacheEntry) async -> Bool { storeNow(entry) == .stored }

  /// Takes out an entry. Says nothing to responses that are on their way.
  ///
  /// - Returns: Whether there was one whose time had not come.
  @discardableResult
  func removeEntryNow(for key: CacheKey) -> Bool {
    let shardIndex = shards.index(of: key.digest)
    let shard = shards.lock(shardIndex)
    let index = shard.pointee.find(key)
    guard index != EntryNode.none else {
      shards.unlock(shardIndex)
      return false
    }
    let countBefore = shard.pointee.count
    let weightBefore = shard.pointee.weight
    let removed = shard.pointee.remove(index)
    addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
    publishRank(of: shard, shardIndex)
    shards.unlock(shardIndex)
    let isAlive = removed._withUnsafeGuaranteedRef { $0.times.reclaimAt } > configuration.clock.now
    removed.release()
    return isAlive
  }

  /// Removes an entry.
  ///
  /// - Returns: Whether there was one whose time had not come.
  @discardableResult
  public func removeEntry(for key: CacheKey) async -> Bool {
    log.record(CacheInvalidation(.key(key)), at: configuration.clock.now)
    return removeEntryNow(for: key)
  }

  /// Takes out everything.
  ///
  /// - Complexity: O(number of entries); entries are released outside the locks.
  func removeAllNow() {
    for shardIndex in 0..<shards.count {
      let shard = shards.lock(shardIndex)
      let countBefore = shard.pointee.count
      let weightBefore = shard.pointee.weight
      let removed = shard.pointee.removeAll()
      addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
      publishRank(of: shard, shardIndex)
      shards.unlock(shardIndex)
      removed.releaseAll()
    }
  }

  /// Removes everything.
  public func removeAll() async {
    log.record(CacheInvalidation(.everything), at: configuration.clock.now)
    removeAllNow()
  }
}

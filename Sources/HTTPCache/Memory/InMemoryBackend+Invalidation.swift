//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension InMemoryBackend {
  /// Notes the invalidation, so that lookups and stores know, and takes out what can be found at once.
  ///
  /// By tags, and softly by key, it is O(1) in the number of entries: those it concerns are recognised when they are looked
  /// up or swept. Hard by key it is O(1) too. Path prefixes and predicates look at all entries: O(*n*).
  ///
  /// What is stored by a response that was asked for before, and arrives while this is at it, is treated the same: it is
  /// looked at again after it has been put in (``recheck``). So the log need remember keys, prefixes and predicates for
  /// responses on their way only, and no number of them voids what is stored.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async -> InvalidationReceipt {
    let now = configuration.clock.now
    log.record(invalidation, at: now)
    switch (invalidation.target, invalidation.mode) {
    case (.key(let key), .hard):
      return InvalidationReceipt(entryCount: removeEntryNow(for: key) ? 1 : 0)
    case (.key(let key), .soft):
      // The lookup makes it stale.
      guard case .found = peek(key, at: now) else { return InvalidationReceipt(entryCount: 0) }
      return InvalidationReceipt(entryCount: 1)
    case (.everything, .hard):
      let count = statistics.entryCount
      removeAllNow()
      return InvalidationReceipt(entryCount: count)
    case (.pathPrefix, _), (.matching, _):
      return InvalidationReceipt(entryCount: await applyRule(invalidation, since: now))
    case (.anyTag, _), (.allTags, _), (.everything, .soft):
      return InvalidationReceipt()
    }
  }

  /// What the invalidations since `stamp` mean for a response.
  public func verdictNow(
    key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp
  ) -> InvalidationVerdict? {
    log.verdict(key: key, tags: tags, since: stamp)
  }

  /// What has become of an entry that was found: something has been invalidated since it was last looked at.
  @inline(never)
  func judge(_ entry: CacheEntry, _ stamp: UInt64, _ current: UInt64) -> CachePeek {
    switch log.storedVerdict(key: entry.key, tags: entry.tags, since: stamp) {
    case .valid:
      withNode(of: entry) { shard, index in shard.pointee.setStamp(current, of: index) }
      return .found(entry)
    case .void:
      remove(entry)
      return .absent
    case .stale(let moment):
      let stale = entry.with(times: entry.times.stale(since: moment))
      // Another lookup has been faster, or something newer has been stored: then that is what there is.
      return replace(entry, by: stale, stamp: current) ? .found(stale) : peek(entry.key, at: configuration.clock.now)
    }
  }

  /// Compares an entry that has just been put in with what was invalidated since it was compared last: an invalidation of
  /// its key, for instance, may have looked for it a moment before it was there.
  ///
  /// - Returns: Whether it is still there.
  @inline(never)
  func recheck(_ entry: CacheEntry, since stamp: UInt64, through current: UInt64) -> Bool {
    switch log.detailedVerdict(key: entry.key, tags: entry.tags, since: stamp) {
    case .valid:
      withNode(of: entry) { shard, index in shard.pointee.setStamp(current, of: index) }
      return true
    case .void:
      remove(entry)
      return false
    case .stale(let moment):
      _ = replace(entry, by: entry.with(times: entry.times.stale(since: moment)), stamp: current)
      return true
    }
  }

  /// Whether a response that was received no earlier than `entry` is in its place already.
  func isSuperseded(_ entry: CacheEntry) -> Bool {
    let shardIndex = shards.index(of: entry.digest)
    let shard = shards.lock(shardIndex)
    defer { shards.unlock(shardIndex) }
    let index = shard.pointee.find(entry.key)
    guard index != EntryNode.none else { return false }
    return shard.pointee.entry(index)._withUnsafeGuaranteedRef { $0.times.receivedAt } >= entry.times.receivedAt
  }

  /// Takes out the entries that a rule concerns, or makes them stale.
  ///
  /// - Returns: How many there were.
  private func applyRule(_ invalidation: CacheInvalidation, since moment: CacheInstant) async -> Int {
    var count = 0
    for shardIndex in 0..<shards.count {
      // A predicate is its owner's code: it is not called under the lock.
      for entry in entries(of: shardIndex)
      where invalidation.concerns(key: entry.key, tags: entry.tags?.names ?? []) {
        // An index is no response of its own; without it, its variants are out of reach.
        if entry.variantIndex == nil { count += 1 }
        switch invalidation.mode {
        case .hard: removeAnyCopy(of: entry)
        case .soft:
          guard moment < entry.times.freshUntil else { continue }
          makeStale(entry, since: moment)
        }
      }
      // Millions of entries take a while; others want the processor too.
      if shardIndex + 1 < shards.count { await Task.yield() }
    }
    return count
  }

  /// Takes out an entry, whatever a lookup makes of it at the same time: one that finds it softly invalidated puts a copy in
  /// its place. Something new in its place has been compared with the invalidation when it was stored.
  private func removeAnyCopy(of entry: CacheEntry) {
    var entry = entry
    while !remove(entry) {
      // The same response with other times was received at the same moment.
      guard case .found(let other) = peek(entry.key, at: configuration.clock.now),
        other.times.receivedAt == entry.times.receivedAt
      else { return }
      entry = other
    }
  }

  /// Makes an entry stale, whatever a lookup makes of it at the same time. Something new in its place has been compared
  /// with the invalidation when it was stored.
  private func makeStale(_ entry: CacheEntry, since moment: CacheInstant) {
    var entry = entry
    while !replace(entry, by: entry.with(times: entry.times.stale(since: moment)), stamp: nil) {
      // The same response with other times was received at the same moment.
      guard case .found(let other) = peek(entry.key, at: configuration.clock.now),
        other.times.receivedAt == entry.times.receivedAt, moment < other.times.freshUntil
      else { return }
      entry = other
    }
  }

  /// The entries of one shard, as it is now.
  private func entries(of shardIndex: Int) -> [CacheEntry] {
    var entries: [CacheEntry] = []
    let shard = shards.lock(shardIndex)
    entries.reserveCapacity(shard.pointee.count)
    shard.pointee.forEachEntry { entries.append($0) }
    shards.unlock(shardIndex)
    return entries
  }

  /// Calls `body` with the node of `entry`, locked, unless something else has taken its place.
  func withNode(of entry: CacheEntry, _ body: (UnsafeMutablePointer<ShardState>, Int32) -> Void) {
    let shardIndex = shards.index(of: entry.digest)
    let shard = shards.lock(shardIndex)
    let index = shard.pointee.find(entry.key)
    if index != EntryNode.none, shard.pointee.entry(index).toOpaque() == Unmanaged.passUnretained(entry).toOpaque() {
      body(shard, index)
    }
    shards.unlock(shardIndex)
  }

  /// Takes out `entry`, unless something else has taken its place.
  ///
  /// - Returns: Whether it was there.
  @discardableResult
  private func remove(_ entry: CacheEntry) -> Bool {
    var removed: Unmanaged<CacheEntry>?
    withNode(of: entry) { shard, index in
      let countBefore = shard.pointee.count
      let weightBefore = shard.pointee.weight
      removed = shard.pointee.remove(index)
      addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
      publishRank(of: shard, shards.index(of: entry.digest))
    }
    removed?.release()
    return removed != nil
  }

  /// Puts `other` in the place of `entry`, unless something else has taken it.
  ///
  /// - Parameter stamp: The invalidation up to which it is known to be valid; nil: as `entry` was.
  private func replace(_ entry: CacheEntry, by other: CacheEntry, stamp: UInt64?) -> Bool {
    var replaced: Unmanaged<CacheEntry>?
    withNode(of: entry) { shard, index in
      let weightBefore = shard.pointee.weight
      replaced = shard.pointee.exchange(
        index, for: Unmanaged.passRetained(other), stamp: stamp ?? shard.pointee.stamp(index))
      addToTotals(shard, countBefore: shard.pointee.count, weightBefore: weightBefore)
    }
    replaced?.release()
    evict(sparing: shards.index(of: entry.digest))
    return replaced != nil
  }
}

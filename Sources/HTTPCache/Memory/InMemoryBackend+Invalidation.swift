//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension InMemoryBackend {
  /// Notes the invalidation, so that lookups and stores know, and takes out what can be found at once.
  ///
  /// By tags, it is O(1) in the number of entries: those it concerns are recognised when they are looked up or swept.
  /// By key it is O(1); softly by key, O(1) too. Path prefixes and predicates look at all entries: O(*n*).
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
      return InvalidationReceipt(entryCount: applyRules(of: invalidation))
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
    switch log.detailedVerdict(key: entry.key, tags: entry.tags, since: stamp) {
    case .valid:
      withNode(of: entry) { shard, index in shard.pointee.setStamp(current, of: index) }
      return .found(entry)
    case .void:
      remove(entry)
      return .absent
    case .stale(let moment):
      let stale = entry.with(times: entry.times.stale(since: moment))
      return replace(entry, by: stale, stamp: current) ? .found(stale) : .absent
    }
  }

  /// Takes out the entries that a rule concerns, or makes them stale.
  ///
  /// - Returns: How many there were.
  private func applyRules(of invalidation: CacheInvalidation) -> Int {
    var count = 0
    let current = log.current
    for entry in allEntries()
    where InvalidationRules.concerns(invalidation.target, key: entry.key, tags: entry.tags?.names ?? []) {
      // An index is no response of its own; without it, its variants are out of reach.
      if entry.variantIndex == nil { count += 1 }
      if invalidation.mode == .hard { remove(entry) } else { _ = judge(entry, current - 1, current) }
    }
    return count
  }

  /// All entries there are, each shard as it is when it is looked at.
  func allEntries() -> [CacheEntry] {
    var entries: [CacheEntry] = []
    for shardIndex in 0..<shards.count {
      let shard = shards.lock(shardIndex)
      shard.pointee.forEachEntry { entries.append($0) }
      shards.unlock(shardIndex)
    }
    return entries
  }

  /// Calls `body` with the node of `entry`, locked, unless something else has taken its place.
  private func withNode(of entry: CacheEntry, _ body: (UnsafeMutablePointer<ShardState>, Int32) -> Void) {
    let shardIndex = shards.index(of: entry.key.digest)
    let shard = shards.lock(shardIndex)
    let index = shard.pointee.find(entry.key)
    if index != EntryNode.none, shard.pointee.entry(index).toOpaque() == Unmanaged.passUnretained(entry).toOpaque() {
      body(shard, index)
    }
    shards.unlock(shardIndex)
  }

  /// Takes out `entry`, unless something else has taken its place.
  private func remove(_ entry: CacheEntry) {
    var removed: Unmanaged<CacheEntry>?
    withNode(of: entry) { shard, index in
      let countBefore = shard.pointee.count
      let weightBefore = shard.pointee.weight
      removed = shard.pointee.remove(index)
      addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
      publishRank(of: shard, shards.index(of: entry.key.digest))
    }
    removed?.release()
  }

  /// Puts `other` in the place of `entry`, unless something else has taken it.
  private func replace(_ entry: CacheEntry, by other: CacheEntry, stamp: UInt64) -> Bool {
    var isReplaced = false
    withNode(of: entry) { shard, index in
      shard.pointee.exchange(index, for: Unmanaged.passRetained(other), stamp: stamp).release()
      isReplaced = true
    }
    return isReplaced
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What one shard holds. Whoever calls holds the shard's lock; nothing here locks, waits, or lets go of an entry: what has
/// been taken out is returned still retained, for the caller to release once the lock is free again.
struct ShardState: ~Copyable {
  private var table = SlotTable()
  private var slab: NodeSlab
  private var eviction: EvictionState
  /// How many entries the shard holds.
  private(set) var count = 0
  /// What they weigh together, in bytes.
  private var entryWeight = 0
  /// The memory of the heads and variants kept with them, in bytes.
  private(set) var headByteCount = 0
  /// The memory of the tables and the policy when the shard was made, and a little for growing: not counted, so that a small
  /// cache holds what its entries say.
  private let freeByteCount: Int
  /// What their objects take together, in bytes.
  private(set) var objectByteCount = 0
  /// The time of the latest use, so that moments never run backwards within the shard, whatever the order in which
  /// threads that read the clock get the lock.
  private var latest = Int64.min
  /// Where the next sweep goes on.
  private var sweepPosition: Int32 = 0
  /// No entry of the shard is to be reclaimed before this moment.
  private var earliestReclaim = Int64.max
  /// The same for what the sweep that is under way has passed, and for what has been stored since it began.
  private var earliestPassed = Int64.max
  /// How far the search for what has been invalidated has come.
  var judging = JudgingCursor()
  /// Entries evicted for lack of room since the shard was made.
  private(set) var evictions = 0
  /// Entries reclaimed because their time had come since the shard was made.
  private(set) var expirations = 0
  /// Entries reclaimed because they had been invalidated since the shard was made.
  private(set) var invalidations = 0

  init(policy: EvictionPolicy.Kind) {
    eviction = EvictionState(policy)
    slab = NodeSlab(keepsHashes: eviction.needsHashes)
    freeByteCount = table.byteCount + eviction.byteCount + 4096
  }

  /// The bytes of memory that the shard takes: entries, the heads kept with them, and what the tables and the policy take
  /// beyond the share that each entry's weight has in it. Tables do not shrink, so that this counts when entries become
  /// fewer and larger.
  @inline(__always)
  var weight: Int {
    entryWeight &+ headByteCount &+ max(byteCount &- freeByteCount &- count &* EntryNode.byteCount, 0)
  }

  /// How many nodes a sweep looks at before it has seen all.
  var nodeCount: Int { Int(slab.used) }
  /// The bytes allocated for the table, the nodes and the policy.
  @inline(__always)
  var byteCount: Int { table.byteCount &+ slab.byteCount &+ eviction.byteCount }
  /// Where the shard stands when one is looked for that must give something up: the lowest goes first.
  var rank: Int64 { eviction.rank(in: slab) }
  /// Whether `rank` is a moment of use, and never falls but by a store.
  var ranksByUse: Bool { eviction.ranksByUse }

  /// The node of a key, or `EntryNode.none`.
  @inline(__always)
  func find(_ key: CacheKey) -> Int32 { find(key.digest) { $0.isStored(under: key) } }

  /// The node of the entry whose key has this digest and that `matches`, or `EntryNode.none`.
  @inline(__always)
  func find(_ digest: KeyDigest, where matches: (CacheEntry) -> Bool) -> Int32 {
    table.find(digest.low) { index in
      // The guaranteed reference spares a retain and a release: the shard's own reference keeps the entry alive under its
      // lock. The table has no nodes but those that hold one.
      slab[index].entry!._withUnsafeGuaranteedRef { matches($0) }
    }
  }

  /// A node, for as long as the lock is held and nothing is stored.
  @inline(__always)
  func node(_ index: Int32) -> UnsafeMutablePointer<EntryNode> { slab.nodes + Int(index) }

  /// Whether the time of a node's entry has come.
  @inline(__always)
  func isExpired(_ index: Int32, at now: Int64) -> Bool {
    slab[index].mayBeExpired(at: now) && slab[index].reclaimAt <= now
  }

  /// The invalidation up to which a node's entry is known to be valid.
  ///
  /// Nodes keep half of it. The other half follows from how far everything in the shard has been judged: the two are 2^31
  /// invalidations apart at most. What is stored after more of them have come without a pass seems older than it is, which
  /// makes somebody look at it and does no harm.
  @inline(__always)
  func stamp(_ index: Int32) -> UInt64 {
    let distance = Int32(truncatingIfNeeded: Int64(slab[index].shortStamp) &- Int64(truncatingIfNeeded: judging.done))
    return UInt64(max(0, Int64(judging.done) &+ Int64(distance)))
  }

  /// Notes that a node's entry has been found valid up to an invalidation.
  mutating func setStamp(_ stamp: UInt64, of index: Int32) {
    if stamp > self.stamp(index) { slab[index].shortStamp = UInt32(truncatingIfNeeded: stamp) }
  }

  /// Whether a node holds an entry.
  @inline(__always)
  func isUsed(_ index: Int32) -> Bool { slab[index].entry != nil }

  /// A node's entry, which stays retained by the shard.
  @inline(__always)
  func entry(_ index: Int32) -> Unmanaged<CacheEntry> { slab[index].entry! }

  /// Notes that a node's entry was used.
  @inline(__always)
  mutating func touch(_ index: Int32, at now: Int64) {
    latest = max(latest, now)
    eviction.touch(index, at: latest, in: &slab)
  }

  /// Takes over a retained entry.
  ///
  /// - Returns: The entry that it replaces, retained; nil if there is none.
  mutating func store(
    _ entry: Unmanaged<CacheEntry>, weight: Int, stamp: UInt64, at now: Int64
  ) -> Unmanaged<CacheEntry>? {
    let (hash, reclaimAt, existing, objectByteCount) = entry._withUnsafeGuaranteedRef {
      (entry: CacheEntry) in
      (
        entry.digest.low, entry.reclaimAt.nanoseconds,
        find(entry.digest) { $0.isStored(underKeyOf: entry) }, entry.objectByteCount
      )
    }
    latest = max(latest, now)
    earliestReclaim = min(earliestReclaim, reclaimAt)
    earliestPassed = min(earliestPassed, reclaimAt)
    entryWeight += weight
    guard existing == EntryNode.none else {
      let replaced = slab[existing].entry
      entryWeight -= slab[existing].weight
      slab[existing].entry = entry
      slab[existing].expectExpiry(at: reclaimAt)
      slab[existing].shortStamp = UInt32(truncatingIfNeeded: stamp)
      setObjectByteCount(objectByteCount, of: existing)
      dropHead(existing)
      eviction.resize(existing, to: weight, in: &slab)
      eviction.touch(existing, at: latest, in: &slab)
      return replaced
    }
    let index = slab.allocate()
    slab[index].entry = entry
    slab.setHash(hash, of: index)
    slab[index].lastUsed = latest
    slab[index].expectExpiry(at: reclaimAt)
    slab[index].shortStamp = UInt32(truncatingIfNeeded: stamp)
    slab[index].weight = weight
    setObjectByteCount(objectByteCount, of: index)
    table.insert(index, hash: hash)
    eviction.insert(index, in: &slab)
    count += 1
    return nil
  }

  private mutating func setObjectByteCount(_ newCount: Int, of index: Int32) {
    objectByteCount -= slab[index].objectByteCount
    slab[index].objectByteCount = newCount
    objectByteCount += slab[index].objectByteCount
  }

  /// Puts another entry of the same key in a node's place.
  ///
  /// - Returns: The entry that was there, retained.
  mutating func exchange(_ index: Int32, for entry: Unmanaged<CacheEntry>, stamp: UInt64) -> Unmanaged<CacheEntry> {
    let replaced = slab[index].entry!
    let weight = min(entry._withUnsafeGuaranteedRef { $0.weight }, EntryNode.maximumWeight)
    entryWeight += weight - slab[index].weight
    eviction.resize(index, to: weight, in: &slab)
    slab[index].entry = entry
    slab[index].shortStamp = UInt32(truncatingIfNeeded: stamp)
    setObjectByteCount(entry._withUnsafeGuaranteedRef { $0.objectByteCount }, of: index)
    dropHead(index)
    return replaced
  }

  /// Calls `body` with each entry.
  func forEachEntry(_ body: (CacheEntry) -> Void) {
    for index in 0..<slab.used {
      if let entry = slab[index].entry { body(entry.takeUnretainedValue()) }
    }
  }

  /// Takes out a node.
  ///
  /// - Returns: Its entry, retained.
  mutating func remove(_ index: Int32) -> Unmanaged<CacheEntry> {
    eviction.remove(index, in: &slab)
    return release(index)
  }

  /// Takes out the entry that the policy gives up first.
  ///
  /// - Returns: The entry, retained; nil when there is none.
  mutating func evict() -> Unmanaged<CacheEntry>? {
    let index = eviction.evict(from: &slab)
    guard index != EntryNode.none else { return nil }
    evictions += 1
    return release(index)
  }

  /// Frees a node that the policy has let go of.
  private mutating func release(_ index: Int32) -> Unmanaged<CacheEntry> {
    let entry = slab[index].entry!
    dropHead(index)
    table.remove(index, hash: entry._withUnsafeGuaranteedRef { $0.digest.low })
    count -= 1
    entryWeight -= slab[index].weight
    objectByteCount -= slab[index].objectByteCount
    slab.takeBack(index)
    return entry
  }

  /// Keeps a head with a node's entry from the second hit of a second on: most entries are hit less often, and a head takes
  /// as much memory as what a small entry consists of.
  ///
  /// - Returns: The head that it replaces, retained; nil if there is none.
  mutating func keepHead(_ head: HeaderStorage, of index: Int32) -> Unmanaged<HeaderStorage>? {
    let isHot = slab[index].noteHead(from: head.summary.validity.from)
    guard isHot || slab[index].head != nil else { return nil }
    let replaced = takeHead(of: index)
    let head = Unmanaged.passRetained(head)
    headByteCount += head._withUnsafeGuaranteedRef { $0.allocationByteCount }
    slab[index].head = head
    return replaced
  }

  /// Takes the head of a node's entry away if it is not right for `now`, in nanoseconds of the backend's clock.
  ///
  /// - Returns: The head, retained.
  mutating func takeOldHead(of index: Int32, at now: Int64) -> Unmanaged<HeaderStorage>? {
    guard let head = slab[index].head, head._withUnsafeGuaranteedRef({ $0.summary.validity.isOver(at: now) }) else {
      return nil
    }
    return takeHead(of: index)
  }

  private mutating func takeHead(of index: Int32) -> Unmanaged<HeaderStorage>? {
    guard let head = slab[index].head else { return nil }
    headByteCount -= head._withUnsafeGuaranteedRef { $0.allocationByteCount }
    slab[index].head = nil
    return head
  }

  /// Lets go of what is kept with a node's entry: it is another's.
  private mutating func dropHead(_ index: Int32) {
    takeHead(of: index)?.release()
    if slab[index].hasRecentVariants {
      headByteCount -= RecentVariants.byteCount
      slab[index].hasRecentVariants = false
    }
  }

  /// Counts the memory of the variants that are kept with a node's entry.
  mutating func countRecentVariants(of index: Int32) {
    guard !slab[index].hasRecentVariants else { return }
    slab[index].hasRecentVariants = true
    headByteCount += RecentVariants.byteCount
  }

  /// Takes out a node whose time has come.
  ///
  /// - Returns: Its entry, retained.
  mutating func expire(_ index: Int32) -> Unmanaged<CacheEntry> {
    expirations += 1
    return remove(index)
  }

  /// Takes out a node whose entry has been invalidated.
  ///
  /// - Returns: Its entry, retained.
  mutating func void(_ index: Int32) -> Unmanaged<CacheEntry> {
    invalidations += 1
    return remove(index)
  }

  /// Looks at the next nodes, beginning again after the last, and takes out those whose time has come.
  ///
  /// - Parameters:
  ///   - limit: How many nodes to look at.
  ///   - expired: Gets the entries taken out, retained. The sweep pauses when it is full.
  /// - Returns: How many entries were taken out, and how many nodes were looked at: fewer than `limit` when there is
  ///   nothing to find or `expired` is full.
  mutating func sweep(
    at now: Int64, limit: Int, into expired: UnsafeMutableBufferPointer<Unmanaged<CacheEntry>>
  ) -> (expired: Int, looked: Int) {
    var count = 0
    var looked = 0
    while looked < limit, count < expired.count, earliestReclaim <= now {
      if sweepPosition >= slab.used {
        sweepPosition = 0
        earliestReclaim = earliestPassed
        earliestPassed = .max
        continue
      }
      let index = sweepPosition
      sweepPosition += 1
      looked += 1
      guard slab[index].entry != nil else { continue }
      let isNear = slab[index].mayBeExpired(at: now)
      // Exact where it matters: a shard is not swept again and again for the last second of an entry.
      let reclaimAt = isNear ? slab[index].reclaimAt : slab[index].expectedExpiry
      if isNear, reclaimAt <= now {
        expired.initializeElement(at: count, to: expire(index))
        count += 1
      } else {
        earliestPassed = min(earliestPassed, reclaimAt)
      }
    }
    return (count, looked)
  }

  /// Takes out everything.
  ///
  /// - Returns: The slab that held the entries, each still retained.
  mutating func removeAll() -> NodeSlab {
    for index in 0..<slab.used where slab[index].entry != nil { eviction.remove(index, in: &slab) }
    var removed = NodeSlab(keepsHashes: eviction.needsHashes)
    swap(&removed, &slab)
    table = SlotTable()
    count = 0
    entryWeight = 0
    headByteCount = 0
    objectByteCount = 0
    sweepPosition = 0
    judging = JudgingCursor(done: judging.done)
    earliestReclaim = .max
    earliestPassed = .max
    return removed
  }

  /// What is wrong with the shard, or nil. For tests.
  func inconsistency() -> String? {
    if let problem = eviction.inconsistency(in: slab) { return problem }
    guard table.count == count else { return "the table holds \(table.count) nodes, the shard \(count)" }
    var live = 0
    var sum = 0
    var objectSum = 0
    var headSum = 0
    for index in 0..<slab.used {
      guard let entry = slab[index].entry else {
        guard slab[index].queue == 0 else { return "node \(index) is queued without an entry" }
        continue
      }
      guard slab[index].queue != 0 else { return "node \(index) has an entry and is in no queue" }
      live += 1
      sum += slab[index].weight
      objectSum += slab[index].objectByteCount
      headSum += slab[index].head?._withUnsafeGuaranteedRef { $0.allocationByteCount } ?? 0
      headSum += slab[index].hasRecentVariants ? RecentVariants.byteCount : 0
      let key = entry._withUnsafeGuaranteedRef { $0.key }
      guard find(key) == index else { return "node \(index) is not found under its key \(key)" }
      guard slab[index].reclaimAt >= earliestReclaim else { return "node \(index) expires before the earliest" }
    }
    guard live == count else { return "\(live) nodes hold entries, \(count) are counted" }
    guard objectSum == objectByteCount else { return "objects take \(objectSum), the shard says \(objectByteCount)" }
    guard headSum == headByteCount else { return "heads take \(headSum), the shard says \(headByteCount)" }
    guard sum == entryWeight else { return "the nodes weigh \(sum), the shard says \(entryWeight)" }
    return nil
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What one shard holds. Whoever calls holds the shard's lock; nothing here locks, waits, or lets go of an entry: what has
/// been taken out is returned still retained, for the caller to release once the lock is free again.
struct ShardState: ~Copyable {
  private var table = SlotTable()
  private var slab = NodeSlab()
  private var queue = NodeQueue()
  private let policy: EvictionPolicy.Kind
  /// The time of the latest use, so that `lastUsed` never increases from the head of the queue to its tail, whatever the
  /// order in which threads that read the clock get the lock.
  private var latest = Int64.min
  /// Where the next sweep goes on.
  private var sweepPosition: Int32 = 0
  /// No entry of the shard is to be reclaimed before this moment.
  private var earliestReclaim = Int64.max
  /// The same for what the sweep that is under way has passed, and for what has been stored since it began.
  private var earliestPassed = Int64.max
  /// Entries evicted for lack of room since the shard was made.
  private(set) var evictions = 0
  /// Entries reclaimed because their time had come since the shard was made.
  private(set) var expirations = 0

  init(policy: EvictionPolicy.Kind) { self.policy = policy }

  /// How many entries the shard holds.
  var count: Int { Int(queue.count) }
  /// What they weigh together, in bytes.
  var weight: Int { queue.weight }
  /// How many nodes a sweep looks at before it has seen all.
  var nodeCount: Int { Int(slab.used) }
  /// The bytes allocated for the table and the nodes.
  var byteCount: Int { table.byteCount + slab.byteCount }
  /// The last use of the entry that is to be evicted next; `Int64.max` when there is none.
  var oldestUse: Int64 { queue.tail == EntryNode.none ? .max : slab[queue.tail].lastUsed }

  /// The node of a key, or `EntryNode.none`.
  @inline(__always)
  func find(_ key: CacheKey) -> Int32 {
    table.find(key.digest.low) { index in
      // The guaranteed reference spares a retain and a release: the shard's own reference keeps the entry alive under its
      // lock.
      slab[index].hash == key.digest.low && slab[index].entry!._withUnsafeGuaranteedRef { $0.key == key }
    }
  }

  /// Whether the time of a node's entry has come.
  @inline(__always)
  func isExpired(_ index: Int32, at now: Int64) -> Bool { slab[index].reclaimAt <= now }

  /// A node's entry, which stays retained by the shard.
  @inline(__always)
  func entry(_ index: Int32) -> Unmanaged<CacheEntry> { slab[index].entry! }

  /// Notes that a node's entry was used.
  @inline(__always)
  mutating func touch(_ index: Int32, at now: Int64) {
    guard policy == .lru else { return }
    latest = max(latest, now)
    slab[index].lastUsed = latest
    queue.moveToHead(index, in: &slab)
  }

  /// Takes over a retained entry.
  ///
  /// - Returns: The entry that it replaces, retained; nil if there is none.
  mutating func store(_ entry: Unmanaged<CacheEntry>, weight: Int, at now: Int64) -> Unmanaged<CacheEntry>? {
    let (hash, reclaimAt, existing) = entry._withUnsafeGuaranteedRef {
      ($0.key.digest.low, $0.times.reclaimAt.nanoseconds, find($0.key))
    }
    let replaced = existing == EntryNode.none ? nil : remove(existing)
    let index = slab.allocate()
    latest = max(latest, now)
    slab[index].entry = entry
    slab[index].hash = hash
    slab[index].lastUsed = latest
    slab[index].reclaimAt = reclaimAt
    slab[index].weight = weight
    table.insert(index, hash: hash)
    queue.pushHead(index, in: &slab)
    earliestReclaim = min(earliestReclaim, reclaimAt)
    earliestPassed = min(earliestPassed, reclaimAt)
    return replaced
  }

  /// Takes out a node.
  ///
  /// - Returns: Its entry, retained.
  mutating func remove(_ index: Int32) -> Unmanaged<CacheEntry> {
    let entry = slab[index].entry!
    table.remove(index, hash: slab[index].hash)
    queue.remove(index, in: &slab)
    slab.free(index)
    return entry
  }

  /// Takes out the entry that the policy gives up first.
  ///
  /// - Returns: The entry, retained; nil when there is none.
  mutating func evict() -> Unmanaged<CacheEntry>? {
    guard queue.tail != EntryNode.none else { return nil }
    evictions += 1
    return remove(queue.tail)
  }

  /// Takes out a node whose time has come.
  ///
  /// - Returns: Its entry, retained.
  mutating func expire(_ index: Int32) -> Unmanaged<CacheEntry> {
    expirations += 1
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
      if slab[index].reclaimAt <= now {
        expired.initializeElement(at: count, to: expire(index))
        count += 1
      } else {
        earliestPassed = min(earliestPassed, slab[index].reclaimAt)
      }
    }
    return (count, looked)
  }

  /// Takes out everything.
  ///
  /// - Returns: The slab that held the entries, each still retained.
  mutating func removeAll() -> NodeSlab {
    var removed = NodeSlab()
    swap(&removed, &slab)
    table = SlotTable()
    queue = NodeQueue()
    sweepPosition = 0
    earliestReclaim = .max
    earliestPassed = .max
    return removed
  }

  /// What is wrong with the shard, or nil. For tests.
  func inconsistency() -> String? {
    if let problem = queue.inconsistency(in: slab) { return problem }
    guard table.count == count else { return "the table holds \(table.count) nodes, the queue \(count)" }
    var live = 0
    for index in 0..<slab.used {
      guard let entry = slab[index].entry else { continue }
      live += 1
      let key = entry._withUnsafeGuaranteedRef { $0.key }
      guard find(key) == index else { return "node \(index) is not found under its key \(key)" }
      guard slab[index].reclaimAt >= earliestReclaim else { return "node \(index) expires before the earliest" }
    }
    guard live == count else { return "\(live) nodes hold entries, \(count) are queued" }
    var younger = Int64.max
    var index = queue.head
    while index != EntryNode.none {
      guard slab[index].lastUsed <= younger else { return "node \(index) is younger than the one before it" }
      younger = slab[index].lastUsed
      index = slab[index].next
    }
    return nil
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A cache without contents that evicts by the same code as an in-memory store does: keys, weights and moments, nothing else.
///
/// Scaled down, it is the simulation of a large cache by a small one: a cache of a hundredth of the capacity, asked for a
/// hundredth of the keys, has the hit ratio of the large one (Waldspurger et al., "Cache Modeling and Optimization using
/// Miniature Simulations", 2017). That holds for every eviction policy, where stack distances would hold for LRU only.
final class CacheSimulation {
  /// A key whose entry the simulated cache holds.
  private struct Resident {
    var digest: KeyDigest
    /// When the entry stops being fresh, in nanoseconds.
    var expiresAt: Int64
  }

  private var eviction: EvictionState
  private var slab: NodeSlab
  private var table = SlotTable()
  /// By the number of the node.
  private var residents: [Resident] = []
  private(set) var count = 0
  private var weight = 0
  /// Counts uses; stands for the time of day, of which policies only need the order.
  private var uses: Int64 = 0

  /// The most that the entries may weigh together, in bytes.
  private(set) var capacity: Int
  /// The most entries.
  private(set) var maximumCount: Int

  init(_ policy: EvictionPolicy, capacity: Int, maximumCount: Int = .max) {
    eviction = EvictionState(policy.kind)
    slab = NodeSlab(keepsHashes: eviction.needsHashes)
    self.capacity = capacity
    self.maximumCount = maximumCount
  }

  /// The bytes allocated.
  var byteCount: Int {
    table.byteCount + slab.byteCount + eviction.byteCount + residents.capacity * MemoryLayout<Resident>.stride
  }

  /// Looks a key up, as a request does.
  ///
  /// - Returns: Whether the cache holds a fresh entry. A stale one is used, too, but is no hit.
  func lookup(_ digest: KeyDigest, at now: Int64) -> Bool {
    let index = find(digest)
    guard index != EntryNode.none else { return false }
    uses += 1
    eviction.touch(index, at: uses, in: &slab)
    return residents[Int(index)].expiresAt > now
  }

  /// Stores an entry, and evicts what there is no more room for.
  func store(_ digest: KeyDigest, weight newWeight: Int, expiresAt: Int64) {
    let newWeight = min(newWeight, EntryNode.maximumWeight)
    var index = find(digest)
    if index == EntryNode.none {
      uses += 1
      index = slab.allocate()
      if Int(index) == residents.count {
        residents.append(Resident(digest: digest, expiresAt: expiresAt))
      } else {
        residents[Int(index)] = Resident(digest: digest, expiresAt: expiresAt)
      }
      slab.setHash(digest.low, of: index)
      slab[index].lastUsed = uses
      slab[index].weight = newWeight
      weight += newWeight
      count += 1
      table.insert(index, hash: digest.low)
      eviction.insert(index, in: &slab)
    } else {
      weight += newWeight - slab[index].weight
      eviction.resize(index, to: newWeight, in: &slab)
      residents[Int(index)].expiresAt = expiresAt
    }
    evict()
  }

  /// Removes a key, as an invalidation does.
  func remove(_ digest: KeyDigest) {
    let index = find(digest)
    if index != EntryNode.none { remove(index) }
  }

  /// Goes on with less room, for fewer keys.
  ///
  /// - Parameter isSampled: Whether a key is still among those that are looked at.
  func shrink(toCapacity capacity: Int, maximumCount: Int, where isSampled: (KeyDigest) -> Bool) {
    self.capacity = capacity
    self.maximumCount = maximumCount
    for index in 0..<slab.used where slab[index].queue != 0 && !isSampled(residents[Int(index)].digest) {
      remove(index)
    }
    evict()
  }

  private func find(_ digest: KeyDigest) -> Int32 {
    table.find(digest.low) { residents[Int($0)].digest == digest }
  }

  private func remove(_ index: Int32) {
    eviction.remove(index, in: &slab)
    release(index)
  }

  private func evict() {
    while weight > capacity || count > maximumCount {
      let index = eviction.evict(from: &slab)
      guard index != EntryNode.none else { return }
      release(index)
    }
  }

  /// Frees a node that the policy has let go of.
  private func release(_ index: Int32) {
    table.remove(index, hash: residents[Int(index)].digest.low)
    weight -= slab[index].weight
    count -= 1
    slab.takeBack(index)
  }
}

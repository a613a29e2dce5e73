//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// SIEVE (Zhang et al., NSDI 2024): a queue in the order of storing, over which a hand moves from old to young. It passes
/// nodes that were used since it last came by, and evicts the first that was not.
struct SievePolicy: ShardPolicy {
  private var queue = NodeQueue()
  /// The node to look at next, or `EntryNode.none` to begin at the old end.
  private var hand = EntryNode.none
  /// The node that came last, or `EntryNode.none`. It joins the queue when the next one comes: SIEVE makes room before it
  /// lets something in, this cache after, and so the hand cannot meet what it is making room for.
  private var newcomer = EntryNode.none

  mutating func insert(_ index: Int32, in slab: inout NodeSlab) {
    admitNewcomer(in: &slab)
    slab[index].queue = 1
    slab[index].uses = 0
    newcomer = index
  }

  mutating func remove(_ index: Int32, in slab: inout NodeSlab) {
    if newcomer == index {
      newcomer = EntryNode.none
      return
    }
    if hand == index { hand = slab[index].previous }
    queue.remove(index, in: &slab)
  }

  mutating func resize(_ index: Int32, to weight: Int, in slab: inout NodeSlab) {
    if newcomer == index { slab[index].weight = weight } else { queue.resize(index, to: weight, in: &slab) }
  }

  private mutating func admitNewcomer(in slab: inout NodeSlab) {
    guard newcomer != EntryNode.none else { return }
    queue.pushHead(newcomer, in: &slab)
    newcomer = EntryNode.none
  }

  mutating func evict(from slab: inout NodeSlab) -> Int32 {
    if queue.tail == EntryNode.none { admitNewcomer(in: &slab) }
    guard queue.tail != EntryNode.none else { return EntryNode.none }
    var index = hand == EntryNode.none ? queue.tail : hand
    while slab[index].uses > 0 {
      slab[index].uses = 0
      index = slab[index].previous
      if index == EntryNode.none { index = queue.tail }
    }
    hand = slab[index].previous
    queue.remove(index, in: &slab)
    return index
  }

  /// When the oldest node was stored.
  func rank(in slab: borrowing NodeSlab) -> Int64 {
    let oldest = queue.tail == EntryNode.none ? newcomer : queue.tail
    return oldest == EntryNode.none ? .max : slab[oldest].lastUsed
  }

  var byteCount: Int { 0 }

  func inconsistency(in slab: borrowing NodeSlab) -> String? {
    if hand != EntryNode.none, slab[hand].queue != 1 { return "the hand points to node \(hand), which is free" }
    return queue.inconsistency(in: slab)
  }
}

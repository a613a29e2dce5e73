//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// LRU, exact, and FIFO: one queue, whose tail goes. They differ in whether a use moves a node to the head.
struct RecencyPolicy: ShardPolicy {
  private var queue = NodeQueue()

  /// Moves a node that was used to the young end. FIFO does not call it.
  @inline(__always)
  mutating func touch(_ index: Int32, in slab: inout NodeSlab) { queue.moveToHead(index, in: &slab) }

  mutating func insert(_ index: Int32, in slab: inout NodeSlab) {
    slab[index].queue = 1
    queue.pushHead(index, in: &slab)
  }

  mutating func remove(_ index: Int32, in slab: inout NodeSlab) { queue.remove(index, in: &slab) }

  mutating func resize(_ index: Int32, to weight: Int, in slab: inout NodeSlab) {
    queue.resize(index, to: weight, in: &slab)
  }

  mutating func evict(from slab: inout NodeSlab) -> Int32 {
    let index = queue.tail
    if index != EntryNode.none { queue.remove(index, in: &slab) }
    return index
  }

  /// The last use of the tail.
  func rank(in slab: borrowing NodeSlab) -> Int64 {
    queue.tail == EntryNode.none ? .max : slab[queue.tail].lastUsed
  }

  var byteCount: Int { 0 }

  func inconsistency(in slab: borrowing NodeSlab) -> String? {
    if let problem = queue.inconsistency(in: slab) { return problem }
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

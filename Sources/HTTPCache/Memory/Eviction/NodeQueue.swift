//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A queue of nodes, doubly linked through the nodes themselves: its head is the youngest, its tail the oldest.
struct NodeQueue {
  private(set) var head = EntryNode.none
  private(set) var tail = EntryNode.none
  /// How many nodes are in it.
  private(set) var count: Int32 = 0
  /// What they weigh together, in bytes.
  private(set) var weight = 0

  /// Puts a node that is in no queue at the young end.
  @inline(__always)
  mutating func pushHead(_ index: Int32, in slab: inout NodeSlab) {
    slab[index].previous = EntryNode.none
    slab[index].next = head
    if head == EntryNode.none { tail = index } else { slab[head].previous = index }
    head = index
    count &+= 1
    weight &+= slab[index].weight
  }

  /// Takes a node of this queue out of it.
  @inline(__always)
  mutating func remove(_ index: Int32, in slab: inout NodeSlab) {
    let previous = slab[index].previous
    let next = slab[index].next
    if previous == EntryNode.none { head = next } else { slab[previous].next = next }
    if next == EntryNode.none { tail = previous } else { slab[next].previous = previous }
    count &-= 1
    weight &-= slab[index].weight
  }

  /// Changes the weight of a node of this queue.
  mutating func resize(_ index: Int32, to newWeight: Int, in slab: inout NodeSlab) {
    weight += newWeight - slab[index].weight
    slab[index].weight = newWeight
  }

  /// Moves a node of this queue to its young end.
  @inline(__always)
  mutating func moveToHead(_ index: Int32, in slab: inout NodeSlab) {
    guard index != head else { return }
    // Not the head, so there is a previous node.
    let previous = slab[index].previous
    let next = slab[index].next
    slab[previous].next = next
    if next == EntryNode.none { tail = previous } else { slab[next].previous = previous }
    slab[index].previous = EntryNode.none
    slab[index].next = head
    slab[head].previous = index
    head = index
  }

  /// What is wrong with the queue's links and sums, or nil. For tests.
  func inconsistency(in slab: borrowing NodeSlab) -> String? {
    var seen: Int32 = 0
    var sum = 0
    var younger = EntryNode.none
    var index = head
    while index != EntryNode.none {
      guard seen < count else { return "the queue holds more nodes than it counts, or a ring" }
      guard slab[index].queue != 0 else { return "node \(index) is queued though free" }
      guard slab[index].previous == younger else { return "node \(index) does not link back to \(younger)" }
      seen += 1
      sum += slab[index].weight
      younger = index
      index = slab[index].next
    }
    guard younger == tail else { return "the queue ends at \(younger), not at its tail \(tail)" }
    guard seen == count else { return "the queue holds \(seen) nodes and counts \(count)" }
    guard sum == weight else { return "the queue weighs \(sum) and says \(weight)" }
    return nil
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// S3-FIFO (Yang et al., SOSP 2023): a small queue on probation, a main queue, and a memory of what left the small one.
///
/// What comes in is put into the small queue, which has a tenth of the room. What was used twice there moves on to the main
/// queue, what was not is evicted but remembered; if it comes again while it is, it goes straight to the main queue. In
/// there, each use (up to three) buys one more round.
struct S3FIFOPolicy: ~Copyable, ShardPolicy {
  private enum Queue { static let newcomer: UInt8 = 1, small: UInt8 = 2, main: UInt8 = 3 }

  private var small = NodeQueue()
  private var main = NodeQueue()
  private var ghosts = GhostQueue()
  /// The node that came last, or `EntryNode.none`, and whether it is to join the main queue. It joins when the next one
  /// comes: S3-FIFO makes room before it lets something in, this cache after.
  private var newcomer = EntryNode.none
  private var newcomerIsKnown = false

  mutating func insert(_ index: Int32, in slab: inout NodeSlab) {
    admitNewcomer(in: &slab)
    slab[index].uses = 0
    slab[index].queue = Queue.newcomer
    newcomer = index
    newcomerIsKnown = ghosts.remove(slab.hash(of: index))
  }

  private mutating func admitNewcomer(in slab: inout NodeSlab) {
    guard newcomer != EntryNode.none else { return }
    if newcomerIsKnown {
      slab[newcomer].queue = Queue.main
      main.pushHead(newcomer, in: &slab)
    } else {
      slab[newcomer].queue = Queue.small
      small.pushHead(newcomer, in: &slab)
    }
    newcomer = EntryNode.none
  }

  mutating func remove(_ index: Int32, in slab: inout NodeSlab) {
    switch slab[index].queue {
    case Queue.newcomer: newcomer = EntryNode.none
    case Queue.small: small.remove(index, in: &slab)
    default: main.remove(index, in: &slab)
    }
  }

  mutating func resize(_ index: Int32, to weight: Int, in slab: inout NodeSlab) {
    switch slab[index].queue {
    case Queue.newcomer: slab[index].weight = weight
    case Queue.small: small.resize(index, to: weight, in: &slab)
    default: main.resize(index, to: weight, in: &slab)
    }
  }

  mutating func evict(from slab: inout NodeSlab) -> Int32 {
    if small.count + main.count == 0 { admitNewcomer(in: &slab) }
    while small.weight > (small.weight &+ main.weight) / 10 || main.tail == EntryNode.none {
      let index = small.tail
      guard index != EntryNode.none else { break }
      small.remove(index, in: &slab)
      guard slab[index].uses > 1 else {
        ghosts.insert(slab.hash(of: index), limit: (small.count + main.count) / 10 * 9)
        return index
      }
      slab[index].uses = 0
      slab[index].queue = Queue.main
      main.pushHead(index, in: &slab)
    }
    while main.tail != EntryNode.none {
      let index = main.tail
      guard slab[index].uses > 0 else {
        main.remove(index, in: &slab)
        return index
      }
      slab[index].uses = min(slab[index].uses, 3) - 1
      main.moveToHead(index, in: &slab)
    }
    return EntryNode.none
  }

  /// When the oldest of the small queue was stored, or of the main one if the small one is empty.
  func rank(in slab: borrowing NodeSlab) -> Int64 {
    let oldest = small.tail != EntryNode.none ? small.tail : main.tail != EntryNode.none ? main.tail : newcomer
    return oldest == EntryNode.none ? .max : slab[oldest].lastUsed
  }

  var byteCount: Int { ghosts.byteCount }

  func inconsistency(in slab: borrowing NodeSlab) -> String? {
    small.inconsistency(in: slab) ?? main.inconsistency(in: slab)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// W-TinyLFU (Einziger, Friedman and Manes, 2017): a window for what is new, and a main region into which a newcomer is
/// admitted only if it is used more often than what it would replace, by a sketch that also remembers what is gone.
///
/// Differs from Caffeine in that uses leave a mark instead of moving nodes: they are counted, and nodes moved, when the
/// node comes to the old end of its queue. The window's share climbs towards the better hit ratio.
struct TinyLFUPolicy: ~Copyable, ShardPolicy {
  private enum Queue { static let window: UInt8 = 1, probation: UInt8 = 2, protected: UInt8 = 3 }

  private var window = NodeQueue()
  private var probation = NodeQueue()
  private var protected = NodeQueue()
  private var sketch = FrequencySketch(capacity: 64)
  private var climber = HillClimber()
  private var noise: UInt64 = 0x2545_F491_4F6C_DD1D

  mutating func insert(_ index: Int32, in slab: inout NodeSlab) {
    if Int(count) > sketch.capacity { sketch = FrequencySketch(capacity: sketch.capacity * 2) }
    slab[index].uses = 0
    slab[index].queue = Queue.window
    window.pushHead(index, in: &slab)
    sketch.add(slab.hash(of: index), count: 1)
    climber.record(hits: 0, misses: 1, entryCount: Int(count))
  }

  mutating func remove(_ index: Int32, in slab: inout NodeSlab) {
    switch slab[index].queue {
    case Queue.window: window.remove(index, in: &slab)
    case Queue.probation: probation.remove(index, in: &slab)
    default: protected.remove(index, in: &slab)
    }
  }

  mutating func resize(_ index: Int32, to weight: Int, in slab: inout NodeSlab) {
    switch slab[index].queue {
    case Queue.window: window.resize(index, to: weight, in: &slab)
    case Queue.probation: probation.resize(index, to: weight, in: &slab)
    default: protected.resize(index, to: weight, in: &slab)
    }
  }

  mutating func evict(from slab: inout NodeSlab) -> Int32 {
    let candidate = shrinkWindow(in: &slab)
    guard let victim = chooseVictim(in: &slab) else {
      let index = window.tail
      if index != EntryNode.none { window.remove(index, in: &slab) }
      return index
    }
    guard candidate != EntryNode.none, candidate != victim else {
      remove(victim, in: &slab)
      return victim
    }
    let loser = admits(slab.hash(of: candidate), over: slab.hash(of: victim)) ? victim : candidate
    remove(loser, in: &slab)
    return loser
  }

  private var count: Int32 { window.count + probation.count + protected.count }

  /// Moves what the window has no room for to probation.
  ///
  /// - Returns: The last node moved, or `EntryNode.none`.
  private mutating func shrinkWindow(in slab: inout NodeSlab) -> Int32 {
    let total = window.weight + probation.weight + protected.weight
    let target = Int(Double(total) * climber.windowShare)
    var candidate = EntryNode.none
    while window.weight > target, window.tail != EntryNode.none {
      // The newest alone always stays in the window until something newer comes, unless there is nothing else.
      if window.count == 1, probation.count + protected.count > 0, candidate != EntryNode.none { break }
      let index = window.tail
      if harvest(index, in: &slab) {
        window.moveToHead(index, in: &slab)
      } else {
        window.remove(index, in: &slab)
        slab[index].queue = Queue.probation
        probation.pushHead(index, in: &slab)
        candidate = index
      }
    }
    return candidate
  }

  /// The oldest node of the main region that was not used since it was last looked at; those before it move up.
  private mutating func chooseVictim(in slab: inout NodeSlab) -> Int32? {
    let protectedRoom = (probation.weight + protected.weight) * 4 / 5
    while probation.tail != EntryNode.none {
      let index = probation.tail
      guard harvest(index, in: &slab) else { return index }
      probation.remove(index, in: &slab)
      slab[index].queue = Queue.protected
      protected.pushHead(index, in: &slab)
      while protected.weight > protectedRoom {
        let oldest = protected.tail
        if harvest(oldest, in: &slab) {
          protected.moveToHead(oldest, in: &slab)
        } else {
          protected.remove(oldest, in: &slab)
          slab[oldest].queue = Queue.probation
          probation.pushHead(oldest, in: &slab)
        }
      }
    }
    while protected.tail != EntryNode.none {
      let index = protected.tail
      guard harvest(index, in: &slab) else { return index }
      protected.moveToHead(index, in: &slab)
    }
    return nil
  }

  /// Counts the uses that were marked at a node.
  ///
  /// - Returns: Whether there were any.
  private mutating func harvest(_ index: Int32, in slab: inout NodeSlab) -> Bool {
    let uses = Int(slab[index].uses)
    guard uses > 0 else { return false }
    slab[index].uses = 0
    sketch.add(slab.hash(of: index), count: uses)
    climber.record(hits: uses, misses: 0, entryCount: Int(count))
    return true
  }

  private mutating func admits(_ candidate: UInt64, over victim: UInt64) -> Bool {
    let frequency = sketch.frequency(of: candidate)
    if frequency > sketch.frequency(of: victim) { return true }
    // Now and then a warm newcomer is let in all the same, so that nobody can fill a cache with keys whose counters collide
    // with those of popular ones.
    guard frequency > 5 else { return false }
    noise ^= noise << 13
    noise ^= noise >> 7
    noise ^= noise << 17
    return noise & 127 == 0
  }

  /// When the oldest on probation was stored, or failing that the oldest elsewhere.
  func rank(in slab: borrowing NodeSlab) -> Int64 {
    let tail =
      probation.tail != EntryNode.none ? probation.tail : window.tail != EntryNode.none ? window.tail : protected.tail
    return tail == EntryNode.none ? .max : slab[tail].lastUsed
  }

  var byteCount: Int { sketch.byteCount }

  func inconsistency(in slab: borrowing NodeSlab) -> String? {
    window.inconsistency(in: slab) ?? probation.inconsistency(in: slab) ?? protected.inconsistency(in: slab)
  }
}

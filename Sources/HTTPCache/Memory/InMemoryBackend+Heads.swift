//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension InMemoryBackend {
  /// The head of an entry that is right for now, if one has been kept.
  func head(of entry: CacheEntry, at now: CacheInstant, owner: UInt32) -> HeaderFields? {
    var fields: HeaderFields?
    withNode(of: entry) { shard, index in
      fields = shard.pointee.node(index).pointee.head?._withUnsafeGuaranteedRef {
        $0.summary.validity.covers(now.nanoseconds, for: owner) ? HeaderFields(sharing: $0) : nil
      }
    }
    return fields
  }

  /// Keeps the head of an entry for the hits to come, unless something else has taken the entry's place.
  func keep(_ head: HeaderFields, of entry: CacheEntry) {
    var replaced: Unmanaged<HeaderStorage>?
    withNode(of: entry) { shard, index in
      let weightBefore = shard.pointee.weight
      replaced = shard.pointee.keepHead(head.storage, of: index)
      addToTotals(shard, countBefore: shard.pointee.count, weightBefore: weightBefore)
    }
    replaced?.release()
    evict(sparing: shards.index(of: entry.digest))
  }

  /// How many nodes are looked at before a shard's lock is given back: each may be a look at memory far away.
  private static let headsPerLock: Int32 = 64

  /// Lets go of the heads that are too old to be sent again: those of entries that nobody has asked for of late.
  func dropOldHeads(at now: CacheInstant) {
    for shardIndex in 0..<shards.count {
      var next: Int32 = 0
      while let position = dropOldHeads(of: shardIndex, from: next, at: now.nanoseconds) { next = position }
    }
  }

  /// - Returns: Where to go on; nil when there is nothing more to look at.
  private func dropOldHeads(of shardIndex: Int, from start: Int32, at now: Int64) -> Int32? {
    withUnsafeTemporaryAllocation(of: Unmanaged<HeaderStorage>.self, capacity: Int(Self.headsPerLock)) { dropped in
      var count = 0
      let shard = shards.lock(shardIndex)
      let end = min(start + Self.headsPerLock, Int32(shard.pointee.nodeCount))
      let isDone = shard.pointee.headByteCount == 0 || start >= end
      if !isDone {
        let weightBefore = shard.pointee.weight
        for index in start..<end {
          guard let head = shard.pointee.takeOldHead(of: index, at: now) else { continue }
          dropped.initializeElement(at: count, to: head)
          count += 1
        }
        addToTotals(shard, countBefore: shard.pointee.count, weightBefore: weightBefore)
      }
      shards.unlock(shardIndex)
      for head in dropped[..<count] { head.release() }
      return isDone ? nil : end
    }
  }
}

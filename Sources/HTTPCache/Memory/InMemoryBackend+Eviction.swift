//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

extension InMemoryBackend {
  private var isOverfull: Bool {
    shards.totals.pointee.weight.load(ordering: .relaxed) > configuration.capacity
      || shards.totals.pointee.count.load(ordering: .relaxed) > configuration.maximumEntryCount ?? .max
  }

  /// Evicts until the bounds hold again, always from the shard whose next victim was used the longest ago.
  ///
  /// Each shard publishes a lower bound of that moment, so that choosing locks nothing, and hits need not keep it up to
  /// date. The shard with the lowest bound is locked alone; it gives up entries for as long as they are older than every
  /// other shard's bound, which is when they are older than everything, and publishes its true moment.
  ///
  /// - Parameter ownIndex: The shard just stored to; among equals it comes last, so that an entry is not evicted by its own
  ///   arrival.
  func evict(sparing ownIndex: Int) {
    while isOverfull {
      var candidate = -1
      var oldest = Int64.max
      var secondOldest = Int64.max
      for step in 1...shards.count {
        let index = (ownIndex + step) & (shards.count - 1)
        let use = shards.oldestUses[index].load(ordering: .relaxed)
        if use < oldest {
          secondOldest = oldest
          oldest = use
          candidate = index
        } else {
          secondOldest = min(secondOldest, use)
        }
      }
      // Nothing anywhere: other threads have evicted what this one saw counted.
      guard candidate >= 0 else { return }
      // Its own shard gives up nothing as young as the other shards' oldest, for that might be what was just stored.
      evict(from: candidate, notYoungerThan: candidate == ownIndex ? secondOldest - 1 : secondOldest)
    }
  }

  private func evict(from shardIndex: Int, notYoungerThan limit: Int64) {
    withUnsafeTemporaryAllocation(of: Unmanaged<CacheEntry>.self, capacity: Self.batchSize) { evicted in
      var count = 0
      let shard = shards.lock(shardIndex)
      while count < evicted.count, shard.pointee.oldestUse <= limit, isOverfull {
        let countBefore = shard.pointee.count
        let weightBefore = shard.pointee.weight
        guard let entry = shard.pointee.evict() else { break }
        addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
        evicted.initializeElement(at: count, to: entry)
        count += 1
      }
      publishOldestUse(of: shard, shardIndex)
      shards.unlock(shardIndex)
      for entry in evicted[..<count] { entry.release() }
    }
  }

  /// Brings the sums up to date with a change to a shard that is locked.
  @inline(__always)
  func addToTotals(_ shard: UnsafeMutablePointer<ShardState>, countBefore: Int, weightBefore: Int) {
    shards.totals.pointee.weight.add(shard.pointee.weight &- weightBefore, ordering: .relaxed)
    shards.totals.pointee.count.add(shard.pointee.count &- countBefore, ordering: .sequentiallyConsistent)
  }

  /// Says how old the next victim of a locked shard is.
  @inline(__always)
  func publishOldestUse(of shard: UnsafeMutablePointer<ShardState>, _ shardIndex: Int) {
    shards.oldestUses[shardIndex].store(shard.pointee.oldestUse, ordering: .relaxed)
  }
}

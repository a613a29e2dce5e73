//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

extension InMemoryBackend {
  @inline(__always)
  private var isOverfull: Bool {
    shards.totals.pointee.weight.load(ordering: .relaxed) > configuration.capacity
      || shards.totals.pointee.count.load(ordering: .relaxed) > configuration.maximumEntryCount ?? .max
  }

  /// Evicts until the bounds hold again, always from the shard that ranks lowest.
  ///
  /// Each shard publishes its rank when it is stored to or evicted from, so that choosing locks nothing and hits need not
  /// keep it up to date. Under LRU and FIFO the rank is the moment of use of the shard's oldest entry, and what is published
  /// is a lower bound of it: the lowest shard gives up entries for as long as they are no younger than any other shard's
  /// bound, which is when they are the oldest of all, and then publishes its true rank. Under the other policies it gives
  /// up at least one each time.
  ///
  /// - Parameter ownIndex: The shard just stored to; among equals it comes last, so that under LRU an entry is not evicted
  ///   by its own arrival.
  func evict(sparing ownIndex: Int) {
    while isOverfull {
      var candidate = -1
      var lowest = Int64.max
      var secondLowest = Int64.max
      for step in 1...shards.count {
        let index = (ownIndex + step) & (shards.count - 1)
        let rank = shards.ranks[index].load(ordering: .relaxed)
        if rank < lowest {
          secondLowest = lowest
          lowest = rank
          candidate = index
        } else {
          secondLowest = min(secondLowest, rank)
        }
      }
      // Nothing anywhere: other threads have evicted what this one saw counted.
      guard candidate >= 0 else { return }
      // Its own shard gives up nothing as young as the other shards' oldest, for that might be what was just stored.
      evict(from: candidate, notAbove: candidate == ownIndex ? secondLowest - 1 : secondLowest)
    }
  }

  private func evict(from shardIndex: Int, notAbove limit: Int64) {
    withUnsafeTemporaryAllocation(of: Unmanaged<CacheEntry>.self, capacity: Self.batchSize) { evicted in
      var count = 0
      let shard = shards.lock(shardIndex)
      while count < evicted.count, isOverfull {
        guard shard.pointee.rank <= limit || count == 0 && !shard.pointee.ranksByUse else { break }
        let countBefore = shard.pointee.count
        let weightBefore = shard.pointee.weight
        guard let entry = shard.pointee.evict() else { break }
        addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
        evicted.initializeElement(at: count, to: entry)
        count += 1
      }
      publishRank(of: shard, shardIndex)
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

  /// Publishes the rank of a locked shard.
  @inline(__always)
  func publishRank(of shard: UnsafeMutablePointer<ShardState>, _ shardIndex: Int) {
    shards.ranks[shardIndex].store(shard.pointee.rank, ordering: .relaxed)
  }
}

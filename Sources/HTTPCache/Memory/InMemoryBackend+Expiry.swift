//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

extension InMemoryBackend {
  /// How many nodes a store looks at in passing. More than one, so that sweeping overtakes storing.
  static let nodesPerStore = 3
  /// How many nodes the background sweep looks at before it gives a shard's lock back.
  private static let nodesPerLock = 512

  /// Takes an entry whose time has come out of a locked shard, and unlocks it.
  @inline(never)
  func reclaim(_ index: Int32, of shard: UnsafeMutablePointer<ShardState>, _ shardIndex: Int) {
    let countBefore = shard.pointee.count
    let weightBefore = shard.pointee.weight
    let expired = shard.pointee.expire(index)
    addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
    publishRank(of: shard, shardIndex)
    shards.unlock(shardIndex)
    expired.release()
  }

  /// Reclaims all entries whose time has come.
  func sweep(at now: CacheInstant) {
    for shardIndex in 0..<shards.count {
      var remaining = Int.max
      while remaining > 0 {
        let (looked, nodeCount) = sweepPart(
          of: shardIndex, at: now.nanoseconds, limit: min(remaining, Self.nodesPerLock))
        if looked == 0 { break }
        remaining = min(remaining, nodeCount) - looked
      }
    }
  }

  /// - Returns: How many nodes were looked at, and how many there are to look at.
  private func sweepPart(of shardIndex: Int, at now: Int64, limit: Int) -> (looked: Int, nodeCount: Int) {
    withUnsafeTemporaryAllocation(of: Unmanaged<CacheEntry>.self, capacity: Self.batchSize) { expired in
      let shard = shards.lock(shardIndex)
      let countBefore = shard.pointee.count
      let weightBefore = shard.pointee.weight
      let (count, looked) = shard.pointee.sweep(at: now, limit: limit, into: expired)
      if count > 0 {
        addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
        publishRank(of: shard, shardIndex)
      }
      let nodeCount = shard.pointee.nodeCount
      shards.unlock(shardIndex)
      for entry in expired[..<count] { entry.release() }
      return (looked, nodeCount)
    }
  }

  /// Whether the background sweep runs.
  var isSweeping: Bool { sweepFlag.load(ordering: .sequentiallyConsistent) }

  /// Starts the background sweep if it does not run.
  @inline(never)
  func startSweeping() {
    sweeper.withLock { sweeper in
      guard !sweepFlag.exchange(true, ordering: .sequentiallyConsistent) else { return }
      let clock = configuration.clock
      let interval = configuration.sweepInterval
      sweeper = Task.detached(priority: .background) { [weak self] in
        repeat {
          do { try await clock.sleep(until: clock.now.advanced(by: interval)) } catch { return }
        } while self?.sweepAndGoOn(at: clock.now) ?? false
      }
    }
  }

  /// - Returns: Whether there is still something to sweep. If not, the next store starts the sweep anew.
  private func sweepAndGoOn(at now: CacheInstant) -> Bool {
    sweep(at: now)
    judge(at: now)
    dropOldHeads(at: now)
    guard shards.totals.pointee.count.load(ordering: .sequentiallyConsistent) == 0 else { return true }
    sweepFlag.store(false, ordering: .sequentiallyConsistent)
    // A store that counted its entry before that may have seen the sweep still running: then going on falls to this one.
    return shards.totals.pointee.count.load(ordering: .sequentiallyConsistent) > 0
      && !sweepFlag.exchange(true, ordering: .sequentiallyConsistent)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Reclaiming what has been invalidated, and what is remembered of invalidations.
extension InMemoryBackend {
  /// How far the background's search for what has been invalidated has come.
  struct JudgingState {
    /// The shard to go on with.
    var nextShard = 0
    /// The last invalidation at some moment, and at one before: responses that were asked for before that are not expected
    /// to arrive any more.
    var recent = (moment: CacheInstant.distantPast, number: UInt64(0))
    var past: UInt64 = 0
  }

  /// How many valid entries the background looks at in one sweep at most: it is in no hurry, and an invalidation must not
  /// make it look at millions every few seconds. Void ones do not count.
  static let judgedPerSweep = 65_536
  private static let nodesPerLock = 512
  /// For how long invalidations are remembered at least, for the sake of responses that are on their way.
  static let remembersFor = Duration.seconds(300)

  /// Goes on looking for void entries, and forgets the invalidations that nothing is older than.
  func judge(at now: CacheInstant) {
    let current = log.current
    guard current > 0 else { return }
    judgingState.withLock { state in
      var budget = Self.judgedPerSweep
      for _ in 0..<shards.count where budget > 0 {
        while budget > 0 {
          let (released, looked) = judgePart(
            of: state.nextShard, through: current, limit: min(budget, Self.nodesPerLock))
          if looked == 0 { break }
          budget -= looked - released
        }
        if budget > 0 { state.nextShard = (state.nextShard + 1) & (shards.count - 1) }
      }
      if now.duration(since: state.recent.moment) >= Self.remembersFor {
        state.past = state.recent.number
        state.recent = (now, current)
      }
      let done = (0..<shards.count).map { index in
        let shard = shards.lock(index)
        defer { shards.unlock(index) }
        // Nothing there is as good as everything there being valid.
        return shard.pointee.count == 0 ? UInt64.max : shard.pointee.judging.done
      }
      log.forget(through: min(state.past, done.min() ?? .max))
    }
  }

  @inline(never)
  private func judgePart(of shardIndex: Int, through current: UInt64, limit: Int) -> (released: Int, looked: Int) {
    withUnsafeTemporaryAllocation(of: Unmanaged<CacheEntry>.self, capacity: Self.batchSize) { released in
      let shard = shards.lock(shardIndex)
      let countBefore = shard.pointee.count
      let weightBefore = shard.pointee.weight
      let (count, looked) = shard.pointee.judge(by: log, through: current, limit: limit, into: released)
      if count > 0 {
        addToTotals(shard, countBefore: countBefore, weightBefore: weightBefore)
        publishRank(of: shard, shardIndex)
      }
      shards.unlock(shardIndex)
      for entry in released[..<count] { entry.release() }
      return (count, looked)
    }
  }
}

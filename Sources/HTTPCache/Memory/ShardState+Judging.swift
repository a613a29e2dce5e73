//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Finding what has been invalidated without being asked for it, so that it does not take up room, and so that what is
/// remembered of invalidations can be forgotten.
extension ShardState {
  /// Looks at the next nodes of the pass that is under way, or of a new one if something has been invalidated since the last:
  /// takes out the entries that are void, makes stale those that are, and notes of the others how far they are valid.
  ///
  /// Called under the shard's lock; the log's is taken inside it, and nobody takes them the other way round.
  ///
  /// - Parameters:
  ///   - current: The last invalidation.
  ///   - limit: How many nodes to look at.
  ///   - released: Gets the entries that are taken out, retained. The pass pauses when it is full.
  /// - Returns: How many entries were put into `released`, and how many nodes were looked at.
  mutating func judge(
    by log: InvalidationLog, through current: UInt64, limit: Int,
    into released: UnsafeMutableBufferPointer<Unmanaged<CacheEntry>>
  ) -> (released: Int, looked: Int) {
    guard judging.done < current else { return (0, 0) }
    if judging.goal == 0 { judging.goal = current }
    var count = 0
    var looked = 0
    while looked < limit, count < released.count {
      guard Int(judging.position) < nodeCount else {
        judging = JudgingCursor(done: judging.goal)
        break
      }
      let index = judging.position
      judging.position += 1
      looked += 1
      guard isUsed(index), stamp(index) < judging.goal else { continue }
      let stored = entry(index)
      let verdict = stored._withUnsafeGuaranteedRef {
        log.storedVerdict(key: $0.key, tags: $0.tags, since: stamp(index))
      }
      switch verdict {
      case .valid: setStamp(judging.goal, of: index)
      case .void:
        released.initializeElement(at: count, to: void(index))
        count += 1
      case .stale(let moment):
        let stale = stored._withUnsafeGuaranteedRef { $0.with(times: $0.times.stale(since: moment)) }
        let replaced = exchange(index, for: Unmanaged.passRetained(stale), stamp: judging.goal)
        released.initializeElement(at: count, to: replaced)
        count += 1
      }
    }
    return (count, looked)
  }
}

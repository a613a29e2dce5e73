//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

extension InMemoryBackend {
  /// What a backend holds and has done, as ``InMemoryBackend/statistics`` reports it.
  public struct Statistics: Hashable, Sendable {
    /// How many entries it holds.
    public var entryCount = 0
    /// The memory that they take together, in bytes: what counts against ``Configuration/capacity``.
    public var byteCount = 0
    /// How many entries have been evicted for lack of room, since the backend was made.
    public var evictions = 0
    /// How many entries have been reclaimed because their time had come, since the backend was made.
    public var expirations = 0
    /// How many entries have been reclaimed because they had been invalidated by their tags, since the backend was made.
    public var invalidations = 0
    /// How many entries have been refused for their size, since the backend was made.
    public var refusals = 0
    /// The bytes allocated for the shards, their tables and their nodes.
    public var tableByteCount = 0
    /// The bytes that the entries' objects take, without the memory that their keys, heads and bodies refer to.
    public var objectByteCount = 0

    /// The bytes of bookkeeping: everything beside keys, heads and bodies.
    public var bookkeepingByteCount: Int { tableByteCount + objectByteCount }
  }

  /// What the backend holds and has done. Under concurrent use, the shards are looked at one after another.
  ///
  /// - Complexity: O(number of shards).
  public var statistics: Statistics {
    var statistics = Statistics()
    statistics.refusals = shards.totals.pointee.refusals.load(ordering: .relaxed)
    statistics.tableByteCount = shards.byteCount
    for index in 0..<shards.count {
      let shard = shards.lock(index)
      statistics.entryCount += shard.pointee.count
      statistics.byteCount += shard.pointee.weight
      statistics.evictions += shard.pointee.evictions
      statistics.expirations += shard.pointee.expirations
      statistics.invalidations += shard.pointee.invalidations
      statistics.objectByteCount += shard.pointee.objectByteCount
      statistics.tableByteCount += shard.pointee.byteCount
      shards.unlock(index)
    }
    return statistics
  }

  /// What is wrong with the backend's structures, or nil. For tests; nobody may be storing or removing meanwhile.
  func inconsistency() -> String? {
    var count = 0
    var weight = 0
    for index in 0..<shards.count {
      let shard = shards.lock(index)
      defer { shards.unlock(index) }
      if let problem = shard.pointee.inconsistency() { return "shard \(index): \(problem)" }
      count += shard.pointee.count
      weight += shard.pointee.weight
      guard !shard.pointee.ranksByUse || shards.ranks[index].load(ordering: .relaxed) <= shard.pointee.rank else {
        return "shard \(index) is older than it says"
      }
    }
    let totalCount = shards.totals.pointee.count.load(ordering: .relaxed)
    let totalWeight = shards.totals.pointee.weight.load(ordering: .relaxed)
    guard count == totalCount else { return "the shards hold \(count) entries, the total says \(totalCount)" }
    guard weight == totalWeight else { return "the shards weigh \(weight), the total says \(totalWeight)" }
    guard weight <= configuration.capacity else { return "\(weight) bytes exceed the capacity" }
    guard count <= configuration.maximumEntryCount ?? .max else { return "\(count) entries exceed the maximum" }
    return nil
  }
}

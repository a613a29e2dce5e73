//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The order in which one shard gives up its nodes. Knows nodes only: no entries, no locks, no time of day.
protocol ShardPolicy: ~Copyable {
  /// Takes in a node whose hash, weight and moment have been set. May set `queue` to anything but zero.
  mutating func insert(_ index: Int32, in slab: inout NodeSlab)

  /// Lets go of a node that is being removed for another reason than having been chosen.
  mutating func remove(_ index: Int32, in slab: inout NodeSlab)

  /// Changes the weight of a node.
  mutating func resize(_ index: Int32, to weight: Int, in slab: inout NodeSlab)

  /// Chooses a node to evict, and lets go of it.
  ///
  /// - Returns: `EntryNode.none` only if there is no node.
  mutating func evict(from slab: inout NodeSlab) -> Int32

  /// Where the shard stands when shards are compared to find the one that must give something up: the lowest goes first.
  /// `Int64.max` when there is no node.
  func rank(in slab: borrowing NodeSlab) -> Int64

  /// The bytes allocated beside the nodes.
  var byteCount: Int { get }

  /// What is wrong with the policy's structures, or nil. For tests.
  func inconsistency(in slab: borrowing NodeSlab) -> String?
}

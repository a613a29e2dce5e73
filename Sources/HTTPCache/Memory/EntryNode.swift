//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a shard knows of one entry: 64 octets of raw memory, so that finding and ordering entries touches no object.
///
/// To an eviction policy, which owns the fields from `previous` on, a node is all there is to an entry.
struct EntryNode {
  /// The entry, retained by the shard that holds the node; nil while the node is free.
  var entry: Unmanaged<CacheEntry>?
  /// The low half of the key's digest.
  var hash: UInt64 = 0
  /// When it was last used (stored, where the policy asks no more), in nanoseconds of the backend's clock.
  var lastUsed: Int64 = 0
  /// `EntryTimes.reclaimAt`, in nanoseconds of the backend's clock.
  var reclaimAt: Int64 = 0
  /// `CacheEntry.weight` at the time of storing, in bytes.
  var weight = 0
  /// The store's last invalidation that is known not to concern the entry (`InvalidationLog`).
  var stamp: UInt64 = 0
  /// The neighbour towards the younger end of the queue, or `EntryNode.none`.
  var previous = EntryNode.none
  /// The neighbour towards the older end of the queue, or the next free node, or `EntryNode.none`.
  var next = EntryNode.none
  /// How often it was used, as far as the policy wants to know; the policy's to read and write.
  var uses: UInt8 = 0
  /// Which of its policy's queues the node is in; zero while it is free.
  var queue: UInt8 = 0

  /// The index of no node.
  static let none: Int32 = -1
}

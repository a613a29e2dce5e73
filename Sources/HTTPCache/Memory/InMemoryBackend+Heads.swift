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
      let node = shard.pointee.node(index)
      replaced = node.pointee.head
      node.pointee.head = Unmanaged.passRetained(head.storage)
    }
    replaced?.release()
  }
}

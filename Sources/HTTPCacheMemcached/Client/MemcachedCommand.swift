//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// What a worker is to ask a server.
enum MemcachedCommand: Sendable {
  case get([MemcachedKey])
  case set(MemcachedKey, MemcachedValue, MemcachedExpiration)
  case add(MemcachedKey, MemcachedValue, MemcachedExpiration)
  /// Replaces the value, provided that it is still the one that came with `unique`.
  case compareAndSet(MemcachedKey, MemcachedValue, MemcachedExpiration, unique: UInt64)
  case increment(MemcachedKey)
  case delete(MemcachedKey)
  /// Several commands, sent at once and carried out in their order.
  case sequence([MemcachedCommand])

  /// Whether the command changes nothing, so that it can be put together with others of its kind.
  var isRead: Bool { if case .get = self { true } else { false } }

  /// What the command counts for in the queue: the bytes that it holds there.
  var queuedBytes: Int {
    switch self {
    case .get, .increment, .delete: 0
    case .set(_, let value, _), .add(_, let value, _), .compareAndSet(_, let value, _, _): value.bytes.count
    case .sequence(let commands): commands.reduce(0) { $0 + $1.queuedBytes }
    }
  }
}

/// What a server has said.
enum MemcachedReply: Sendable {
  /// The values of the keys asked for, in their order.
  case items([MemcachedItem?])
  case stored(MemcachedStoreOutcome)
  /// The counter after its increment; nil when there is none.
  case counter(UInt64?)
  /// Whether there was something to delete.
  case deleted(Bool)
  /// The replies to the commands of a sequence.
  case sequence([MemcachedReply])
}

/// What became of a value.
package enum MemcachedStoreOutcome: Hashable, Sendable {
  case stored
  /// `add` found something, or `cas` found nothing or something else.
  case notStored
  /// The server does not take a value of that size.
  case tooLarge
  /// The server has no memory for it, and nothing that it may evict.
  case outOfMemory
}

/// A value, and the word that memcached keeps with it.
package struct MemcachedValue: Hashable, Sendable {
  package var bytes: Bytes
  /// Says what the bytes are: ``MemcachedFormat``.
  package var flags: UInt32

  package init(bytes: Bytes, flags: UInt32) {
    self.bytes = bytes
    self.flags = flags
  }
}

/// A value as it was found.
package struct MemcachedItem: Hashable, Sendable {
  package var value: MemcachedValue
  /// Changes with every write.
  package var unique: UInt64
}

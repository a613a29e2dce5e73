//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

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

extension MemcachedCommand {
  /// Writes over exactly what was found; `.stored(.notStored)` when that is not there any more.
  static func put(_ value: MemcachedValue, _ key: MemcachedKey, over item: MemcachedItem?) -> MemcachedCommand {
    item.map { .compareAndSet(key, value, .never, unique: $0.unique) } ?? .add(key, value, .never)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

/// A memcached server that does one command at a time, forgets what it likes, and may have no memory.
struct ModelHost {
  private(set) var items: [MemcachedKey: MemcachedItem] = [:]
  private var nextUnique: UInt64 = 1
  /// Whether writes are refused for want of memory.
  var isFull = false

  mutating func perform(_ command: MemcachedCommand) -> MemcachedReply {
    switch command {
    case .get(let keys): return .items(keys.map { items[$0.unshared] })
    case .set(let key, let value, _): return .stored(write(key, value))
    case .add(let key, let value, _): return .stored(items[key.unshared] == nil ? write(key, value) : .notStored)
    case .compareAndSet(let key, let value, _, let unique):
      return .stored(items[key.unshared]?.unique == unique ? write(key, value) : .notStored)
    case .increment(let key):
      guard let number = items[key.unshared].flatMap({ UInt64(decimal: $0.value.bytes) }) else { return .counter(nil) }
      isFull = false
      _ = write(key, MemcachedValue(counter: number &+ 1))
      return .counter(number &+ 1)
    case .delete(let key): return .deleted(items.removeValue(forKey: key.unshared) != nil)
    case .sequence(let commands): return .sequence(commands.map { perform($0) })
    }
  }

  private mutating func write(_ key: MemcachedKey, _ value: MemcachedValue) -> MemcachedStoreOutcome {
    if isFull {
      isFull = false
      return .outOfMemory
    }
    items[key.unshared] = MemcachedItem(value: value, unique: nextUnique)
    nextUnique += 1
    return .stored
  }

  mutating func evict(_ key: MemcachedKey) { items[key.unshared] = nil }
  mutating func restart() { items = [:] }
}

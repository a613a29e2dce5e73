//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Synchronization

/// The values that are too large to arrive within the time that a call may take. For a while each is a miss at once, instead
/// of being sent in vain again and again, in the way of all others.
final class MemcachedSlowValues: Sendable {
  private struct Slow {
    var byteCount: Int
    var until: CacheInstant
  }

  private let values = Locked(BoundedMap<MemcachedKey, Slow>(maximumCount: 1024))
  /// The same as in the map, for a look without the lock.
  private let isEmpty = Atomic(true)

  /// How long a value is left alone.
  static let period = Duration.seconds(30)

  /// Notes that a value did not arrive in time.
  func note(_ value: MemcachedWireError.SlowValue, at now: CacheInstant) {
    values.withLock { values in
      values.append(Slow(byteCount: value.byteCount, until: now.advanced(by: Self.period)), for: value.key)
      isEmpty.store(false, ordering: .relaxed)
    }
  }

  /// The size of the value of `key`, if that did not arrive in time lately.
  func byteCount(of key: MemcachedKey, at now: @autoclosure () -> CacheInstant) -> Int? {
    if isEmpty.load(ordering: .relaxed) { return nil }
    return values.withLock { values in
      let now = now()
      values.removeFirst { $0.value.until <= now }
      isEmpty.store(values.isEmpty, ordering: .relaxed)
      return values[key]?.byteCount
    }
  }

  /// Something else is stored under `key`.
  func forget(_ key: MemcachedKey) {
    if isEmpty.load(ordering: .relaxed) { return }
    values.withLock { _ = $0.remove(key) }
  }
}

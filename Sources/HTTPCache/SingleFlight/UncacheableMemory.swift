//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// ``UncacheableKeys`` behind a lock, that costs one load while there are none.
final class UncacheableMemory: Sendable {
  private let isEmpty = Atomic(true)
  private let keys = Locked(UncacheableKeys())

  func contains(_ key: KeyDigest, at now: CacheInstant) -> Bool {
    guard !isEmpty.load(ordering: .acquiring) else { return false }
    return keys.withLock { $0.contains(key, at: now) }
  }

  func remember(_ key: CacheKey, until: CacheInstant) {
    keys.withLock { keys in
      keys.remember(key.digest, until: until)
      isEmpty.store(false, ordering: .releasing)
    }
  }

  func forget(_ key: CacheKey) {
    guard !isEmpty.load(ordering: .acquiring) else { return }
    keys.withLock { $0.forget(key.digest) }
  }

  func removeAll() {
    keys.withLock { keys in
      keys.removeAll()
      isEmpty.store(true, ordering: .releasing)
    }
  }
}

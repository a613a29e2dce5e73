//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// ``UnsharedKeys`` behind a lock, at the cost of one load while there are none.
final class UnsharedMemory: Sendable {
  private let hasNone = Atomic(true)
  private let keys = Locked(UnsharedKeys())

  /// Whether there are no keys.
  @inline(__always)
  var isEmpty: Bool { hasNone.load(ordering: .acquiring) }

  func reason(for key: KeyDigest, at now: CacheInstant) -> UnsharedKeys.Reason? {
    guard !isEmpty else { return nil }
    return change { $0.reason(for: key, at: now) }
  }

  func remember(_ key: CacheKey, as reason: UnsharedKeys.Reason, until: CacheInstant, at now: CacheInstant) {
    change { $0.remember(key.digest, as: reason, until: until, at: now) }
  }

  func forget(_ key: CacheKey) {
    guard !isEmpty else { return }
    change { $0.forget(key.digest) }
  }

  func removeAll() {
    change { $0.removeAll() }
  }

  private func change<Result>(_ body: (inout UnsharedKeys) -> Result) -> Result {
    keys.withLock { keys in
      let result = body(&keys)
      hasNone.store(keys.count == 0, ordering: .releasing)
      return result
    }
  }
}

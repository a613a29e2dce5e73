//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Synchronization

/// The invalidations that a host is being told, or has yet to be told because that failed. Until it has been told, nothing that
/// it returns and that one of them concerns may be used.
final class HostInvalidations: Sendable {
  private let pending = Locked(PendingInvalidations<UnixTime>(limit: 1024))
  /// The same as in the state, for a look without the lock.
  private let isEmpty = Atomic(true)
  private let isNobodyWaiting = Atomic(true)

  /// Whether some have failed and wait to be told again.
  var isWaiting: Bool { !isNobodyWaiting.load(ordering: .acquiring) }

  /// The invalidations that wait, the oldest first.
  var due: [PendingInvalidations<UnixTime>.Item] { pending.withLock { $0.due(limit: 64) } }

  private func change<Result>(_ body: (inout PendingInvalidations<UnixTime>) -> Result) -> Result {
    pending.withLock { pending in
      defer {
        isEmpty.store(pending.isEmpty, ordering: .releasing)
        isNobodyWaiting.store(pending.waitingCount == 0, ordering: .releasing)
      }
      return body(&pending)
    }
  }

  /// The host is going to be told an invalidation.
  ///
  /// - Returns: Its number here.
  func begin(_ invalidation: CacheInvalidation, at moment: UnixTime) -> UInt64 {
    change { $0.begin(invalidation, at: moment).number }
  }

  /// The host has been told.
  func told(_ number: UInt64) { change { $0.remove(number) } }

  /// The host may not have been told.
  func failed(_ number: UInt64) { _ = change { $0.failed(number) } }

  /// Whether an entry of the host's must not be used.
  func concern(_ entry: CacheEntry) -> Bool {
    !isEmpty.load(ordering: .acquiring) && pending.withLock { $0.concerns(entry) }
  }
}

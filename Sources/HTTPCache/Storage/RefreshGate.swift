//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Lets one refresh of an entry through at a time, and none for a while after one has failed.
struct RefreshGate: ~Copyable, Sendable {
  /// When the next refresh may begin, in nanoseconds of `CacheInstant`; `Int64.max` while one is under way.
  private let opensAt = Atomic<Int64>(.min)

  /// Claims the refresh.
  ///
  /// - Returns: Whether the caller is to do it. It must call ``failed(retryAt:)`` if it does not succeed; if it does, the
  ///   entry is replaced by one with a gate of its own.
  func claim(at now: CacheInstant) -> Bool {
    let current = opensAt.load(ordering: .relaxed)
    guard current <= now.nanoseconds else { return false }
    return opensAt.compareExchange(expected: current, desired: .max, ordering: .relaxed).exchanged
  }

  /// The refresh has failed.
  func failed(retryAt: CacheInstant) {
    opensAt.store(Swift.min(retryAt.nanoseconds, .max - 1), ordering: .relaxed)
  }

  /// Whether a refresh is under way.
  var isClaimed: Bool { opensAt.load(ordering: .relaxed) == .max }

  /// Whether a refresh has failed so lately that the next is not due.
  func isResting(at now: CacheInstant) -> Bool {
    let opensAt = opensAt.load(ordering: .relaxed)
    return opensAt != .max && opensAt > now.nanoseconds
  }

  /// Until when no refresh is due because one has failed; nil when none has, or one is under way.
  var restsUntil: CacheInstant? {
    let opensAt = opensAt.load(ordering: .relaxed)
    return opensAt == .max || opensAt == .min ? nil : CacheInstant(nanoseconds: opensAt)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The `RefreshGate` of an entry. Open for as long as the entry has none, which is until it is claimed.
struct EntryGate {
  let entry: CacheEntry

  /// See ``RefreshGate/claim(at:)``.
  func claim(at now: CacheInstant) -> Bool { entry.makeOptionalParts().refreshGate.claim(at: now) }

  /// See ``RefreshGate/failed(retryAt:)``.
  func failed(retryAt: CacheInstant) { entry.makeOptionalParts().refreshGate.failed(retryAt: retryAt) }

  /// Whether a refresh is under way.
  var isClaimed: Bool { entry.optionalParts?.refreshGate.isClaimed ?? false }

  /// Whether a refresh has failed so lately that the next is not due.
  func isResting(at now: CacheInstant) -> Bool { entry.optionalParts?.refreshGate.isResting(at: now) ?? false }

  /// Until when no refresh is due because one has failed; nil when none has, or one is under way.
  var restsUntil: CacheInstant? { entry.optionalParts?.refreshGate.restsUntil }
}

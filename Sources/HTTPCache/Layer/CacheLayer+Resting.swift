//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The time after a failed call to the origin in which no further one is made for what may be served stale.
extension CacheLayer {
  /// Whether a call to the origin for `entry` has failed so lately that the next is not due.
  nonisolated func isResting(_ entry: CacheEntry, at now: CacheInstant) -> Bool {
    entry.refreshGate.isResting(at: now) || (memory == nil && rests.isResting(entry, at: now))
  }

  /// When the time is over in which no call for `entry` is due because one has failed; nil when none is running.
  nonisolated func restEnd(of entry: CacheEntry, at now: CacheInstant) -> CacheInstant? {
    entry.refreshGate.restsUntil ?? (memory == nil ? rests.restEnd(of: entry, at: now) : nil)
  }

  /// Leaves the origin alone for a while, if something is stored for the request.
  nonisolated func restAfterFailure(_ plan: FetchPlan) {
    guard let stored = plan.stored else { return }
    let now = clock.now
    let end = now.advanced(by: plan.policy.policy.retryInterval)
    stored.refreshGate.failed(retryAt: end)
    // Other stores may make an entry for each lookup, which knows nothing of the gate of the one before.
    if memory == nil { rests.begin(for: stored, at: now, until: end) }
  }

  /// Permits the next refresh of an entry that is still there after a refresh of it has stored something: the new response
  /// has another `Vary`, and is not for all requests that the entry answers.
  nonisolated func reopenGate(of stored: CacheEntry) {
    let now = clock.now
    guard case .found(let entry) = backend.peek(stored.key, at: now), entry === stored else { return }
    stored.refreshGate.failed(retryAt: now)
  }
}

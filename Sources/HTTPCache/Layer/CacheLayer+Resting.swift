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
  ///
  /// A client may have caused the failure itself, by any field of its request. That must not keep others from a newer
  /// response, so it is a call of the cache's own, in nobody's name, that tells whether the origin is to be left alone.
  ///
  /// - Returns: Whether such a call is to be made.
  nonisolated func restAfterFailure(_ plan: FetchPlan) -> Bool {
    guard let stored = plan.stored else { return false }
    let now = clock.now
    if !plan.isNeutral, !needsCredentials(stored, plan) {
      return stored.times.freshUntil <= now
        && RFC9111.mayServeOnError(
          times: stored.times, traits: stored.traits, directives: .none, now: now, rules: plan.policy.rules)
    }
    let end = now.advanced(by: plan.policy.policy.retryInterval)
    stored.refreshGate.failed(retryAt: end)
    // Other stores may make an entry for each lookup, which knows nothing of the gate of the one before.
    if memory == nil { rests.begin(for: stored, at: now, until: end) }
    return false
  }

  /// Has an entry that is still there after a refresh of it has stored something validated by each request: the new response
  /// has another `Vary`, and the refresh, which had none of the fields that it names, was not for the entry's requests.
  nonisolated func reopenGate(of stored: CacheEntry, _ plan: FetchPlan, _ flight: Flight) async {
    let now = clock.now
    guard case .found(let entry) = backend.peek(stored.key, at: now), entry === stored else { return }
    stored.refreshGate.failed(retryAt: now)
    _ = await put(stored.doubted(since: now), index: nil, plan, flight)
  }
}

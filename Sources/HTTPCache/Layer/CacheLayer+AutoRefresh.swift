//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// What is asked for often at the moment, the most frequent first, with the header fields that select a variant: what a
  /// new process would do well to fetch first (``warmUp(_:next:maximumConcurrency:perSecond:progress:)``). Empty without
  /// automatic refresh, which is what counts.
  public nonisolated func hotRequests(limit: Int = 1_000) -> [CacheRequest] {
    Array((refresher?.hotRequests(at: clock.now) ?? []).prefix(limit))
  }

  /// Counts a hit; whether the entry is to be looked after from now on.
  @inline(__always)
  nonisolated func isNewlyHot(_ entry: CacheEntry, at now: CacheInstant) -> Bool {
    guard let refresher else { return false }
    return refresher.noteRequest(entry.digest, at: now)
  }

  /// Whether the expiry is so near that the dice for an early refresh are worth throwing.
  @inline(__always)
  nonisolated func isEarlyRefreshPossible(
    _ entry: CacheEntry, _ policy: ResolvedPolicy, at now: CacheInstant
  ) -> Bool {
    let beta = policy.policy.earlyRefreshBeta
    return beta > 0 && !entry.refreshGate.isClaimed && !isResting(entry, at: now)
      && EarlyRefresh.isWithinReach(
        freshUntil: entry.times.freshUntil, cost: entry.cost, beta: beta, at: now)
  }

  /// Throws the dice.
  nonisolated func isEarlyRefreshDue(
    _ entry: CacheEntry, _ policy: ResolvedPolicy, at now: CacheInstant
  ) -> Bool {
    EarlyRefresh.isDue(
      freshUntil: entry.times.freshUntil, cost: entry.cost, beta: policy.policy.earlyRefreshBeta, at: now,
      random: .random(in: 1e-12...1))
  }

  /// Looks after an entry that has become hot.
  nonisolated func lookAfter(_ entry: CacheEntry, _ plan: FetchPlan) {
    guard let refresher, !entry.traits.contains(.partial), !entry.traits.contains(.alwaysValidate) else { return }
    refresher.track(
      entry, plan.withoutConditions(storing: entry), notBefore: restEnd(of: entry, at: plan.startedAt) ?? .distantPast)
  }

  /// Refreshes a hot entry, unless somebody else has.
  nonisolated func refreshHot(_ plan: FetchPlan) async -> CacheEntry? {
    guard let stored = plan.stored else { return nil }
    let now = clock.now
    let (found, stamp) = await lookup(plan.key, for: plan.request, at: now)
    guard case .found(let entry) = found else { return nil }
    // Renewed since it was tracked: its time has not come yet.
    if entry.times.freshUntil > stored.times.freshUntil { return entry }
    if let refresh = refreshInBackground(plan.storing(entry, stamp: stamp, startedAt: now)) { await refresh.value }
    guard case .found(let renewed) = await lookup(plan.key, for: plan.request, at: clock.now).0 else { return nil }
    return renewed
  }
}

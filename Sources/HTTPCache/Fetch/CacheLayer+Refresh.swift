//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Refreshes that no client waits for, and the time after a failed one in which there is no other.
extension CacheLayer {
  /// Begins a refresh that no client waits for, unless one is under way.
  ///
  /// - Returns: The refresh, if this has begun it.
  @discardableResult
  nonisolated func refreshInBackground(_ plan: FetchPlan) -> Task<Void, Never>? {
    let startedAt = plan.startedAt
    guard let stored = plan.stored, !isResting(stored, at: startedAt), stored.refreshGate.claim(at: startedAt) else {
      return nil
    }
    let plan = plan.withoutConditions(storing: stored)
    let waitLimit = plan.policy.policy.waitLimit
    while true {
      let (found, endedCount) = flights.flight(for: stored.key)
      // A refresh is under way already, of a store whose lookups each make an entry with a gate of its own; or somebody who
      // could not be served stale is asking. The answer will do.
      if let found, found.willAnswer(within: waitLimit, at: startedAt) {
        // But it may have begun for an earlier copy of what is stored: this one's gate is not for it to open again.
        stored.refreshGate.failed(
          retryAt: clock.now.advanced(by: min(.seconds(1), plan.policy.policy.retryInterval)))
        return nil
      }
      let flight = makeFlight(plan, stored.key, isRefresh: true, now: startedAt)
      guard flights.insert(flight, replacing: found, endedCount: endedCount) else { continue }
      found?.replaced(waitLimit: waitLimit, at: startedAt)
      report(.refreshStarted, key: plan.key)
      // A refresh is for nobody in particular: it takes over nothing that the client's task carries.
      let task = Task.detached {
        await flight.scope.bind { await OriginFetch(cache: self, flight: flight).run(plan) }
      }
      _ = flight.started(task)
      return task
    }
  }

  /// Whether a refresh of `entry` without the credentials of the request would be one of another entry: they select it (RFC
  /// 9111 §4.1), or are part of its key.
  nonisolated func needsCredentials(_ entry: CacheEntry, _ plan: FetchPlan) -> Bool {
    let request = plan.request
    guard FetchPlan.hasCredentials(request.fields) else { return false }
    if case .custom = plan.policy.policy.key.kind,
      key(of: FetchPlan.anonymous(request).request, plan.policy) != plan.key
    {
      return true
    }
    guard entry.fields.contains(KnownHeader.vary),
      case .success(let selection) = RFC9111.varySelection(of: entry.fields, limit: .max)
    else { return false }
    return FetchPlan.credentials.contains { selection.names.contains($0) && request.fields.contains($0) }
  }

  // MARK: Early, and by themselves

  /// The requests that are frequent at the moment, the most frequent first, with the header fields that select a variant:
  /// what a new process would do well to fetch first (``warmUp(_:next:maximumConcurrency:perSecond:progress:)``). Empty
  /// without automatic refresh, which is what counts.
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
    // Other stores may make an entry for each lookup, which knows nothing of the gate of the one before.
    let restEnd =
      entry.refreshGate.restsUntil ?? (memory == nil ? rests.restEnd(of: entry, at: plan.startedAt) : nil)
    refresher.track(entry, plan.withoutConditions(storing: entry), notBefore: restEnd ?? .distantPast)
  }

  /// Refreshes a hot entry, unless somebody else has.
  nonisolated func refreshHot(_ plan: FetchPlan) async -> CacheEntry? {
    guard let stored = plan.stored else { return nil }
    let now = clock.now
    let (found, stamp) = await lookup(plan.key, for: plan.request, at: now)
    guard case .found(let entry) = found else { return nil }
    // Renewed since it was tracked: its time has not come yet.
    if entry.times.freshUntil > stored.times.freshUntil { return entry }
    let current = plan.storing(entry).with {
      $0.stamp = stamp ?? $0.stamp
      $0.startedAt = now
    }
    if let refresh = refreshInBackground(current) { await refresh.value }
    guard case .found(let renewed) = await lookup(plan.key, for: plan.request, at: clock.now).0 else { return nil }
    return renewed
  }

  // MARK: After a failure

  /// Whether a call to the origin for `entry` has failed so lately that the next is not due.
  nonisolated func isResting(_ entry: CacheEntry, at now: CacheInstant) -> Bool {
    entry.refreshGate.isResting(at: now) || (memory == nil && rests.isResting(entry, at: now))
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
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The way of a request that what is stored does not answer at once: lookup, verdict, flight, response.
///
/// ``response(knowing:)`` is the way from its beginning to its end: one loop over ``Step``. Each step is worked out by one
/// function, which says what the next one is; only the loop waits. What the origin does meanwhile is the business of
/// ``CacheFill``, in the flight's own task.
struct Fetcher {
  /// The next step of a request.
  private enum Step {
    /// Look up what is stored.
    case lookUp
    /// Wait for the origin's response to a flight, with others or alone.
    case join
    /// Answer the client.
    case respond(CacheResponse)
    /// Send the request to the origin, for this client alone.
    case forward(ForwardedRequest.Reason)
  }

  let cache: CacheLayer
  /// The request, and what is known to be stored for it.
  private(set) var plan: FetchPlan
  /// The key that the request's flight is found by; nil for the key of the request.
  private(set) var flightKey: CacheKey?
  /// Whether another's answer has turned out not to be for this request.
  private(set) var isAlone = false
  /// Whether the request has waited in vain for as long as it would.
  private var hasExpired = false
  /// How often the store is asked: another request's answer may arrive between the lookup and the flight, and then there is
  /// something to look up.
  private var lookupsLeft = 4
  /// How many flights are waited for after one lookup: each may turn out to be for others.
  private var flightsLeft = 0

  init(_ plan: FetchPlan, for cache: CacheLayer) {
    self.plan = plan
    self.cache = cache
  }

  /// Returns the response for the client.
  ///
  /// - Parameter lookup: What has been looked up already.
  @inline(__always)
  mutating func response(knowing lookup: CacheLayer.Lookup?) async throws -> CacheResponse {
    var step = Step.lookUp
    if let lookup {
      lookupsLeft -= 1
      step = stepAfterLookup(lookup, at: plan.startedAt)
    }
    while true {
      switch step {
      case .lookUp:
        guard lookupsLeft > 0 else {
          step = .forward(.bypass(.waitLimit))
          break
        }
        let (lookup, now) = await lookUp()
        step = stepAfterLookup(lookup, at: now)
      case .join:
        guard flightsLeft > 0 else {
          step = .forward(.alone)
          break
        }
        flightsLeft -= 1
        let (place, isLeader) = try joined()
        switch place {
        case .settled(let outcome): step = try stepAfterFlight(outcome, isLeader: isLeader)
        case .waiting(let flight, let id): step = try stepAfterFlight(await flight.wait(id), isLeader: isLeader)
        }
      case .respond(let response):
        return response
      case .forward(let reason):
        return try await ForwardedRequest(plan, reason, flightKey ?? plan.key, cache).response()
      }
    }
  }

  // MARK: What is stored

  /// Asks the store, and remembers how current it is.
  private mutating func lookUp() async -> (CacheLayer.Lookup, now: CacheInstant) {
    lookupsLeft -= 1
    // A store that takes waiting is compared with the flights that have ended twice only: then others are quicker for good.
    let count = cache.memory != nil || lookupsLeft > 1 ? cache.flights.endedCount : nil
    let (lookup, stamp) = await cache.lookup(plan.key, for: plan.request, at: cache.clock.now)
    plan = plan.with {
      $0.stored = nil
      $0.partial = nil
      $0.reason = .absent
      $0.stamp = stamp
      $0.endedFlightCount = count
    }
    // A store may take its time: how old something is counts when it is there.
    return (lookup, cache.clock.now)
  }

  /// The step that what is stored leads to.
  private mutating func stepAfterLookup(_ lookup: CacheLayer.Lookup, at now: CacheInstant) -> Step {
    switch lookup {
    case .absent, .unknown:
      return stepToOrigin()
    case .otherVariant(let index):
      plan = plan.with { $0.reason = .variant }
      return stepToOrigin(among: index)
    case .found(let entry):
      let verdict = RFC9111.verdict(
        times: entry.times, traits: entry.traits, directives: plan.directives, now: now, rules: plan.policy.rules)
      if entry.traits.contains(.partial) { return stepWithParts(entry, verdict, at: now) }
      plan = plan.with {
        $0.stored = entry
        $0.reason = verdict.missReason
      }
      return stepWithEntry(entry, verdict, at: now)
    }
  }

  /// The same where only parts of the response are stored.
  private mutating func stepWithParts(_ entry: CacheEntry, _ verdict: Verdict, at now: CacheInstant) -> Step {
    let isUsable = verdict == .serve || verdict == .serveAndRefresh
    if isUsable,
      let response = cache.partialResponse(
        from: entry, to: plan.request, outcome: .hit, now: now, plan: plan)
    {
      return .respond(response)
    }
    let isCompletable =
      isUsable && cache.completionFields(for: plan.request, completing: entry, plan.policy) != nil
    plan = plan.with {
      $0.partial = isCompletable ? entry : nil
      $0.reason = isUsable ? .partial : verdict.missReason
    }
    return stepToOrigin()
  }

  /// The same where a whole response is stored.
  private mutating func stepWithEntry(_ entry: CacheEntry, _ verdict: Verdict, at now: CacheInstant) -> Step {
    func served(_ outcome: CacheOutcome) -> Step {
      .respond(
        cache.response(from: entry, to: plan.request, outcome: outcome, now: now, plan: plan))
    }
    switch verdict {
    case .serve where cache.needsCredentials(entry, plan):
      return served(.hit)
    case .serve:
      if cache.isEarlyRefreshPossible(entry, plan.policy, at: now), cache.isEarlyRefreshDue(entry, plan.policy, at: now)
      {
        cache.refreshInBackground(plan)
      } else if cache.isNewlyHot(entry, at: now) {
        cache.lookAfter(entry, plan)
      }
      return served(.hit)
    case .serveAndRefresh:
      if !cache.needsCredentials(entry, plan) { cache.refreshInBackground(plan) }
      return served(.hit)
    case .serveStaleAndRevalidate where cache.needsCredentials(entry, plan):
      // Only this client's own request can refresh it.
      return stepToOrigin()
    case .serveStaleAndRevalidate:
      let isResting = cache.isResting(entry, at: now)
      cache.refreshInBackground(plan)
      return served(.stale(isResting ? .retryPending : .whileRevalidating))
    case .serveStale(let reason):
      return served(.stale(reason))
    case .validate where cache.isResting(entry, at: now) && plan.mayServeOnError(at: now):
      // After a failure the origin is left alone for a while, if what is stored may be served instead.
      return served(.stale(.retryPending))
    case .validate:
      return stepToOrigin()
    }
  }

  /// The step where nothing that is stored may be used.
  private mutating func stepToOrigin(among index: VariantIndex? = nil) -> Step {
    if plan.directives.onlyIfCached { return .respond(cache.failureResponse(plan, status: 504, .onlyIfCached)) }
    guard plan.request.method == .get, !plan.directives.noStore,
      plan.request.fields.presence & CacheLayer.originConditions == 0
    else { return .forward(.alone) }
    flightKey = plan.flightKey(among: index)
    flightsLeft = 4
    isAlone = false
    hasExpired = false
    return .join
  }

  // MARK: What has come of a flight

  /// The step that a flight's outcome leads to.
  private mutating func stepAfterFlight(_ outcome: FlightOutcome, isLeader: Bool) throws -> Step {
    switch outcome {
    case .response(let response):
      let now = cache.clock.now
      if RFC9111.isOriginFailure(response.originStatus), plan.mayServeOnError(at: now) {
        response.body.cancel()
        return stale(.ifError, at: now)
      }
      // Nil when the response does not hold what the request asks for: then there is another flight.
      return cache.response(of: response, to: plan, isLeader: isLeader, now: now).map(Step.respond) ?? .join
    case .stored:
      return .lookUp
    case .uncacheable:
      return .forward(.bypass(.uncacheable))
    case .needsValidation:
      isAlone = true
      return .join
    case .variant(let selection, let nonce):
      flightKey = VariantIndex(nonce: nonce, selections: [selection])
        .key(of: selection, primary: plan.key, fields: plan.request.fields)
      return .join
    case .overdue, .ended:
      return .join
    case .expired:
      let now = cache.clock.now
      if plan.policy.policy.softTimeout != nil, plan.mayServeUnvalidated(at: now) {
        return stale(.softTimeout, at: now)
      }
      // All who have waited for the same call in vain wait for one more, which takes its place.
      if hasExpired { return .forward(.bypass(.waitLimit)) }
      hasExpired = true
      return .join
    case .failed(let error):
      return try stale(.ifError, unless: error is CancellationError) {
        cache.report(
          .answered(.failed(.originFailed)), key: plan.key, request: plan.request, policy: plan.policy,
          since: plan.startedAt, error: error)
        throw error
      }
    case .serverError(let status, let retryAfter):
      return stale(.ifError) { cache.failureResponse(plan, status: status, .originFailed, retryAfter: retryAfter) }
    case .saturated:
      return stale(.originSaturated) {
        cache.failureResponse(plan, status: 503, .originSaturated, retryAfter: cache.retryAfter(plan.policy))
      }
    case .originTimeout:
      return stale(.ifError) { cache.failureResponse(plan, status: 504, .originTimeout) }
    }
  }

  /// Answers with what is stored.
  private func stale(_ reason: CacheOutcome.StaleReason, at now: CacheInstant) -> Step {
    plan.stored.map { .respond(cache.staleResponse($0, plan, reason, at: now)) } ?? .join
  }

  /// Answers with what is stored if that is allowed when the origin fails, else with `failure`.
  private func stale(
    _ reason: CacheOutcome.StaleReason, unless isForbidden: Bool = false, or failure: () throws -> CacheResponse
  ) rethrows -> Step {
    let now = cache.clock.now
    if !isForbidden, plan.mayServeOnError(at: now) { return stale(reason, at: now) }
    return try .respond(failure())
  }
}

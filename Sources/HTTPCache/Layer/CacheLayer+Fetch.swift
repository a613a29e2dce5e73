//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The response to a request that the store alone could not answer at once.
  @usableFromInline
  nonisolated func fetchedResponse(to original: CacheRequest, next: AnyService) async throws -> CacheResponse {
    let startedAt = clock.now
    let request = Self.withoutConnectionFields(original)
    // Admission. Where the cache stands aside, an upgrade of the protocol is between client and handler.
    guard let policy = router.policy(for: request) else {
      return try await passed(original, next, .policy, policy: nil, startedAt: startedAt)
    }
    guard admits(request, policy) else {
      if let response = await purgeResponse(to: request, policy) { return response }
      let isMethod = !policy.policy.methods.includes(request.method) || !request.method.isReadable
      return try await passed(original, next, isMethod ? .method : .policy, policy: policy, startedAt: startedAt)
    }
    // Key.
    guard let key = key(of: request, policy) else {
      return try await passed(original, next, .noKey, policy: policy, startedAt: startedAt)
    }
    let directives = directives(of: request, policy)
    let outer = TagScope.ambient
    // Another request's answer may arrive between the lookup and the flight; then there is something to look up.
    for attempt in 0..<4 {
      // Lookup.
      let landings = memory != nil || attempt < 2 ? flights.landings : nil
      let asked = attempt == 0 ? startedAt : clock.now
      let (lookup, stamp) =
        await memory == nil ? lookup(key, for: request, at: asked) : lookupNow(key, for: request, at: asked)
      // A store may take its time: how old something is counts when it is there.
      let now = memory == nil ? clock.now : asked
      func plan(_ stored: CacheEntry?, partial: CacheEntry? = nil, _ reason: CacheOutcome.MissReason) -> FetchPlan {
        FetchPlan(
          request: request, directives: directives, policy: policy, key: key, next: next, stored: stored,
          partial: partial, reason: reason, stamp: stamp, landings: landings, startedAt: startedAt, outer: outer)
      }
      switch lookup {
      case .absent, .unknown:
        if let response = try await fetched(plan(nil, .absent), index: nil) { return response }
      case .otherVariant(let index):
        if let response = try await fetched(plan(nil, .variant), index: index) { return response }
      case .found(let entry):
        // Verdict.
        let verdict = RFC9111.verdict(
          times: entry.times, traits: entry.traits, directives: directives, now: now, rules: policy.rules)
        if entry.traits.contains(.partial) {
          let isUsable = verdict == .serve || verdict == .serveAndRefresh
          if isUsable,
            let response = partialResponse(
              from: entry, to: request, outcome: .hit, now: now, startedAt: startedAt)
          {
            return response
          }
          let isCompletable = isUsable && completionFields(for: request, completing: entry, policy) != nil
          let plan = plan(nil, partial: isCompletable ? entry : nil, isUsable ? .partial : verdict.missReason)
          if let response = try await fetched(plan, index: nil) { return response }
        } else if let response = try await response(plan(entry, verdict.missReason), verdict, entry, at: now) {
          return response
        }
      }
    }
    return try await passed(request, next, .waitLimit, policy: policy, startedAt: startedAt)
  }

  /// What the verdict over a stored response leads to; nil when there is something new to look up.
  private nonisolated func response(
    _ plan: FetchPlan, _ verdict: Verdict, _ entry: CacheEntry, at now: CacheInstant
  ) async throws -> CacheResponse? {
    func served(_ outcome: CacheOutcome) -> CacheResponse {
      response(from: entry, to: plan.request, outcome: outcome, now: now, startedAt: plan.startedAt)
    }
    switch verdict {
    case .serve where needsCredentials(entry, plan):
      return served(.hit)
    case .serve:
      if isEarlyRefreshPossible(entry, plan.policy, at: now), isEarlyRefreshDue(entry, plan.policy, at: now) {
        refreshInBackground(plan)
      } else if isNewlyHot(entry, at: now) {
        lookAfter(entry, plan)
      }
      return served(.hit)
    case .serveAndRefresh:
      if !needsCredentials(entry, plan) { refreshInBackground(plan) }
      return served(.hit)
    case .serveStaleAndRevalidate where needsCredentials(entry, plan):
      // Only this client's own request can refresh it.
      return try await fetched(plan, index: nil)
    case .serveStaleAndRevalidate:
      let isResting = isResting(entry, at: now)
      refreshInBackground(plan)
      return served(.stale(isResting ? .retryPending : .whileRevalidating))
    case .serveStale(let reason):
      return served(.stale(reason))
    case .validate:
      // After a failure the origin is left alone for a while, if what is stored may be served instead.
      if isResting(entry, at: now), mayServeOnError(plan, at: now) {
        return served(.stale(.retryPending))
      }
      return try await fetched(plan, index: nil)
    }
  }

  /// The origin's response to a request of which nothing stored may be used; nil when something has been stored meanwhile.
  private nonisolated func fetched(_ plan: FetchPlan, index: VariantIndex?) async throws -> CacheResponse? {
    if plan.directives.onlyIfCached { return gatewayTimeout(plan, .onlyIfCached) }
    guard plan.request.method == .get, !plan.directives.noStore,
      plan.request.fields.presence & Self.originConditions == 0
    else { return try await fetchedAlone(plan) }

    var flightKey = flightKey(plan, index: index)
    // A flight may turn out to be for others; then there is one more that is for this request, or none.
    var isAlone = false
    var hasExpired = false
    for _ in 0..<4 {
      let result: FlightResult
      var isLeader = false
      switch try board(plan, flightKey, isAlone: isAlone) {
      case .pass:
        return try await passedAsUncacheable(plan, flightKey ?? plan.key)
      case .stored:
        return nil
      case .answered(let answer):
        result = answer
      case .landed(let answer):
        result = answer
        isLeader = true
      case .waiting(let flight, let id, let leads):
        result = try await flight.wait(id)
        isLeader = leads
      }
      switch result {
      case .released(.uncacheable):
        return try await passedAsUncacheable(plan, flightKey ?? plan.key)
      case .released(.stored):
        return nil
      case .released(.needsValidation):
        isAlone = true
      case .released(.overdue):
        // The flight that takes the place of the slow one is found, or begun, at the next look.
        continue
      case .released(.variant(let selection, let nonce)):
        flightKey = VariantIndex(nonce: nonce, selections: [selection])
          .key(of: selection, primary: plan.key, fields: plan.request.fields)
      case .expired:
        if plan.policy.policy.softTimeout != nil, let stored = plan.stored, mayServeUnvalidated(plan, at: clock.now) {
          return staleResponse(stored, plan, .softTimeout)
        }
        // All who have waited for the same call in vain wait for one more, which takes its place.
        guard hasExpired else {
          hasExpired = true
          continue
        }
        return try await passed(
          plan.request, plan.next, .waitLimit, policy: plan.policy, startedAt: plan.startedAt, orStale: plan)
      default:
        if let response = try delivered(result, plan, isLeader: isLeader) { return response }
      }
    }
    return try await fetchedAlone(plan)
  }

  /// What a flight's result means for one request; nil when it must try again.
  private nonisolated func delivered(
    _ result: FlightResult, _ plan: FetchPlan, isLeader: Bool
  ) throws -> CacheResponse? {
    let now = clock.now
    switch result {
    case .response(let answer):
      if RFC9111.isOriginFailure(answer.originStatus), let stored = plan.stored, mayServeOnError(plan, at: now) {
        answer.body.cancel()
        return staleResponse(stored, plan, .ifError)
      }
      return response(answer, to: plan, isLeader: isLeader, now: now)
    case .serverError(let status, let retryAfter):
      if let stored = plan.stored, mayServeOnError(plan, at: now) { return staleResponse(stored, plan, .ifError) }
      return failureResponse(plan, status: status, .originFailed, retryAfter: retryAfter)
    case .originTimeout:
      if let stored = plan.stored, mayServeOnError(plan, at: now) { return staleResponse(stored, plan, .ifError) }
      return gatewayTimeout(plan, .originTimeout)
    case .saturated:
      if let stored = plan.stored, mayServeOnError(plan, at: now) {
        return staleResponse(stored, plan, .originSaturated)
      }
      return failureResponse(plan, status: 503, .originSaturated, retryAfter: retryAfter(plan.policy))
    case .failed(let error):
      if let stored = plan.stored, mayServeOnError(plan, at: now), !(error is CancellationError) {
        return staleResponse(stored, plan, .ifError)
      }
      report(
        .answered(.failed(.originFailed)), key: plan.key, request: plan.request, since: plan.startedAt,
        error: error)
      throw error
    case .released, .expired:
      return nil
    }
  }

  /// The response made of a flight's answer; nil when the answer does not hold what the request asks for.
  private nonisolated func response(
    _ answer: FlightResponse, to plan: FetchPlan, isLeader: Bool, now: CacheInstant
  ) -> CacheResponse? {
    if let outcome = answer.entryOutcome, let entry = answer.entry {
      var details = CacheStatusDetails(fwdStatus: answer.originStatus, forwardReason: plan.reason)
      if case .refused(let refusal) = answer.storing { details.detail = refusal.rawValue }
      if !entry.traits.contains(.partial) {
        var response = response(
          from: entry, to: plan.request, outcome: outcome, now: now, details: details, startedAt: plan.startedAt)
        if isLeader, !answer.leaderFields.isEmpty {
          // RFC 9111 §3.2: what the update says takes the place of what is stored.
          response.fields.removeAll(.setCookie)
          response.fields.append(contentsOf: answer.leaderFields)
        }
        return response
      }
      return partialResponse(
        from: entry, to: plan.request, outcome: outcome, now: now, details: details, startedAt: plan.startedAt)
    }
    let outcome: CacheOutcome = isLeader ? .miss(plan.reason) : .collapsed
    var response = CacheResponse(
      status: answer.status, fields: answer.fields, body: answer.body, trailers: answer.trailers)
    if let birth = answer.birth {
      let age = max(0, now.nanoseconds.subtractingSaturated(birth.nanoseconds)) / 1_000_000_000
      response.fields.append(KnownHeader.age, String(age))
    }
    response.outcome = outcome
    if answer.storing == .stored, plan.request.fields.presence & Self.conditionalMask != 0 {
      switch RFC9110.evaluatePreconditions(
        method: plan.request.method, request: plan.request.fields, status: answer.status, stored: answer.fields)
      {
      case .notModified:
        // This client needs no body; the next one does.
        answer.body.leaveToStore()
        response = CacheResponse(status: 304, fields: RFC9110.notModifiedFields(of: response.fields))
        response.outcome = outcome
      case .none, .failed:
        // The client asked for a part, the cache for everything; what is all there can be cut.
        if let body = answer.body.bytes {
          let selection = RFC9110.rangeSelection(
            request: plan.request.fields, status: answer.status, stored: answer.fields, length: body.count)
          cut(&response, to: answer.status == 200 ? selection : .whole, of: body)
        }
      }
    }
    if outcome == .miss(.absent), answer.originStatus == 200, answer.storing == .stored, !showsKeys {
      response.fields.append(contentsOf: usualMissStatus)
    } else {
      appendCacheStatus(to: &response.fields, outcome, answer, plan)
    }
    if observers.interests.isEmpty {
      counters.count(.answered(outcome), stripe: plan.key.digest.low)
    } else {
      report(
        .answered(outcome), key: plan.key, request: plan.request, status: response.status,
        bodySize: response.body.length, since: plan.startedAt, now: now, originDuration: answer.originDuration,
        storing: answer.storing)
    }
    return response
  }

  private nonisolated func appendCacheStatus(
    to fields: inout HeaderFields, _ outcome: CacheOutcome, _ answer: FlightResponse, _ plan: FetchPlan
  ) {
    var detail: String?
    if case .refused(let refusal) = answer.storing { detail = refusal.rawValue }
    RFC9211.append(
      to: &fields, cacheName: name, outcome: outcome,
      details: CacheStatusDetails(
        fwdStatus: answer.originStatus, forwardReason: plan.reason, stored: answer.storing == .stored,
        key: showsKeys ? plan.key.text : nil,
        detail: detail))
  }

  // MARK: Stale, and failed

  nonisolated func mayServeOnError(_ plan: FetchPlan, at now: CacheInstant) -> Bool {
    guard let stored = plan.stored else { return false }
    return RFC9111.mayServeOnError(
      times: stored.times, traits: stored.traits, directives: plan.directives, now: now, rules: plan.policy.rules)
  }

  nonisolated func mayServeUnvalidated(_ plan: FetchPlan, at now: CacheInstant) -> Bool {
    guard let stored = plan.stored else { return false }
    return RFC9111.mayServeUnvalidated(
      times: stored.times, traits: stored.traits, directives: plan.directives, now: now)
  }

  nonisolated func staleResponse(
    _ entry: CacheEntry, _ plan: FetchPlan, _ reason: CacheOutcome.StaleReason
  ) -> CacheResponse {
    response(from: entry, to: plan.request, outcome: .stale(reason), now: clock.now, startedAt: plan.startedAt)
  }
}

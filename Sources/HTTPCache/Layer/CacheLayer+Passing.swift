//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The origin's response to a request that the cache stands aside for.
  ///
  /// - Parameter stalePlan: The request that may be answered with what is stored when the origin fails.
  nonisolated func passed(
    _ request: CacheRequest, _ next: AnyService, _ reason: CacheOutcome.BypassReason, policy: ResolvedPolicy?,
    startedAt: CacheInstant, orStale stalePlan: FetchPlan? = nil
  ) async throws -> CacheResponse {
    let outcome = CacheOutcome.bypass(reason)
    let requestedAt = clock.nowAtTheEarliest
    let first = reason == .method ? backend.stampNow : nil
    let outer = TagScope.ambient
    let scope = policy.map { makeScope($0, outer: outer) }
    let response = try await forwarded(
      request, next, outcome, policy: policy, scope: scope, key: nil, startedAt: startedAt, orStale: stalePlan)
    guard response.outcome == outcome else { return response }
    guard let policy, let scope else { return withCacheStatus(response) }
    let receipt = Receipt(requestedAt: requestedAt, receivedAt: clock.now, receivedUnix: clock.unixTime)
    // Its own invalidations must not void it, those of others must: those that came until `before` are asked for, and any
    // that come between its own ones change their count.
    let before = backend.stampNow
    let key = key(of: Self.withoutConnectionFields(request), policy)
    let isCurrent: Bool
    if let first, let key {
      isCurrent = backend.verdictNow(key: key, tags: scope.tags, since: first) == .valid
    } else {
      isCurrent = false
    }
    let ownCount = await learn(from: response, to: request, reason, policy, scope)
    if reason == .method, isCurrent, let before, let stamp = backend.stampNow,
      stamp.number &- before.number == ownCount, let key, scope.violation(of: policy.policy.tags) == nil,
      case .store(let storing) = RFC9111.storability(of: response, to: request, receipt: receipt, rules: policy.rules)
    {
      let plan = FetchPlan(
        request: Self.withoutConnectionFields(request), directives: .none, policy: policy, key: key, next: next,
        stored: nil, reason: .absent,
        stamp: stamp, startedAt: startedAt, outer: outer)
      return withCacheStatus(await storedForGet(response, storing, plan, scope, receipt))
    }
    return withCacheStatus(response)
  }

  /// The origin's response to a request whose responses have lately turned out not to be cacheable. It waits for nobody; if
  /// it may be stored after all, it is, so that nobody whose responses are not cacheable can keep it from being stored. When
  /// the origin fails, what is stored may be served stale, as to others.
  nonisolated func passedAsUncacheable(_ plan: FetchPlan, _ flightKey: CacheKey) async throws -> CacheResponse {
    let outcome = CacheOutcome.bypass(.uncacheable)
    let requestedAt = clock.nowAtTheEarliest
    let scope = makeScope(plan.policy, outer: plan.outer)
    let response = try await forwarded(
      plan.request, plan.next, outcome, policy: plan.policy, scope: scope, key: nil, startedAt: plan.startedAt,
      orStale: plan)
    guard response.outcome == outcome else {
      scope.failed()
      return response
    }
    await carryOutInvalidations(scope, status: response.status)
    let receipt = Receipt(requestedAt: requestedAt, receivedAt: clock.now, receivedUnix: clock.unixTime)
    // A 304 to the client's own condition has no content to store, but says whether the next response may be stored.
    var head = response
    if response.status == 304 { head.status = 200 }
    switch plan.policy.storability(of: head, to: plan.request, receipt: receipt) {
    case .store(let storing):
      let length = response.body.length ?? RFC9111.contentLength(of: response.fields)
      if length.map({ $0 <= plan.policy.policy.maximumBodySize }) ?? (response.status == 304) {
        unshared.forget(Self.uncacheableKey(flightKey, of: plan.request))
      }
      guard response.status < 400, response.status != 206, response.status != 304, plan.stamp != nil,
        scope.violation(of: plan.policy.policy.tags) == nil
      else { break }
      return withCacheStatus(await storedForGet(response, storing, plan, scope, receipt))
    case .refuse(let refusal) where refusal == .cookie || refusal == .authorization:
      return withCacheStatus(response, detail: refusal.rawValue)
    case .refuse: break
    }
    return withCacheStatus(response)
  }

  /// Adds what the cache has done. Last of all: a response that is stored, or freshens what is stored, is taken as it has
  /// come from the origin (RFC 9211 §2: a member speaks of one request).
  private nonisolated func withCacheStatus(_ response: CacheResponse, detail: String? = nil) -> CacheResponse {
    guard let outcome = response.outcome else { return response }
    var response = response
    RFC9211.append(
      to: &response.fields, cacheName: name, outcome: outcome,
      details: CacheStatusDetails(fwdStatus: response.status, detail: detail))
    return response
  }

  /// The scope of a response that is made for one request.
  private nonisolated func makeScope(_ policy: ResolvedPolicy, outer: TagScope?) -> TagScope {
    let scope = TagScope(isAmbient: policy.policy.tags.ambience != .none)
    if let outer { scope.forward(to: outer) }
    return scope
  }

  /// The origin's response to a request that is the cache's business, but nobody else's: HEAD, conditions that only the
  /// origin can judge, `no-store`. When the origin fails, what is stored may be served stale, as to others.
  nonisolated func fetchedAlone(_ plan: FetchPlan) async throws -> CacheResponse {
    let requestedAt = clock.nowAtTheEarliest
    let scope = makeScope(plan.policy, outer: plan.outer)
    let outcome = CacheOutcome.miss(plan.reason)
    let response = try await forwarded(
      plan.request, plan.next, outcome, policy: plan.policy, scope: scope, key: plan.key, startedAt: plan.startedAt,
      orStale: plan)
    guard response.outcome == outcome else {
      scope.failed()
      return response
    }
    await carryOutInvalidations(scope, status: response.status)
    if plan.request.method == .head, response.status == 200 {
      await update(
        by: response, plan, scope,
        Receipt(requestedAt: requestedAt, receivedAt: clock.now, receivedUnix: clock.unixTime))
    }
    return withCacheStatus(response)
  }

  /// The stale response to a request of its own whose call to the origin has failed (RFC 5861 §4); nil when there is none.
  private nonisolated func staleInstead(
    _ plan: FetchPlan?, _ reason: CacheOutcome.StaleReason
  ) -> CacheResponse? {
    // `If-Match` and `If-Unmodified-Since` ask for the origin's own state, which is not known.
    guard let plan, let stored = plan.stored, plan.request.fields.presence & Self.originConditions == 0 else {
      return nil
    }
    // Others need not wait for the same failure. A failure of HEAD alone says too little for that.
    if reason == .ifError, plan.request.method == .get, restAfterFailure(plan) { refreshInBackground(plan) }
    guard mayServeOnError(plan, at: clock.now) else { return nil }
    return staleResponse(stored, plan, reason)
  }

  /// Stores the answer to a request that is not GET, for GETs to come (RFC 9110 §9.3.3), while its client reads it.
  private nonisolated func storedForGet(
    _ response: CacheResponse, _ storing: StorePlan, _ plan: FetchPlan, _ scope: TagScope, _ receipt: Receipt
  ) async -> CacheResponse {
    let flight = Flight(
      for: plan, isAlone: true, scope: scope, clock: clock,
      machine: FlightStateMachine(isKept: false, attempts: 1, hardDeadline: nil), leader: true)
    flights.add(flight)
    flight.started(
      Task { @concurrent in
        await scope.bind { await self.store(response, storing, flight, plan, receipt) }
        flight.close()
        scope.close()
        self.flights.remove(flight)
      })
    guard case .response(let answer)? = try? await flight.wait(Flight.leaderID) else { return response }
    var stored = response
    stored.body = answer.body
    return stored
  }

  /// What a response to HEAD says about the stored response to GET (RFC 9111 §4.3.5).
  private nonisolated func update(
    by response: CacheResponse, _ plan: FetchPlan, _ scope: TagScope, _ receipt: Receipt
  ) async {
    guard case .found(let entry) = await lookup(plan.key, for: plan.request, at: receipt.receivedAt).0,
      entry.status == 200, !(entry.traits.contains(.policyLifetime) && plan.directives.isPersonal)
    else { return }
    // What is stale may be so because it was said to be: a length alone confirms nothing then.
    if entry.times.freshUntil <= receipt.receivedAt, !response.fields.contains(KnownHeader.etag),
      !response.fields.contains(KnownHeader.lastModified)
    {
      return
    }
    scope.add(entry.tags?.names ?? [])
    guard scope.violation(of: plan.policy.policy.tags) == nil,
      case .freshen(let fields) = RFC9111.headUpdate(
        of: entry.fields, storedLength: entry.body.count, by: response),
      case .store(let storing) = plan.policy.storability(
        of: CacheResponse(status: 200, fields: fields), to: plan.request.as(.get), receipt: receipt)
    else {
      // As for GET: anybody can ask in a way that is answered with another head.
      if RFC9111.supersedes(
        status: 200, refusal: .status, times: entry.times, traits: entry.traits,
        cause: .client(hasCredentials: FetchPlan.hasCredentials(plan.request.fields)), now: receipt.receivedAt)
      {
        await remove(entry.key)
      }
      return
    }
    let flight = Flight(
      key: entry.key, for: plan, isAlone: true, scope: scope, clock: clock,
      machine: FlightStateMachine(isKept: true, attempts: 1, hardDeadline: nil))
    flights.add(flight)
    _ = await put(await renewal(of: entry, as: storing, plan, tags: scope.tags), plan, flight)
    flight.close()
    flights.remove(flight)
  }

  /// The origin's answer, without this cache's member of `Cache-Status`; or a response that the cache makes in its stead,
  /// with another outcome.
  ///
  /// - Parameter stalePlan: The request that may be answered with what is stored when the origin fails.
  private nonisolated func forwarded(
    _ request: CacheRequest, _ next: AnyService, _ outcome: CacheOutcome, policy: ResolvedPolicy?, scope: TagScope?,
    key: CacheKey?, startedAt: CacheInstant, orStale stalePlan: FetchPlan? = nil
  ) async throws -> CacheResponse {
    var turn = OriginTurn.unlimited
    if isShielded(policy) {
      guard let granted = try await originTurn(policy, mayWait: true) else {
        if let response = staleInstead(stalePlan, .originSaturated) { return response }
        return failureResponse(
          .originSaturated, status: 503, request, key, retryAfter: retryAfter(policy), startedAt: startedAt)
      }
      turn = granted
    }
    var response: CacheResponse
    do {
      if let policy, let scope {
        response = try await scope.bind {
          try await withDeadline(policy.policy.hardTimeout, clock) { try await next.call(request) }
        }
        noteTags(of: &response, to: request, policy, scope)
      } else {
        response = try await next.call(request)
      }
      response = turn.ending(with: response)
    } catch is DeadlineExceeded {
      turn.failed()
      if let response = staleInstead(stalePlan, .ifError) { return response }
      return failureResponse(.originTimeout, status: 504, request, key, startedAt: startedAt)
    } catch {
      // A client that has left says nothing about the origin.
      if error is CancellationError, Task.isCancelled { turn.giveBack() } else { turn.failed() }
      if !(error is CancellationError), let response = staleInstead(stalePlan, .ifError) { return response }
      report(.answered(.failed(.originFailed)), key: key, request: request, since: startedAt, error: error)
      throw error
    }
    if RFC9111.isOriginFailure(response.status), let stale = staleInstead(stalePlan, .ifError) {
      response.body.cancel()
      return stale
    }
    response.outcome = outcome
    report(
      .answered(outcome), key: key, request: request, status: response.status, bodySize: response.body.length,
      since: startedAt)
    return response
  }

  /// What a response that was not the cache's business tells it all the same.
  ///
  /// - Returns: How many invalidations have come of it.
  private nonisolated func learn(
    from response: CacheResponse, to request: CacheRequest, _ reason: CacheOutcome.BypassReason,
    _ policy: ResolvedPolicy, _ scope: TagScope
  ) async -> UInt64 {
    var count = await carryOutInvalidations(scope, status: response.status)
    switch reason {
    case .method:
      // RFC 9111 §4.4: a successful unsafe request makes what is stored doubtful.
      for target in RFC9111.invalidatedTargets(
        of: request, response: response, ownAuthorities: policy.ownAuthorities)
      {
        // The key of the request's own target may be made of its fields.
        let resource =
          target == (request.scheme, request.authority, request.target)
          ? Self.withoutConnectionFields(request).as(.get)
          : CacheRequest(scheme: target.scheme, authority: target.authority, target: target.target)
        if let policy = router.policy(for: resource), let key = key(of: resource, policy) {
          await invalidate(key: key)
          count += 1
        }
      }
      let groups = RFC9875.invalidatedGroups(by: response, to: request)
      if !groups.isEmpty {
        let tags = groups.map { CacheTags.group($0, scheme: request.scheme, authority: request.authority) }
        await invalidate(CacheInvalidation(.anyTag(tags)))
        count += 1
      }
    case .uncacheable, .policy, .noKey, .waitLimit: break
    }
    return count
  }
}

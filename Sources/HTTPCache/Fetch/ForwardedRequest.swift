//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A request that goes to the origin for one client alone, and neither waits for others nor lets them wait.
struct ForwardedRequest {
  /// Why a request is forwarded.
  enum Reason: Hashable {
    /// The cache stands aside.
    case bypass(CacheOutcome.BypassReason)
    /// The request is the cache's business, but nobody else's: HEAD, conditions that only the origin can judge, `no-store`, or
    /// every flight has turned out to be for others.
    case alone
  }

  private let cache: CacheLayer
  private let request: CacheRequest
  private let next: AnyService
  private let policy: ResolvedPolicy?
  private let reason: Reason
  private let startedAt: CacheInstant
  private let outer: TagScope?
  /// The scope for tags and invalidations of the response; nil without a policy.
  private let scope: TagScope?
  /// The plan of a request that is the cache's business: it may be answered with what is stored when the origin fails.
  private let plan: FetchPlan?
  /// The key that the flights of such a request are found by.
  private let flightKey: CacheKey?

  /// A request for which the cache stands aside.
  init(
    _ request: CacheRequest, to next: AnyService, _ policy: ResolvedPolicy?, _ reason: CacheOutcome.BypassReason,
    _ cache: CacheLayer, startedAt: CacheInstant
  ) {
    self.cache = cache
    self.request = request
    self.next = next
    self.policy = policy
    self.reason = .bypass(reason)
    self.startedAt = startedAt
    let outer = TagScope.ambient
    self.outer = outer
    self.scope = policy.map { Self.scope($0, outer) }
    self.plan = nil
    self.flightKey = nil
  }

  /// A request that is the cache's business.
  init(_ plan: FetchPlan, _ reason: Reason, _ flightKey: CacheKey, _ cache: CacheLayer) {
    self.cache = cache
    self.request = plan.request
    self.next = plan.next
    self.policy = plan.policy
    self.reason = reason
    self.startedAt = plan.startedAt
    self.outer = plan.outer
    self.scope = Self.scope(plan.policy, plan.outer)
    self.plan = plan
    self.flightKey = flightKey
  }

  private static func scope(_ policy: ResolvedPolicy, _ outer: TagScope?) -> TagScope {
    let scope = TagScope(isAmbient: policy.policy.tags.ambience != .none)
    if let outer { scope.forward(to: outer) }
    return scope
  }

  private var outcome: CacheOutcome {
    switch reason {
    case .bypass(let reason): .bypass(reason)
    case .alone: .miss(plan?.reason ?? .absent)
    }
  }

  /// Returns the origin's response, and takes from it what it tells the cache.
  func response() async throws -> CacheResponse {
    let requestedAt = cache.clock.nowAtTheEarliest
    let stamp = reason == .bypass(.method) ? cache.backend.stampNow : nil
    let response = try await forwarded()
    guard response.outcome == outcome else {
      // The cache has made it: the origin has failed.
      scope?.failed()
      return response
    }
    guard let policy, let scope else { return withCacheStatus(response) }
    let exchange = ExchangeTimes(
      requestedAt: requestedAt, receivedAt: cache.clock.now, receivedUnix: cache.clock.unixTime)
    if reason == .bypass(.method) {
      return withCacheStatus(await learned(from: response, policy, scope, since: stamp, exchange))
    }
    await cache.carryOutInvalidations(scope, status: response.status)
    guard let plan else { return withCacheStatus(response) }
    if reason == .bypass(.uncacheable) { return await storedAfterAll(response, plan, scope, exchange) }
    if request.method == .head, response.status == 200, reason == .alone {
      await update(by: response, plan, scope, exchange)
    }
    return withCacheStatus(response)
  }

  /// Adds what the cache has done. Last of all: a response that is stored, or freshens what is stored, is taken as it has
  /// come from the origin (RFC 9211 §2: a member speaks of one request).
  private func withCacheStatus(_ response: CacheResponse, detail: StoreRefusal? = nil) -> CacheResponse {
    guard let outcome = response.outcome else { return response }
    var response = response
    RFC9211.append(
      to: &response.fields, cacheName: cache.name, outcome: outcome,
      details: CacheStatusDetails(fwdStatus: response.status, detail: detail?.rawValue))
    return response
  }

  // MARK: The call

  /// The origin's answer, without this cache's member of `Cache-Status`; or a response that the cache makes in its stead,
  /// with another outcome.
  private func forwarded() async throws -> CacheResponse {
    var turn = OriginTurn.unlimited
    if cache.isShielded(policy) {
      guard let granted = try await cache.originTurn(policy, mayWait: true) else {
        return staleInstead(.originSaturated)
          ?? failure(.originSaturated, status: 503, retryAfter: cache.retryAfter(policy))
      }
      turn = granted
    }
    var response: CacheResponse
    let askedAt = cache.clock.preciseNow
    do {
      if let policy, let scope {
        response = try await scope.bind {
          try await withDeadline(policy.policy.hardTimeout, cache.clock) { try await next.call(request) }
        }
        cache.noteTags(of: &response, to: request, policy, scope)
      } else {
        response = try await next.call(request)
      }
      cache.counters.timeOrigin(.init(status: response.status), since: askedAt, cache.clock)
      response = turn.ending(with: response)
    } catch is DeadlineExceeded {
      turn.failed()
      cache.counters.timeOrigin(.failure, since: askedAt, cache.clock)
      return staleInstead(.ifError) ?? failure(.originTimeout, status: 504)
    } catch {
      // A client that has left says nothing about the origin.
      if error is CancellationError, Task.isCancelled { turn.giveBack() } else { turn.failed() }
      cache.counters.timeOrigin(.failure, since: askedAt, cache.clock)
      if !(error is CancellationError), let response = staleInstead(.ifError) { return response }
      cache.report(
        .answered(.failed(.originFailed)), key: reportedKey, request: request, policy: policy, since: startedAt,
        error: error)
      throw error
    }
    if RFC9111.isOriginFailure(response.status), let stale = staleInstead(.ifError) {
      response.body.cancel()
      return stale
    }
    response.outcome = outcome
    cache.report(
      .answered(outcome), key: reportedKey, request: request, policy: policy, status: response.status,
      bodySize: response.body.length, since: startedAt)
    cache.counters.countContent(
      of: &response, as: outcome, policy: policy?.number ?? cache.router.absentPolicyNumber)
    return response
  }

  private var reportedKey: CacheKey? { reason == .alone ? plan?.key : nil }

  private func failure(
    _ reason: CacheOutcome.FailureReason, status: Int, retryAfter: String? = nil
  ) -> CacheResponse {
    cache.failureResponse(
      reason, status: status, request, reportedKey, policy, retryAfter: retryAfter, startedAt: startedAt)
  }

  /// The stale response to a request whose call to the origin has failed (RFC 5861 §4); nil when there is none.
  private func staleInstead(_ reason: CacheOutcome.StaleReason) -> CacheResponse? {
    // `If-Match` and `If-Unmodified-Since` ask for the origin's own state, which is not known.
    guard let plan, let stored = plan.stored, request.fields.presence & CacheLayer.originConditions == 0 else {
      return nil
    }
    // Others need not wait for the same failure. A failure of HEAD alone says too little for that.
    if reason == .ifError, request.method == .get, cache.restAfterFailure(plan) { cache.refreshInBackground(plan) }
    let now = cache.clock.now
    return plan.mayServeOnError(at: now) ? cache.staleResponse(stored, plan, reason, at: now) : nil
  }

  // MARK: What it tells

  /// Learns from a response to an unsafe request, or one with content, what is no longer valid (RFC 9111 §4.4); it may be
  /// stored itself, for GETs to come (RFC 9110 §9.3.3).
  private func learned(
    from response: CacheResponse, _ policy: ResolvedPolicy, _ scope: TagScope, since first: InvalidationStamp?,
    _ exchange: ExchangeTimes
  ) async -> CacheResponse {
    // Its own invalidations must not void it, those of others must: those that came until `before` are asked for, and any
    // that come between its own ones change their count.
    let before = cache.backend.stampNow
    let request = CacheLayer.withoutConnectionFields(self.request)
    let key = cache.key(of: request, policy)
    var isCurrent = false
    if let first, let key {
      isCurrent = cache.backend.verdictNow(key: key, tags: scope.tags, since: first) == .valid
    }
    let ownCount = await invalidated(by: response, policy, scope)
    guard isCurrent, let before, let stamp = cache.backend.stampNow, stamp.number &- before.number == ownCount, let key,
      scope.violation(of: policy.policy.tags) == nil,
      case .store(let storing) = RFC9111.storability(
        of: response, to: self.request, exchange: exchange, rules: policy.rules)
    else { return response }
    let plan = FetchPlan(
      request: request, policy: policy, key: key, next: next, stamp: stamp, startedAt: startedAt, outer: outer)
    return await stored(response, storing, plan, scope, exchange)
  }

  /// Carries out the invalidations that a response to an unsafe request brings.
  ///
  /// - Returns: Their number.
  private func invalidated(by response: CacheResponse, _ policy: ResolvedPolicy, _ scope: TagScope) async -> UInt64 {
    var count = await cache.carryOutInvalidations(scope, status: response.status)
    // RFC 9111 §4.4: a successful unsafe request makes what is stored doubtful.
    for target in RFC9111.invalidatedTargets(
      of: request, response: response, ownAuthorities: policy.ownAuthorities)
    {
      // The key of the request's own target may be made of its fields.
      let resource =
        target == (request.scheme, request.authority, request.target)
        ? CacheLayer.withoutConnectionFields(request).as(.get)
        : CacheRequest(scheme: target.scheme, authority: target.authority, target: target.target)
      if let policy = cache.router.policy(for: resource), let key = cache.key(of: resource, policy) {
        await cache.invalidate(key: key)
        count += 1
      }
    }
    let groups = RFC9875.invalidatedGroups(by: response, to: request)
    if !groups.isEmpty {
      let tags = groups.map { CacheTags.group($0, scheme: request.scheme, authority: request.authority) }
      await cache.invalidate(CacheInvalidation(.anyTag(tags)))
      count += 1
    }
    return count
  }

  /// The response to a request whose responses have lately turned out not to be cacheable. If it may be stored after all, it
  /// is, so that nobody whose responses are not cacheable can keep it from being stored.
  private func storedAfterAll(
    _ response: CacheResponse, _ plan: FetchPlan, _ scope: TagScope, _ exchange: ExchangeTimes
  ) async -> CacheResponse {
    // A 304 to the client's own condition has no content to store, but says whether the next response may be stored.
    var head = response
    if response.status == 304 { head.status = 200 }
    switch plan.policy.storability(of: head, to: request, exchange: exchange) {
    case .store(let storing):
      let length = response.body.length ?? RFC9111.contentLength(of: response.fields)
      if length.map({ $0 <= plan.policy.policy.maximumBodySize }) ?? (response.status == 304), let flightKey {
        cache.uncoalesced.forget(plan.uncacheableKey(flightKey).digest)
      }
      guard response.status < 400, response.status != 206, response.status != 304, plan.stamp != nil,
        scope.violation(of: plan.policy.policy.tags) == nil
      else { return withCacheStatus(response) }
      return withCacheStatus(await stored(response, storing, plan, scope, exchange))
    case .refuse(let refusal):
      return withCacheStatus(response, detail: refusal == .cookie || refusal == .authorization ? refusal : nil)
    }
  }

  /// Stores the response while its client reads it.
  private func stored(
    _ response: CacheResponse, _ storing: StorePlan, _ plan: FetchPlan, _ scope: TagScope, _ exchange: ExchangeTimes
  ) async -> CacheResponse {
    let flight = Flight(
      for: plan, isAlone: true, scope: scope, clock: cache.clock,
      machine: FlightStateMachine(isKept: false, attempts: 1, hardDeadline: nil), leader: true)
    cache.flights.add(flight)
    let started = flight.started(
      Task { @concurrent in
        await scope.bind { await CacheFill(cache, flight, plan, response, exchange).store(storing) }
        flight.close()
        scope.close()
        cache.flights.remove(flight)
      })
    let outcome = if let started { started } else { try? await flight.wait(Flight.leaderID) }
    guard case .response(let answer)? = outcome else { return response }
    var stored = response
    stored.body = answer.body
    return stored
  }

  /// Updates the stored response to GET with what a response to HEAD says about it (RFC 9111 §4.3.5).
  private func update(by response: CacheResponse, _ plan: FetchPlan, _ scope: TagScope, _ exchange: ExchangeTimes) async
  {
    let flight = Flight(
      for: plan, isAlone: true, scope: scope, clock: cache.clock,
      machine: FlightStateMachine(isKept: true, attempts: 1, hardDeadline: nil))
    cache.flights.add(flight)
    await CacheFill(cache, flight, plan, response, exchange).updateFromHead()
    flight.close()
    cache.flights.remove(flight)
  }
}

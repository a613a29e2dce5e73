//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The response to a request that the store alone could not answer at once.
  ///
  /// - Parameter miss: What has been found out on the way; nil where the plain hit path has nothing.
  @usableFromInline
  nonisolated func fetch(
    _ original: CacheRequest, _ miss: CacheMiss?, from next: AnyService
  ) async throws -> CacheResponse {
    // The plain hit path, which leaves nil, is for policies without identifiers only.
    guard miss?.policy?.identifiesRequests == true else { return try await fetchAsIs(original, miss, from: next) }
    return try await identifiedResponse(to: original, miss, from: next)
  }

  nonisolated func fetchAsIs(
    _ original: CacheRequest, _ miss: CacheMiss?, from next: AnyService
  ) async throws -> CacheResponse {
    let (startedAt, start) = (clock.now, clock.preciseNow)
    let policy = miss == nil ? router.fallback : miss?.policy
    let lookup: Lookup? = miss == nil ? .absent : miss?.lookup
    var bypass = miss?.bypass
    if bypass == nil, let policy {
      let request = miss?.request ?? Self.withoutConnectionFields(original)
      if let key = miss?.key ?? key(of: request, policy) {
        let directives = directives(of: request, policy)
        let plan = FetchPlan(
          request: request, directives: directives, policy: policy, key: key, next: next,
          stamp: lookup == nil ? nil : backend.stampNow, startedAt: startedAt, outer: TagScope.ambient)
        var fetcher = Fetcher(plan, for: self)
        return counters.timed(try await fetcher.response(knowing: lookup), since: start, clock)
      }
      bypass = .noKey
    } else if bypass != .noKey, let policy,
      let response = await purgeResponse(to: Self.withoutConnectionFields(original), policy)
    {
      return response
    }
    // Where the cache stands aside, an upgrade of the protocol is between client and handler.
    let forwarded = ForwardedRequest(original, to: next, policy, bypass ?? .policy, self, startedAt: startedAt)
    return counters.timed(try await forwarded.response(), since: start, clock)
  }

  // MARK: Flights

  nonisolated func makeFlight(
    _ plan: FetchPlan, _ key: CacheKey?, isForRequest: Bool = false, isAlone: Bool = false, isRefresh: Bool = false,
    isNeutral: Bool = false, deadline: CacheInstant? = nil, now: CacheInstant
  ) -> Flight {
    let policy = plan.policy
    return Flight(
      key: key, for: plan, isRefresh: isRefresh, isAlone: isAlone,
      scope: TagScope(isAmbient: policy.policy.tags.ambience != .none), clock: clock,
      machine: FlightStateMachine(
        isKept: isRefresh || policy.policy.finishesAbandonedFlights,
        // With something stale at hand there is no hurry: whoever may have it gets it instead of a second attempt.
        attempts: !isNeutral && plan.mayServeOnError(at: now) ? 1 : 2,
        hardDeadline: policy.policy.hardTimeout.map { now.advanced(by: $0) }, beganAt: now, isRefresh: isRefresh,
        slowCallLimit: policy.policy.slowCallLimit, waitsForTurn: isShielded(policy) || policy.policy.originLease != nil
      ),
      leader: isForRequest, deadline: deadline, neutralCallAt: isNeutral ? now : nil)
  }

  /// Calls the origin with the request of `plan`, in a task of its own, so that the client's cancellation does not reach it.
  ///
  /// The task begins on the caller's thread: an origin that does not wait has answered before anybody waits for it. Not so
  /// when the caller may have to turn to something else in time.
  ///
  /// - Returns: The leader's outcome, if it is there.
  nonisolated func start(_ flight: Flight, _ plan: FetchPlan) -> FlightOutcome? {
    // Earlier systems cannot begin a task on this thread: the leader waits like a follower.
    guard plan.policy.policy.softTimeout == nil, plan.policy.policy.hardTimeout == nil,
      #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *)
    else {
      return flight.started(
        flight.scope.enter {
          Task { @concurrent in await OriginFetch(cache: self, flight: flight).run(plan) }
        })
    }
    // Whatever the handler calls, and the body while it is read, finds the scope of this response: the task is made in it.
    return flight.started(
      flight.scope.enter { Task.immediate { await OriginFetch(cache: self, flight: flight).run(plan) } })
  }

  /// Why requests like that of `plan` do not wait for each other, if they do not.
  ///
  /// - Parameter key: What their flights are found by; nil for the key of the request.
  @inline(__always)
  nonisolated func uncoalescedReason(
    _ key: CacheKey?, _ plan: FetchPlan, at now: CacheInstant
  ) -> UncoalescedKeys.Reason? {
    guard !uncoalesced.isEmpty else { return nil }
    if let reason = uncoalesced.reason(for: key?.digest ?? plan.key.digest, at: now) { return reason }
    guard plan.request.fields.contains(KnownHeader.cookie) else { return nil }
    return uncoalesced.reason(for: plan.uncacheableKey(key ?? plan.key).digest, at: now)
  }

  // MARK: The origin's limits

  /// How the cache and its origin stand: how many calls there are at this moment, how many wait, how many there may be.
  /// Nil without a limit for the whole cache.
  public nonisolated var originLoad: (running: Int, waiting: Int, limit: Int)? { shield?.load }

  /// Waits for a turn at the origin.
  ///
  /// - Returns: The turn; nil when there is no room, or not in time.
  /// - Throws: `CancellationError` when the waiting task is cancelled.
  nonisolated func originTurn(_ policy: ResolvedPolicy?, mayWait: Bool) async throws -> OriginTurn? {
    // The route's first: whoever waits for it must not keep other routes from the origin.
    let shields = [policy?.shield, shield].compactMap(\.self)
    return try await OriginTurn.acquire(shields, mayWait: mayWait)
  }

  /// Whether there is any limit to wait for.
  @inline(__always)
  nonisolated func isShielded(_ policy: ResolvedPolicy?) -> Bool { shield != nil || policy?.shield != nil }

  /// After how many seconds it is worth asking again, as `Retry-After` says it.
  nonisolated func retryAfter(_ policy: ResolvedPolicy?) -> String {
    let deadline = (policy?.shield ?? shield)?.limit.queueDeadline ?? .seconds(1)
    return String(Swift.max(1, deadline.wholeSeconds))
  }
}

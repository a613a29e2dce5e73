//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A response of the origin on its way to those who wait for it, and into the store.
///
/// ``decision()`` says what becomes of it, and is the only place that does; the rest carries that out.
struct CacheFill {
  let cache: CacheLayer
  let flight: Flight
  /// The request that the response answers.
  let plan: FetchPlan
  var response: CacheResponse
  let exchange: ExchangeTimes

  /// A response that has just come.
  ///
  /// - Parameter askedAt: The same moment as `requestedAt`, by the clock that tells it finely; nil for a response that nobody
  ///   has made.
  init(
    _ cache: CacheLayer, _ flight: Flight, _ plan: FetchPlan, _ response: CacheResponse, requestedAt: CacheInstant,
    askedAt: CacheInstant? = nil
  ) {
    var exchange = ExchangeTimes(
      requestedAt: requestedAt, receivedAt: cache.clock.now, receivedUnix: cache.clock.unixTime)
    if let askedAt {
      exchange.originNanoseconds = cache.counters.timeOrigin(
        .init(status: response.status), since: askedAt, cache.clock)
    }
    self.init(cache, flight, plan, response, exchange)
  }

  init(_ cache: CacheLayer, _ flight: Flight, _ plan: FetchPlan, _ response: CacheResponse, _ exchange: ExchangeTimes) {
    self.cache = cache
    self.flight = flight
    self.plan = plan
    self.response = response
    self.exchange = exchange
  }

  // MARK: The decision

  /// The fate of a response.
  enum Decision {
    /// Everybody whom it is for gets it, and it is stored, if its size permits.
    case store(StorePlan)
    /// The client whose request it answers gets it as it is. It is not stored, and the others make calls of their own.
    case refuse(StoreRefusal, CacheTagError? = nil)
    /// The same for a response to nobody in particular: the request of one of those who wait is sent, if there is any.
    case refuseNeutral(StoreRefusal)
    /// The origin has failed: one more call is made, or everybody is told.
    case fail
    /// The response confirms this entry (RFC 9111 §4.3.3).
    case update(CacheEntry)
    /// The response completes the parts in this entry (RFC 9111 §3.4).
    case complete(CacheEntry)
    /// The response is no answer to what the clients have asked for. The request of this plan is sent next.
    case askAgain(FetchPlan)
  }

  /// Decides what becomes of the response, as far as its head and what is stored do.
  func decision() -> Decision {
    if response.status == 304 {
      if let stored = plan.stored {
        let isAboutStored =
          !plan.isStoredForOthers
          && RFC9111.selectsForUpdate(stored: stored.fields, response304: response.fields)
        // A 304 for a response that is not stored (RFC 9111 §4.3.4) is no answer to clients without a condition.
        return isAboutStored ? .update(stored) : .askAgain(plan.withoutStored())
      }
      // Nothing was to be confirmed: the request for what is missing has no condition but `If-Range`.
      if plan.partial != nil { return .askAgain(plan.withoutPartial()) }
    }
    // A part that nobody has asked for is for no other request.
    if response.status == 206, plan.partial == nil,
      plan.stored != nil || !plan.request.fields.contains(KnownHeader.range)
    {
      return .refuse(.partial)
    }
    if let partial = plan.partial, response.status == 206 || response.status == 416 { return .complete(partial) }
    let storability = plan.policy.storability(of: response, to: plan.request, exchange: exchange)
    if RFC9111.isOriginFailure(response.status) {
      guard case .store = storability, !plan.mayServeOnError(at: exchange.receivedAt) else { return .fail }
    }
    switch consume storability {
    case .refuse(let refusal):
      // What is refused to nobody in particular says nothing about clients.
      return plan.isNeutral && !flight.isRefresh ? .refuseNeutral(refusal) : .refuse(refusal)
    case .store(let storing):
      if isSuperseded() { return .refuse(.superseded) }
      if let error = violation { return .refuse(.tags, error) }
      if let stored = plan.stored, let refusal = self.refusal(toReplace: stored, as: storing) {
        return .refuse(refusal)
      }
      return .store(storing)
    }
  }

  /// Why a response that could be stored does not take the place of what is stored; nil when it does.
  private func refusal(toReplace stored: CacheEntry, as storing: StorePlan) -> StoreRefusal? {
    if response.status >= 400,
      RFC9111.keepsStored(
        despite: response.status, stored: stored.status, times: stored.times, traits: stored.traits, cause: cause,
        now: exchange.receivedAt)
    {
      return .demanded
    }
    // One user's answer does not shorten what others have, nor replace it by what is only guessed to be for them.
    guard plan.isStoredForOthers, stored.times.freshUntil > exchange.receivedAt,
      storing.traits.contains(.heuristic) || storing.times.freshUntil < stored.times.freshUntil
    else { return nil }
    return plan.policy.rules.personalReason(plan.request.fields) ?? .demanded
  }

  /// Why a body of this length is not stored; nil when it may be, as far as is known.
  func sizeRefusal(_ length: Int?) -> StoreRefusal? {
    guard let length else { return nil }
    if length > plan.policy.policy.maximumBodySize { return .tooLarge }
    return length < plan.policy.policy.minimumBodySize ? .tooSmall : nil
  }

  /// The fault of the response's tags; nil when there is none.
  var violation: CacheTagError? { flight.scope.violation(of: plan.policy.policy.tags) }

  /// The reason why the origin was asked although something is stored.
  private var cause: RefreshCause {
    flight.isRefresh
      ? .cache(withholdsCredentials: plan.withholdsCredentials)
      : .client(hasCredentials: FetchPlan.hasCredentials(plan.request.fields))
  }

  /// Whether what is stored for the request is newer than this answer, or than any. Asked only where another flight has taken
  /// the place of the answer's.
  func isSuperseded(byAny: Bool = false) -> Bool {
    // What has been invalidated meanwhile, the store refuses.
    guard flight.hasBeenReplaced, !flight.isInvalidated,
      plan.stamp.map({ cache.backend.verdictNow(key: plan.key, tags: flight.scope.tags, since: $0) == .valid }) ?? true,
      case .found(let entry) = cache.peek(plan.key, for: plan.request, at: cache.clock.now),
      entry !== plan.stored
    else { return false }
    return byAny || entry.times.receivedAt >= exchange.requestedAt
  }

  // MARK: Carrying it out

  /// Acts on what the response says, then does with it what is decided.
  ///
  /// - Returns: Whose request is to be sent next, if somebody still waits for an answer.
  @inline(never)
  func receive() async -> FetchPlan? {
    var fill = self
    cache.noteTags(
      of: &fill.response, to: plan.request, plan.policy, flight.scope,
      isConfirmation: plan.stored != nil && response.status == 304)
    await cache.carryOutInvalidations(flight.scope, status: response.status)
    guard flight.isCalling else {
      response.body.cancel()
      return nil
    }
    return await fill.carryOut(fill.decision())
  }

  private func carryOut(_ decision: Decision) async -> FetchPlan? {
    switch decision {
    case .store(let storing):
      await store(storing)
      if RFC9111.isAboutResource(status: response.status) { await removeOutdated() }
    case .refuse(let refusal, let error):
      await refuse(refusal, error: error)
    case .refuseNeutral(let refusal):
      if let next = flight.retryAfterNeutralCall() {
        response.body.cancel()
        return next
      }
      await refuse(refusal)
    case .fail:
      return fail()
    case .update(let stored):
      await update(stored)
    case .complete(let partial):
      return await complete(partial)
    case .askAgain(let next):
      response.body.cancel()
      return next
    }
    return nil
  }

  /// The response as it goes to the client that has caused it.
  func answer(_ storing: CacheEvent.Storing) -> FlightResponse {
    FlightResponse(
      status: response.status,
      fields: RFC9111.fieldsWithoutHopByHop(response.fields, receivedUnix: exchange.receivedUnix),
      body: response.body, trailers: response.trailers, storing: storing, exchange: exchange)
  }

  /// The origin answered with a server error that is not to be stored.
  private func fail() -> FetchPlan? {
    if cache.restAfterFailure(plan) { flight.leaveDoubt() }
    flight.scope.handOver()
    let answer = answer(.refused(.originError))
    cache.report(.refused(.originError), key: plan.key)
    var isDelivered = false
    let next = flight.originFailed { isLeader in
      guard isLeader else {
        return .serverError(status: response.status, retryAfter: response.fields[.retryAfter])
      }
      isDelivered = true
      return .response(answer)
    }
    if !isDelivered { response.body.cancel() }
    return next
  }

  /// The response is for the leader alone: it gets it as it is, unbuffered, and the others go their own ways.
  private func refuse(_ refusal: StoreRefusal, error: CacheTagError? = nil) async {
    cache.report(.refused(refusal), key: plan.key, error: error)
    if RFC9111.isAboutResource(status: response.status) { await removeOutdated() }
    flight.scope.handOver()
    var outcomes = Flight.Outcomes()
    if let leader = flight.leader, flight.waiting.contains(where: { $0.id == leader }) {
      outcomes.append((leader, .response(answer(.refused(refusal)))))
    } else {
      response.body.cancel()
    }
    if refusal != .superseded { noteUncacheable(at: exchange.receivedAt) }
    flight.answered(outcomes, rest: refusal == .superseded ? .stored : .uncacheable)
    await removeSuperseded(refusal, at: exchange.receivedAt)
  }

  /// Gives everybody who waits the outcome for their request.
  func deliver(
    replay: Flight.Replay? = nil, body: BodyLog? = nil,
    _ outcome: (_ plan: FetchPlan, _ isLeader: Bool) -> FlightOutcome
  ) {
    let leader = flight.leader
    var outcomes = Flight.Outcomes()
    for (id, plan) in flight.waiting { outcomes.append((id, outcome(plan, id == leader))) }
    flight.answered(outcomes, rest: .ended, replay: replay, body: body)
  }

  // MARK: What becomes of others

  /// Removes what is stored if it must go because of an answer that may not be stored.
  func removeSuperseded(_ refusal: StoreRefusal, at now: CacheInstant) async {
    guard let stored = plan.stored, !isSuperseded(byAny: true),
      RFC9111.supersedes(
        status: response.status, refusal: refusal, times: stored.times, traits: stored.traits, cause: cause, now: now)
    else { return }
    await cache.remove(stored.key)
  }

  /// Removes a response that the origin has said to be outdated, unless it has been replaced.
  func removeOutdated() async {
    guard let outdated = plan.outdated else { return }
    if let found = await cache.storedEntry(outdated.key), found.variantIndex == nil, found.isSame(as: outdated) {
      await cache.remove(outdated.key)
    }
  }

  /// Remembers that the requests for a resource need not wait for each other, as far as the answer says something about the
  /// resource: an error, or an answer to what a client has demanded, may be that client's doing.
  func noteUncacheable(at now: CacheInstant) {
    guard !flight.isRefresh, !plan.isNeutral, RFC9111.isAboutResource(status: response.status) else { return }
    if let stored = plan.stored, RFC9111.isServable(times: stored.times, traits: stored.traits, now: now) { return }
    remember(.uncacheable, at: cache.clock.now)
  }

  /// Remembers a resource whose response is for nobody but the request that caused it, so that its requests do not wait for
  /// each other; and forgets it when that is over.
  ///
  /// A client that demands a response of its own says nothing about what others get.
  @inline(__always)
  func noteReuse(times: EntryTimes, traits: EntryTraits, at now: CacheInstant) {
    if RFC9111.mayReuse(times: times, traits: traits, directives: .none, now: now, rules: plan.policy.rules) {
      if flight.isAlone { forgetReason() }
    } else if plan.directives.areNone {
      remember(.needsValidation, at: now)
    }
  }

  @inline(never)
  private func remember(_ reason: UncoalescedKeys.Reason, at now: CacheInstant) {
    let duration = plan.policy.policy.uncacheableTimeToLive
    guard duration > .zero else { return }
    cache.uncoalesced.remember(
      plan.uncacheableKey(flight.key).digest, as: reason, until: now.advanced(by: duration), at: now)
  }

  @inline(never)
  private func forgetReason() {
    guard !cache.uncoalesced.isEmpty else { return }
    cache.uncoalesced.forget(flight.key.digest)
    cache.uncoalesced.forget(plan.uncacheableKey(flight.key).digest)
  }
}

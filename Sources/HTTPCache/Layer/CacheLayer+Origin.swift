//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Calls the origin for a flight until there is an answer for those who wait, and stores what may be stored.
  ///
  /// In a task that has been made in the flight's scope (``TagScope/enter(_:)``). Inlined, as what it calls: each
  /// asynchronous function takes memory of its own from its task.
  @inline(__always)
  nonisolated func fly(_ flight: Flight, _ first: FetchPlan) async {
    let permit = first.policy.policy.originLease == nil ? nil : await originPermit(flight, first)
    var isGranted = true
    if let permit {
      if case .granted = permit {} else { isGranted = false }
    }
    if isGranted {
      if permit != nil, !isShielded(first.policy) { flight.originAsked(at: clock.now) }
      await callOrigin(flight, first)
    }
    if let permit { await giveBack(permit) }
    end(flight, first)
    if flight.isRefresh, flight.hasStored, let stored = first.stored { await reopenGate(of: stored, first, flight) }
  }

  /// Ends a flight, whatever has come of it. Not asynchronous: what it needs takes no memory of the task.
  @inline(never)
  private nonisolated func end(_ flight: Flight, _ first: FetchPlan) {
    let successor = flight.successor
    flight.close()
    flight.scope.close()
    if flight.isRefresh, !flight.hasStored {
      _ = restAfterFailure(first)
      report(.refreshFailed, key: first.key)
    }
    flights.remove(flight)
    if let successor { passOn(to: successor) }
    if flight.leavesDoubt { refreshInBackground(first) }
  }

  /// Releases those who wait for the flight that has taken the place of one which is over, as far as that one has brought
  /// what they wait for, or has shown that they need not wait for each other.
  private nonisolated func passOn(to successor: Flight) {
    let now = clock.now
    var releases = FewList<(id: Flight.WaiterID, release: FlightResult.Release)>()
    let leader = successor.leader
    // Whose request is being answered waits for that.
    for (id, plan) in successor.waiting where id != leader {
      switch unsharedReason(successor.key, plan, at: now) {
      case .uncacheable?: releases.append((id, .uncacheable))
      case .needsValidation?: releases.append((id, .needsValidation))
      case nil:
        if case .found(let entry) = peek(plan.key, for: plan.request, at: now), entry !== plan.stored,
          mayReuse(entry, for: plan, at: now)
        {
          releases.append((id, .stored))
        }
      }
    }
    successor.release(releases)
  }

  /// Whether what is stored for the request is newer than an answer to a request that was sent at `requestedAt`. Asked only
  /// where another flight has taken the place of the answer's.
  nonisolated func isSuperseded(_ flight: Flight, _ plan: FetchPlan, requestedAt: CacheInstant) -> Bool {
    // What has been invalidated meanwhile, the store refuses.
    guard flight.hasBeenReplaced, !flight.isInvalidated,
      plan.stamp.map({ backend.verdictNow(key: plan.key, tags: flight.scope.tags, since: $0) == .valid }) ?? true,
      case .found(let entry) = peek(plan.key, for: plan.request, at: clock.now),
      entry !== plan.stored
    else { return false }
    return entry.times.receivedAt >= requestedAt
  }

  @inline(__always)
  private nonisolated func callOrigin(_ flight: Flight, _ first: FetchPlan) async {
    var plan = first
    while let successor = await attempt(flight, plan) {
      plan = successor
      flight.scope.restart()
    }
  }

  /// One call to the origin.
  ///
  /// What it holds while the handler is at work is little: every task has to allocate memory for that.
  ///
  /// - Returns: Whose request is to be sent next, if the call failed and somebody else still waits.
  private nonisolated func attempt(_ flight: Flight, _ plan: FetchPlan) async -> FetchPlan? {
    if isShielded(plan.policy) { return await shieldedAttempt(flight, plan) }
    let requestedAt = clock.nowAtTheEarliest
    do {
      let response = try await plan.next.call(originRequest(plan, flight))
      if storeAtOnce(response, flight, plan, requestedAt) { return nil }
      return await judge(response, flight, plan, requestedAt)
    } catch {
      return originThrew(error, flight, plan)
    }
  }

  /// The same where the origin takes only so many calls at a time.
  private nonisolated func shieldedAttempt(_ flight: Flight, _ plan: FetchPlan) async -> FetchPlan? {
    let turn: OriginTurn
    do {
      guard let granted = try await originTurn(plan.policy, mayWait: !flight.isRefresh) else {
        return flight.originFailed(mayRetry: false) { _, _ in .saturated }
      }
      turn = granted
    } catch {
      return flight.originFailed(mayRetry: false) { _, _ in .failed(error) }
    }
    flight.originAsked(at: clock.now)
    let requestedAt = clock.nowAtTheEarliest
    do {
      let response = try await plan.next.call(originRequest(plan, flight))
      return await judge(turn.ending(with: response), flight, plan, requestedAt)
    } catch {
      if flight.isAbandoned { turn.giveBack() } else { turn.failed() }
      return originThrew(error, flight, plan)
    }
  }

  private nonisolated func originThrew(_ error: any Error, _ flight: Flight, _ plan: FetchPlan) -> FetchPlan? {
    flight.scope.failed()
    // A client that has left says nothing about the origin.
    if !flight.isAbandoned, restAfterFailure(plan) { flight.leaveDoubt() }
    return flight.originFailed { _, _ in .failed(error) }
  }

  /// What becomes of the origin's answer.
  @inline(never)
  private nonisolated func judge(
    _ original: CacheResponse, _ flight: Flight, _ plan: FetchPlan, _ requestedAt: CacheInstant
  ) async -> FetchPlan? {
    var response = original
    let isConfirmation = plan.stored != nil && response.status == 304
    noteTags(of: &response, to: plan.request, plan.policy, flight.scope, isConfirmation: isConfirmation)
    await carryOutInvalidations(flight.scope, status: response.status)
    guard flight.isCalling else {
      response.body.cancel()
      return nil
    }
    let receipt = Receipt(requestedAt: requestedAt, receivedAt: clock.now, receivedUnix: clock.unixTime)
    if let stored = plan.stored, response.status == 304 {
      guard !plan.isStoredForOthers,
        RFC9111.selectsForUpdate(stored: stored.fields, response304: response.fields)
      else {
        // A 304 for a response that is not stored (RFC 9111 §4.3.4) is no answer to clients without a condition.
        return plan.withoutStored()
      }
      await revalidated(stored, by: response, flight, plan, receipt)
      return nil
    }
    // A part that nobody has asked for is for no other request.
    if response.status == 206, plan.partial == nil,
      plan.stored != nil || !plan.request.fields.contains(KnownHeader.range)
    {
      await refuse(response, .partial, flight, plan, receipt)
      return nil
    }
    if plan.partial != nil, response.status == 304 {
      // Nothing was to be confirmed: the request for what is missing has no condition but `If-Range`.
      response.body.cancel()
      return plan.withoutPartial()
    }
    if let partial = plan.partial, response.status == 206 || response.status == 416 {
      return await completed(partial, by: response, flight, plan, receipt)
    }
    let storability = plan.policy.storability(of: response, to: plan.request, receipt: receipt)
    if RFC9111.isOriginFailure(response.status) {
      var isStorable = false
      if case .store = storability { isStorable = true }
      if !isStorable || mayServeOnError(plan, at: receipt.receivedAt) {
        return failed(with: response, flight, plan, receipt)
      }
    }
    if storability.refusal != nil, plan.isNeutral, !flight.isRefresh, let next = flight.retryAfterNeutralCall() {
      // What is refused to nobody in particular says nothing about clients.
      response.body.cancel()
      return next
    }
    switch storability {
    case .store(let storing):
      if isSuperseded(flight, plan, requestedAt: receipt.requestedAt) {
        await refuse(response, .superseded, flight, plan, receipt)
      } else if let error = flight.scope.violation(of: plan.policy.policy.tags) {
        await refuse(response, .tags, flight, plan, receipt, error: error)
      } else if keepsStored(despite: response.status, flight, plan, at: receipt.receivedAt) {
        await refuse(response, .demanded, flight, plan, receipt)
      } else if let stored = plan.stored, plan.isStoredForOthers, stored.times.freshUntil > receipt.receivedAt,
        storing.traits.contains(.heuristic) || storing.times.freshUntil < stored.times.freshUntil
      {
        // One user's answer does not shorten what others have, nor replace it by what is only guessed to be for them.
        await refuse(
          response, plan.policy.rules.personalReason(plan.request.fields) ?? .demanded, flight, plan, receipt)
      } else {
        await store(response, storing, flight, plan, receipt)
        if RFC9111.isAboutResource(status: response.status) { await removeOutdated(plan) }
      }
    case .refuse(let refusal): await refuse(response, refusal, flight, plan, receipt)
    }
    return nil
  }

  /// The request as it goes to the origin: without the client's own conditions where the cache asks for the whole response
  /// (or for a confirmation of what it has) in everybody's name.
  private nonisolated func originRequest(_ plan: FetchPlan, _ flight: Flight) -> CacheRequest {
    let isForwardedAsIs =
      plan.stored == nil && plan.partial == nil && RFC9111.isForwardedAsIs(plan.request.fields)
    // Informational responses are for this request's client, if that wants any.
    guard plan.request.onInformational != nil else {
      if isForwardedAsIs { return plan.request }
      var request = plan.request
      request.fields = originFields(plan)
      return request
    }
    return CacheRequest(plan.request, fields: isForwardedAsIs ? plan.request.fields : originFields(plan)) {
      flight.inform($0)
    }
  }

  private nonisolated func originFields(_ plan: FetchPlan) -> HeaderFields {
    plan.partial.flatMap { completionFields(for: plan.request, completing: $0, plan.policy) }
      ?? RFC9111.conditionalFields(
        for: plan.request.fields, validating: plan.isStoredForOthers ? [] : plan.stored.map { [$0.fields] } ?? [],
        forwardsRange: plan.stored == nil)
  }

  /// The origin answered with a server error that is not to be stored.
  private nonisolated func failed(
    with response: CacheResponse, _ flight: Flight, _ plan: FetchPlan, _ receipt: Receipt
  ) -> FetchPlan? {
    if restAfterFailure(plan) { flight.leaveDoubt() }
    flight.scope.handOver()
    let leader = flight.leader
    let answer = FlightResponse(
      status: response.status,
      fields: RFC9111.fieldsWithoutHopByHop(response.fields, receivedUnix: receipt.receivedUnix),
      body: response.body,
      trailers: response.trailers, originStatus: response.status, storing: .refused(.originError),
      receipt: receipt)
    report(.refused(.originError), key: plan.key)
    var isDelivered = false
    let successor = flight.originFailed { id, _ in
      guard id == leader else {
        return .serverError(status: response.status, retryAfter: response.fields[.retryAfter])
      }
      isDelivered = true
      return .response(answer)
    }
    if !isDelivered { response.body.cancel() }
    return successor
  }

  /// The response is for the leader alone: it gets it as it is, unbuffered, and the others go their own ways.
  private nonisolated func refuse(
    _ response: CacheResponse, _ refusal: StoreRefusal, _ flight: Flight, _ plan: FetchPlan, _ receipt: Receipt,
    error: CacheTagError? = nil
  ) async {
    report(.refused(refusal), key: plan.key, error: error)
    if RFC9111.isAboutResource(status: response.status) { await removeOutdated(plan) }
    flight.scope.handOver()
    var results = Flight.Results()
    if let leader = flight.leader, flight.waiting.contains(where: { $0.id == leader }) {
      let answer = FlightResponse(
        status: response.status,
        fields: RFC9111.fieldsWithoutHopByHop(response.fields, receivedUnix: receipt.receivedUnix),
        body: response.body,
        trailers: response.trailers, originStatus: response.status, storing: .refused(refusal),
        receipt: receipt)
      results.append((leader, .response(answer)))
    } else {
      response.body.cancel()
    }
    if refusal != .superseded { noteUncacheable(response.status, flight, plan, at: receipt.receivedAt) }
    flight.answered(results, release: refusal == .superseded ? .stored : .uncacheable, replay: nil)
    await removeSuperseded(by: response.status, refusal, flight, plan, at: receipt.receivedAt)
  }

  /// The origin confirmed what is stored (RFC 9111 §4.3.3, §4.3.4).
  private nonisolated func revalidated(
    _ stored: CacheEntry, by response: CacheResponse, _ flight: Flight, _ plan: FetchPlan, _ receipt: Receipt
  ) async {
    let fields = RFC9111.freshened(stored.fields, with: response.fields)
    let merged = CacheResponse(status: stored.status, fields: fields)
    let storability = plan.policy.storability(of: merged, to: plan.request, receipt: receipt)
    // A tag that the origin does not name again may still be one: rather too many than too few.
    flight.scope.add(stored.tags?.names ?? [])
    let tags = flight.scope.tags
    let violation = flight.scope.violation(of: plan.policy.policy.tags)
    func answer(with entry: CacheEntry, _ storing: CacheEvent.Storing) -> FlightResponse {
      FlightResponse(
        status: entry.status, fields: entry.fields, body: Body(entry.body), trailers: entry.trailers, entry: entry,
        entryOutcome: .revalidated, leaderFields: RFC9111.setCookies(of: response.fields), originStatus: 304,
        storing: storing, receipt: receipt)
    }
    guard case .store(let storing) = storability, violation == nil else {
      // The response may not be stored any longer. It is still the answer to the request that has been sent, and only to
      // that one, with all that the 304 says.
      let refusal = storability.refusal ?? .tags
      report(.refused(refusal), key: plan.key, error: violation)
      await forbid(stored, because: refusal, merged, plan, flight, receipt)
      let entry = unstoredEntry(stored, fields: fields, receipt: receipt, tags: tags)
      self.answer(flight, plan, with: answer(with: entry, .refused(refusal)), key: stored.key, tags: tags)
      return
    }
    let renewal = await renewal(of: stored, as: storing, plan, tags: tags)
    // A slow confirmation of what has been replaced meanwhile is for its own request only.
    let isReplaced =
      if case .found(let current) = backend.peek(stored.key, at: receipt.receivedAt) {
        current.variantIndex == nil && !current.isSame(as: stored) && current.times.receivedAt >= receipt.requestedAt
      } else {
        false
      }
    var became = CacheEvent.Storing.none
    if !isReplaced, await put(renewal, plan, flight) { became = .stored }
    let entry = renewal.entry
    // Fields that are not stored are for the client whose request has brought them.
    let leaderFields = RFC9111.answeredFields(fields, receivedUnix: receipt.receivedUnix)
    let leaderEntry =
      leaderFields == entry.fields
      ? entry
      : CacheEntry(
        key: entry.key, status: entry.status, fields: leaderFields, body: entry.body, trailers: entry.trailers,
        times: entry.times, traits: entry.traits, cost: entry.cost, tags: tags)
    self.answer(
      flight, plan, with: answer(with: entry, became), leader: answer(with: leaderEntry, became), vary: storing.vary,
      key: entry.key, tags: tags)
  }

  /// Gives one answer to the request that the origin has answered, and to all who wait and could have `answer.entry` without
  /// validation. The others go to the origin themselves: it may have confirmed what this one user had.
  ///
  /// - Parameters:
  ///   - answer: The answer to those who have joined.
  ///   - leader: The answer to the request that the origin has answered, if that is another.
  ///   - vary: The fields in which the others must agree with that request (RFC 9111 §4.1).
  nonisolated func answer(
    _ flight: Flight, _ plan: FetchPlan, with answer: FlightResponse, leader leaderAnswer: FlightResponse? = nil,
    vary: VarySelection = .none, key: CacheKey, tags: CacheTags?
  ) {
    let leader = flight.leader
    var results = Flight.Results()
    let now = clock.now
    // A response that may not be stored is not for others either.
    let isRefused = if case .refused = answer.storing { true } else { false }
    if let entry = answer.entry, !isRefused {
      noteReuse(times: entry.times, traits: entry.traits, flight, plan, at: now)
    }
    let selection = RFC9111.selection(vary, in: plan.request.fields)
    for (id, other) in flight.waiting {
      if id != leader, isRefused || answer.entry.map({ !mayReuse($0, for: other, at: now) }) ?? true {
        results.append((id, .released(.needsValidation)))
      } else if id != leader, !vary.isEmpty, RFC9111.selection(vary, in: other.request.fields) != selection {
        results.append((id, .released(.needsValidation)))
      } else if mayShare(plan, with: other, key: key, tags: tags) {
        results.append((id, .response(id == leader ? leaderAnswer ?? answer : answer)))
      }
    }
    flight.answered(results, release: .over, replay: nil)
  }
}

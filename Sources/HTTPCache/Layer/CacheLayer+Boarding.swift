//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// How a request comes by an answer of the origin.
  enum Boarding {
    /// By a call of its own: the resource is known not to be cacheable.
    case pass
    /// A flight has its answer already.
    case answered(FlightResult)
    /// From the store: the answer to somebody else came between this request's lookup and now.
    case stored
    /// By waiting for a flight.
    case waiting(Flight, Flight.WaiterID, isLeader: Bool)
    /// By a flight that has begun with this request and is over already.
    case landed(FlightResult)
  }

  /// What a request's flight is found by: its key, the values that select among the variants as far as they are known, and
  /// the range it asks for.
  ///
  /// - Returns: The key; nil when it is that of the request.
  nonisolated func flightKey(_ plan: FetchPlan, index: VariantIndex?) -> CacheKey? {
    if index == nil, plan.stored == nil, plan.partial == nil,
      plan.request.fields.presence & (KnownHeader.authorization.bit | KnownHeader.range.bit) == 0
    {
      return nil
    }
    var key = (plan.stored ?? plan.partial)?.key ?? plan.key
    if let index, let selection = index.selections.first {
      key = index.key(of: selection, primary: plan.key, fields: plan.request.fields)
    }
    // Who authenticates does so for himself: his answer is usually for nobody else, and must not make the resource pass for
    // uncacheable, nor keep others waiting.
    plan.request.fields.forEachValue(of: KnownHeader.authorization) { credentials in
      key = key.variant("authorization\u{0}\(Bytes(copying: credentials))")
    }
    // A response whose lifetime is the policy's is not for a request that is one user's own, nor its answer for others.
    if plan.directives.isPersonal, let stored = plan.stored, stored.traits.contains(.policyLifetime) {
      plan.request.fields.forEachValue(of: KnownHeader.cookie) { cookies in
        key = key.variant("cookie\u{0}\(Bytes(copying: cookies))")
      }
    }
    // With a whole response to be validated, or to be fetched anew, the range is cut from it afterwards.
    guard plan.stored == nil, let range = plan.request.fields[.range] else { return key }
    return key.variant("range\u{0}\(range)\u{0}\(plan.request.fields[.ifRange] ?? "")")
  }

  /// Joins the flight for `key` (nil for that of the request), or begins it.
  ///
  /// - Parameter isAlone: Whether another's answer has turned out not to be for this request.
  /// - Throws: `CancellationError`, as ``Flight/wait(_:)`` does.
  nonisolated func board(_ plan: FetchPlan, _ key: CacheKey?, isAlone: Bool) throws -> Boarding {
    let now = clock.now
    var isAlone = isAlone
    switch unsharedReason(key, plan, at: now) {
    case .uncacheable?: return .pass
    case .needsValidation?: isAlone = true
    case nil: break
    }
    let softDeadline = plan.policy.policy.softTimeout.flatMap { softTimeout in
      mayServeUnvalidated(plan, at: now) ? now.advanced(by: softTimeout) : nil
    }
    let waitLimit = plan.policy.policy.waitLimit
    while !isAlone {
      let (found, landings) = if let key { flights.flight(for: key) } else { flights.flight(for: plan.key) }
      var hasEnded = false
      var neutral: FetchPlan?
      if let found {
        // What others are waiting for will not do.
        if plan.directives.demandValidation { break }
        switch found.join(plan, deadline: softDeadline, waitLimit: waitLimit, at: now) {
        case .waiting(let id):
          OriginCall.noteWait(for: found)
          return .waiting(found, id, isLeader: false)
        case .answered(let result):
          if case .response = result { OriginCall.noteWait(for: found) }
          return .answered(result)
        case .refused: hasEnded = true
        case .overdue:
          hasEnded = true
          neutral = plan.neutral()
        }
      }
      // A flight stores what it brings before it is forgotten: whoever missed both missed them in this order. What is in
      // memory is looked for again only if one has ended since.
      if hasEnded || memory == nil || plan.landings != flights.landings, isStored(since: plan, at: now) {
        return .stored
      }
      // A store that takes waiting is asked again only if there was a flight for the same.
      if memory == nil, let before = plan.landings,
        hasEnded || flights.hasLanded(key ?? plan.key, since: before)
      {
        return .stored
      }
      let flight = makeFlight(
        plan, key, isKept: plan.policy.policy.finishesAbandonedFlights, isForRequest: true,
        isNeutral: neutral != nil, deadline: softDeadline, now: now)
      guard flights.insert(flight, replacing: found, landings: landings) else {
        // Another was faster, or one has ended since and may have stored what is wanted.
        flight.close()
        continue
      }
      found?.replaced(waitLimit: waitLimit, at: now)
      return try begin(flight, neutral ?? plan)
    }
    let flight = makeFlight(
      plan, key, isKept: plan.policy.policy.finishesAbandonedFlights, isForRequest: true, isAlone: true,
      deadline: softDeadline, now: now)
    flights.add(flight)
    return try begin(flight, plan)
  }

  /// Begins `flight`, which calls the origin with the request of `plan`.
  private nonisolated func begin(_ flight: Flight, _ plan: FetchPlan) throws -> Boarding {
    if let result = try takeOff(flight, plan) { return .landed(result) }
    return .waiting(flight, Flight.leaderID, isLeader: true)
  }

  /// Whether something that will do has been stored since the plan's own lookup.
  private nonisolated func isStored(since plan: FetchPlan, at now: CacheInstant) -> Bool {
    guard case .found(let entry) = peek(plan.key, for: plan.request, at: now), entry !== plan.stored,
      entry !== plan.partial
    else {
      return false
    }
    switch RFC9111.verdict(
      times: entry.times, traits: entry.traits, directives: plan.directives, now: now, rules: plan.policy.rules)
    {
    case .validate: return false
    default: return !entry.traits.contains(.partial)
    }
  }

  /// Begins a refresh that no client waits for, unless one is under way.
  ///
  /// - Returns: The refresh, if this has begun it.
  @discardableResult
  nonisolated func refreshInBackground(_ plan: FetchPlan) -> Task<Void, Never>? {
    guard let stored = plan.stored, !isResting(stored, at: plan.startedAt),
      stored.refreshGate.claim(at: plan.startedAt)
    else { return nil }
    let plan = plan.withoutConditions(storing: stored)
    let key = stored.key
    while true {
      let (found, landings) = flights.flight(for: key)
      // A refresh is under way already, of a store whose lookups each make an entry with a gate of its own; or somebody who
      // could not be served stale is asking. The answer will do.
      let waitLimit = plan.policy.policy.waitLimit
      if let found, found.willAnswer(within: waitLimit, at: plan.startedAt) {
        // But it may have begun for an earlier copy of what is stored: this one's gate is not for it to open again.
        stored.refreshGate.failed(
          retryAt: clock.now.advanced(by: min(.seconds(1), plan.policy.policy.retryInterval)))
        return nil
      }
      let flight = makeFlight(plan, key, isKept: true, isRefresh: true, now: plan.startedAt)
      guard flights.insert(flight, replacing: found, landings: landings) else { continue }
      found?.replaced(waitLimit: waitLimit, at: plan.startedAt)
      report(.refreshStarted, key: plan.key)
      return takeOffElsewhere(flight, plan)
    }
  }

  private nonisolated func makeFlight(
    _ plan: FetchPlan, _ key: CacheKey?, isKept: Bool, isForRequest: Bool = false, isAlone: Bool = false,
    isRefresh: Bool = false, isNeutral: Bool = false, deadline: CacheInstant? = nil, now: CacheInstant
  ) -> Flight {
    // With something stale at hand there is no hurry: whoever may have it gets it instead of a second attempt.
    let attempts = mayServeOnError(plan, at: now) && !isNeutral ? 1 : 2
    let hardDeadline = plan.policy.policy.hardTimeout.map { now.advanced(by: $0) }
    return Flight(
      key: key, for: plan, isRefresh: isRefresh, isAlone: isAlone, isStamped: plan.stamp != nil,
      scope: TagScope(isAmbient: plan.policy.policy.tags.ambience != .none), clock: clock,
      machine: FlightStateMachine(
        isKept: isKept, attempts: attempts, hardDeadline: hardDeadline, beganAt: now, isRefresh: isRefresh,
        slowCallLimit: plan.policy.policy.slowCallLimit,
        waitsForTurn: isShielded(plan.policy) || plan.policy.policy.originLease != nil),
      leader: isForRequest, deadline: deadline, neutralCallAt: isNeutral ? now : nil)
  }

  /// Calls the origin in a task of its own, so that the client's cancellation does not reach it.
  ///
  /// The task begins on the caller's thread: an origin that does not wait has answered before anybody waits for it. Not so
  /// when the caller may have to turn to something else in time.
  ///
  /// - Returns: The leader's result, if it is there.
  private nonisolated func takeOff(_ flight: Flight, _ plan: FetchPlan) throws -> FlightResult? {
    // Whatever the handler calls, and the body while it is read, finds the scope of this response: the task is made in it.
    guard plan.policy.policy.softTimeout == nil, plan.policy.policy.hardTimeout == nil else {
      takeOffElsewhere(flight, plan)
      return nil
    }
    guard #available(macOS 26, iOS 26, tvOS 26, watchOS 26, visionOS 26, *) else {
      // Earlier systems cannot begin a task on this thread: the leader waits like a follower.
      takeOffElsewhere(flight, plan)
      return nil
    }
    return try flight.startedAtOnce(flight.scope.enter { Task.immediate { await self.fly(flight, plan) } })
  }

  /// The same in a task that begins on another thread.
  @discardableResult
  private nonisolated func takeOffElsewhere(_ flight: Flight, _ plan: FetchPlan) -> Task<Void, Never> {
    // A refresh is for nobody in particular: it takes over nothing that the client's task carries.
    let task =
      flight.isRefresh
      ? Task.detached { await flight.scope.bind { await self.fly(flight, plan) } }
      : flight.scope.enter { Task { @concurrent in await self.fly(flight, plan) } }
    flight.started(task)
    return task
  }

  nonisolated func rememberUncacheable(_ key: CacheKey, for duration: Duration) {
    guard duration > .zero else { return }
    let now = clock.now
    unshared.remember(key, as: .uncacheable, until: now.advanced(by: duration), at: now)
  }

  /// Whether `entry` could be given to the request of `plan` if that looked for it now.
  nonisolated func mayReuse(_ entry: CacheEntry, for plan: FetchPlan, at now: CacheInstant) -> Bool {
    RFC9111.mayReuse(
      times: entry.times, traits: entry.traits, directives: plan.directives, now: now, rules: plan.policy.rules)
  }

  /// Remembers a resource whose response is for nobody but the request that caused it, so that its requests do not wait for
  /// each other; and forgets it when that is over.
  ///
  /// A client that demands a response of its own says nothing about what others get.
  @inline(__always)
  nonisolated func noteReuse(
    times: EntryTimes, traits: EntryTraits, _ flight: Flight, _ plan: FetchPlan, at now: CacheInstant
  ) {
    if RFC9111.mayReuse(times: times, traits: traits, directives: .none, now: now, rules: plan.policy.rules) {
      if flight.isAlone { forgetUnshared(flight, plan) }
    } else if plan.directives.areNone {
      rememberNeedsValidation(flight, plan, at: now)
    }
  }

  @inline(never)
  private nonisolated func rememberNeedsValidation(_ flight: Flight, _ plan: FetchPlan, at now: CacheInstant) {
    let duration = plan.policy.policy.uncacheableTimeToLive
    guard duration > .zero else { return }
    unshared.remember(
      Self.uncacheableKey(flight.key, of: plan.request), as: .needsValidation, until: now.advanced(by: duration),
      at: now)
  }

  @inline(never)
  private nonisolated func forgetUnshared(_ flight: Flight, _ plan: FetchPlan) {
    guard !unshared.isEmpty else { return }
    unshared.forget(flight.key)
    unshared.forget(Self.uncacheableKey(flight.key, of: plan.request))
  }

  /// Why requests like that of `plan` do not wait for each other, if they do not.
  @inline(__always)
  nonisolated func unsharedReason(
    _ key: CacheKey?, _ plan: FetchPlan, at now: CacheInstant
  ) -> UnsharedKeys.Reason? {
    guard !unshared.isEmpty else { return nil }
    if let reason = unshared.reason(for: key?.digest ?? plan.key.digest, at: now) { return reason }
    guard plan.request.fields.contains(KnownHeader.cookie) else { return nil }
    return unshared.reason(for: Self.uncacheableKey(key ?? plan.key, of: plan.request).digest, at: now)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The origin's side of a flight.
extension Flight {
  /// Outcomes, and whose they are.
  typealias Outcomes = SmallList<(id: WaiterID, outcome: FlightOutcome)>

  // MARK: The call

  /// Remembers the task that calls the origin, so that it can be cancelled. The task may have ended already: then the leader's
  /// outcome is there.
  ///
  /// - Returns: The leader's outcome.
  func started(_ task: Task<Void, Never>) -> FlightOutcome? {
    let (outcome, isCancelled) = state.withLock { state in
      state.origin = task
      return (state.collect(Self.leaderID), state.isCancelled)
    }
    if isCancelled { task.cancel() }
    return outcome
  }

  /// The origin is asked, after the flight has waited for its turn.
  func originAsked(at now: CacheInstant) {
    state.withLock { $0.machine.originAsked(at: now) }
    watch()
  }

  /// Passes an informational response to the client whose request the origin is answering, if it waits and wants to know.
  /// To nobody else: whether the final response is for others too is not known yet (RFC 9110 §15.2, RFC 8297 §2).
  func inform(_ informational: InformationalResponse) {
    let plan = state.withLock { state in state.machine.leader.flatMap { state.machine.waiter($0)?.context.plan } }
    plan?.request.onInformational?(informational)
  }

  /// Cancels the call to the origin.
  func cancelOrigin() {
    state.withLock { state in
      state.machine.close()
      state.isCancelled = true
      return state.origin
    }?.cancel()
  }

  /// The last reader of the body has gone before its end.
  func bodyAbandoned() {
    if !isWanted { cancelOrigin() }
  }

  // MARK: Without an answer

  /// The origin failed.
  ///
  /// - Parameter outcome: What a request gets if no other call is made.
  /// - Returns: The plan of the next call, when there is to be one; otherwise everybody has been given `outcome`. Its request
  ///   is a neutral one, if that is possible: those who wait get no failure that one client has caused, and nor does a client
  ///   that causes failures decide who else waits for what.
  func originFailed(mayRetry: Bool = true, _ outcome: (_ isLeader: Bool) -> FlightOutcome) -> FetchPlan? {
    let (next, resumptions) = state.withLock { state -> (FetchPlan?, Resumptions) in
      let leader = state.machine.leader
      var resumptions = Resumptions()
      switch state.machine.originFailed(mayRetry: mayRetry) {
      case .fail(let waiters):
        for waiter in waiters { state.settle(waiter, outcome(waiter.id == leader), &resumptions) }
        return (nil, resumptions)
      case .retry(let successor):
        state.machine.originAsked(at: clock.now)
        let plan = successor.context.plan
        guard !state.beginsNeutrally, let neutral = plan.neutral() else { return (plan, resumptions) }
        if let leader { state.failure = (leader, outcome(true)) }
        state.machine.callsForAll()
        return (neutral, resumptions)
      }
    }
    Self.resume(resumptions)
    watch()
    return next
  }

  /// The request of a client that is sent because the answer to the neutral one, with which this flight has begun, is for
  /// nobody; nil when that was no such call, or nobody waits.
  func retryAfterNeutralCall() -> FetchPlan? {
    let plan = state.withLock { state -> FetchPlan? in
      guard state.beginsNeutrally, state.machine.leader == nil, let waiter = state.machine.retry() else { return nil }
      state.machine.originAsked(at: clock.now)
      return waiter.context.plan
    }
    watch()
    return plan
  }

  /// Releases some of those who wait, because of what another flight for the same has brought. The call is given up when
  /// nobody is left.
  func release(_ outcomes: Outcomes) {
    for (id, outcome) in outcomes {
      let (origin, resumptions) = state.withLock { state -> (Task<Void, Never>?, Resumptions) in
        var resumptions = Resumptions()
        guard state.machine.isCalling else { return (nil, resumptions) }
        let (waiter, cancelsOrigin) = state.machine.leave(id)
        if cancelsOrigin { state.isCancelled = true }
        if let waiter { state.settle(waiter, outcome, &resumptions) }
        return (cancelsOrigin ? state.origin : nil, resumptions)
      }
      origin?.cancel()
      Self.resume(resumptions)
    }
  }

  // MARK: With an answer

  /// The origin answered.
  ///
  /// - Parameters:
  ///   - outcomes: Who gets what, in the order of their numbers.
  ///   - rest: What everybody else who waits gets.
  ///   - replay: Makes the outcomes of those who join later; nil when nobody may.
  ///   - body: The body that those read, if it is a stream.
  func answered(_ outcomes: Outcomes, rest: FlightOutcome, replay: Replay? = nil, body: BodyLog? = nil) {
    Self.resume(
      state.withLock { state in
        var resumptions = Resumptions()
        state.replay = replay
        state.body = body
        state.machine.answered(isShared: replay != nil).forEach { waiter in
          var outcome = rest
          if let position = outcomes.position(of: waiter.id, by: { $0.id }) { outcome = outcomes[position].outcome }
          if let failure = state.failure, failure.id == waiter.id {
            // The client whose call has failed makes no second one.
            switch outcome {
            case .needsValidation, .uncacheable: outcome = failure.outcome
            default: break
            }
          }
          state.settle(waiter, outcome, &resumptions)
        }
        return resumptions
      })
  }

  /// Stores with `body`, unless what is being fetched was invalidated. An invalidation waits until it has run: it cannot
  /// come between the check and what depends on it.
  func unlessInvalidated(_ body: () -> CacheStoreResult) -> CacheStoreResult? {
    state.withLock { state in
      if state.isInvalidated { return nil }
      let result = body()
      if result == .stored { state.hasStored = true }
      return result
    }
  }

  /// The result of ``storeForLeader(_:outcome:)``.
  struct StoreResult {
    let stored: CacheStoreResult
    /// Whether the flight is over; if not, others have joined, or the leader has gone, and nobody has an answer yet.
    let isOver: Bool
    /// The leader's task, if it waits already.
    fileprivate var continuation: Continuation?
    fileprivate var outcome: FlightOutcome?

    /// Hands the leader its outcome, if it waits already.
    func resumeLeader() {
      if let continuation, let outcome { continuation.resume(returning: outcome) }
    }
  }

  /// Stores an answer that is all there, and if only the leader waits for it ends the flight with it, all at once.
  ///
  /// - Parameter outcome: What the leader gets, by what has become of the storing.
  /// - Returns: Nil when nothing has been stored, as in ``unlessInvalidated(_:)``, or nobody wants the answer any more.
  func storeForLeader(
    _ store: () -> CacheStoreResult, outcome: (CacheStoreResult) -> FlightOutcome
  ) -> StoreResult? {
    state.withLock { state in
      guard !state.isInvalidated, state.machine.isCalling else { return nil }
      let stored = store()
      if stored == .stored { state.hasStored = true }
      guard let leader = state.machine.answeredSoleLeader() else { return StoreResult(stored: stored, isOver: false) }
      // Without an alarm there is nothing left for `close`.
      if state.alarm.moment == nil { noteOver() }
      let outcome = outcome(stored)
      guard let continuation = leader.continuation else {
        state.uncollected.append((Self.leaderID, outcome))
        return StoreResult(stored: stored, isOver: true)
      }
      return StoreResult(stored: stored, isOver: true, continuation: continuation, outcome: outcome)
    }
  }

  /// The flight is over: nobody may join any more, and whoever still waits is released.
  func close() {
    if isOver { return }
    Self.resume(
      state.withLock { state in
        var resumptions = Resumptions()
        for waiter in state.machine.answered(isShared: false) { state.settle(waiter, .ended, &resumptions) }
        state.machine.close()
        state.replay = nil
        state.body = nil
        state.successor = nil
        state.alarm.cancel()
        return resumptions
      })
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// One call to the origin, and everybody who waits for it. Performs what ``FlightStateMachine`` decides.
final class Flight: Sendable {
  /// The number of a request that waits, in the order of their coming.
  typealias WaiterID = Int

  /// What can be given to those who join after the answer is there.
  typealias Replay = @Sendable (FetchPlan) -> FlightOutcome

  typealias Continuation = UnsafeContinuation<FlightOutcome, Never>

  /// The tasks that are to be resumed, each with its outcome.
  typealias Resumptions = SmallList<(continuation: Continuation, outcome: FlightOutcome)>

  /// A request that waits.
  struct Member {
    let plan: FetchPlan
    /// Nil until its task waits.
    var continuation: Continuation?
  }

  typealias Machine = FlightStateMachine<Member>

  /// The state behind the flight's lock.
  struct State {
    var machine: Machine
    /// The outcomes of requests whose tasks have yet to wait for them.
    var uncollected = SmallList<(id: WaiterID, outcome: FlightOutcome)>()
    var replay: Replay?
    /// The body that those who join later read, if it is a stream.
    var body: BodyLog?
    var origin: Task<Void, Never>?
    var alarm = DeadlineAlarm()
    /// Something has been stored.
    var hasStored = false
    /// The outcome of the client whose call has failed, if it gets no other.
    var failure: (id: WaiterID, outcome: FlightOutcome)?
    /// The flight that is found in its place.
    var successor: Flight?
    /// Whether the first call is made with a neutral request, and the second, if that fails, with a client's own.
    var beginsNeutrally = false
    /// Nobody wants the origin's answer any more.
    var isCancelled = false
    /// The keys of this flight have been invalidated since it began.
    var isInvalidated = false

    /// Tells the state machine how long the body has been silent. To be called before that decides by it.
    mutating func noteSilence() {
      if let body { machine.bodyIsSilent(since: body.silentSince) }
    }

    /// Gives a waiter that the state machine has let go its outcome.
    ///
    /// - Parameter resumptions: Takes what is to be resumed outside the lock.
    mutating func settle(_ waiter: Machine.Waiter, _ outcome: FlightOutcome, _ resumptions: inout Resumptions) {
      if let continuation = waiter.context.continuation {
        resumptions.append((continuation, outcome))
      } else {
        uncollected.append((waiter.id, outcome))
      }
    }

    /// The outcome of `id`, if it is there.
    mutating func collect(_ id: WaiterID) -> FlightOutcome? {
      if let only = uncollected.only {
        guard only.id == id else { return nil }
        _ = uncollected.removeAll()
        return only.outcome
      }
      return uncollected.firstIndex { $0.id == id }.map { uncollected.remove(at: $0).outcome }
    }
  }

  /// What the flight is found by.
  var key: CacheKey { ownKey ?? first.key }
  /// The digest of `key`.
  let digest: KeyDigest
  /// The key, when it is not that of the request; as a rule it is, and need not be held twice.
  private let ownKey: CacheKey?
  /// The request that it was begun for.
  private let first: FetchPlan
  /// What is being fetched, before `Vary`.
  var primary: CacheKey { first.key }
  /// Whether it was begun to refresh what is stored, for no client in particular.
  let isRefresh: Bool
  /// Whether it is for one request only: no other finds it.
  let isAlone: Bool
  /// What is said about the response.
  let scope: TagScope
  let clock: CacheClock
  let state: Locked<State>
  /// Whether another flight is found in its place.
  private let hasSuccessor = Atomic(false)
  /// Whether the call has failed in a way that its client may have caused.
  private let hasDoubt = Atomic(false)
  private let isClosed = Atomic(false)

  /// - Parameters:
  ///   - key: What it is found by; nil for the key of the request.
  ///   - isAlone: Whether no other request finds it.
  ///   - leader: Whether the request of `plan` waits for the answer. Its number is then ``leaderID``.
  ///   - deadline: Until when it waits.
  ///   - neutralCallAt: When the origin is called with a neutral request instead of that of `plan`, which then waits as long
  ///     as others do; nil when it is called with that of `plan`.
  init(
    key: CacheKey? = nil, for plan: FetchPlan, isRefresh: Bool = false, isAlone: Bool = false, scope: TagScope,
    clock: CacheClock, machine: consuming Machine, leader: Bool = false, deadline: CacheInstant? = nil,
    neutralCallAt: CacheInstant? = nil
  ) {
    self.ownKey = key
    self.digest = key?.digest ?? plan.key.digest
    self.first = plan
    self.isRefresh = isRefresh
    self.isAlone = isAlone
    self.scope = scope
    self.clock = clock
    // Filled where it stays: it need not be moved, and nobody else can have the lock.
    self.state = Locked(State(machine: machine))
    guard leader else { return }
    let isTimed = state.withLock { state in
      _ = state.machine.join(
        Member(plan: plan), deadline: deadline,
        waitLimit: neutralCallAt == nil ? nil : plan.policy.policy.waitLimit, at: neutralCallAt ?? .distantPast)
      if neutralCallAt != nil {
        state.machine.callsForAll()
        state.beginsNeutrally = true
      }
      return state.machine.nextDeadline != nil
    }
    if let outer = plan.outer { scope.forward(to: outer) }
    if isTimed { watch() }
  }

  /// The number of the request that a flight is begun for.
  static let leaderID: WaiterID = 1

  /// Whether its plan has a stamp: otherwise nobody can tell what has been invalidated since it began.
  var isStamped: Bool { first.stamp != nil }

  /// Whether the flight is found by `key`.
  func isFound(by key: CacheKey) -> Bool {
    !isAlone && (ownKey == nil ? first.key == key : ownKey == key) && !hasBeenReplaced
  }

  // MARK: Its successor

  /// `successor` is found in its place from now on. This one stays in the table until it ends, for invalidations.
  func giveWay(to successor: Flight) {
    state.withLock { $0.successor = successor }
    hasSuccessor.store(true, ordering: .releasing)
  }

  /// Whether another flight is found in its place.
  var hasBeenReplaced: Bool { hasSuccessor.load(ordering: .acquiring) }

  /// The flight that is found in its place.
  var successor: Flight? { hasBeenReplaced ? state.withLock { $0.successor } : nil }

  /// Another flight has taken the place of this one (``FlightStateMachine/replaced(waitLimit:at:)``).
  func replaced(waitLimit: Duration, at now: CacheInstant) {
    state.withLock { state in
      state.noteSilence()
      state.machine.replaced(waitLimit: waitLimit, at: now)
    }
    watch()
  }

  /// Whether an answer that may be stored is arriving or still expected, and the origin has not been silent for `waitLimit`.
  func willAnswer(within waitLimit: Duration, at now: CacheInstant) -> Bool {
    state.withLock { state in
      state.noteSilence()
      return !state.machine.isClosed && !state.machine.isTooOld(waitLimit, at: now)
    }
  }

  // MARK: Waiting

  enum JoinResult {
    /// The request waits.
    case waiting(WaiterID)
    /// There is an answer already.
    case settled(FlightOutcome)
    /// The flight takes nobody; because the call takes long, which may be due to its client's request, or for another reason.
    case refused(isOverdue: Bool)
  }

  /// Joins, to wait for the answer.
  ///
  /// - Parameters: As for ``FlightStateMachine/join(_:deadline:waitLimit:at:)``.
  func join(_ plan: FetchPlan, deadline: CacheInstant?, waitLimit: Duration, at now: CacheInstant) -> JoinResult {
    if let outer = plan.outer { scope.forward(to: outer) }
    let (action, replay) = state.withLock { state in
      state.noteSilence()
      let action = state.machine.join(Member(plan: plan), deadline: deadline, waitLimit: waitLimit, at: now)
      return (action, state.replay)
    }
    watch()
    switch action {
    case .wait(let id): return .waiting(id)
    case .overdue: return .refused(isOverdue: true)
    case .refuse: return .refused(isOverdue: false)
    case .attach:
      guard let outcome = replay?(plan) else { return .refused(isOverdue: false) }
      if case .ended = outcome { return .refused(isOverdue: false) }
      return .settled(outcome)
    }
  }

  /// Waits for the outcome for `id`.
  ///
  /// - Throws: `CancellationError` when the waiting task is cancelled; its place is then given up.
  func wait(_ id: WaiterID) async throws -> FlightOutcome {
    // An origin that does not wait has answered by now.
    if let outcome = state.withLock({ $0.collect(id) }) { return try Self.checked(outcome) }
    let outcome: FlightOutcome = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let ready = state.withLock { state -> FlightOutcome? in
          if let outcome = state.collect(id) { return outcome }
          let isWaiting = state.machine.update(id) { $0.continuation = continuation }
          return isWaiting ? nil : .failed(CancellationError())
        }
        if let ready { continuation.resume(returning: ready) }
        if ready == nil, Task.isCancelled { abandon(id) }
      }
    } onCancel: {
      abandon(id)
    }
    return try Self.checked(outcome)
  }

  static func checked(_ outcome: FlightOutcome) throws -> FlightOutcome {
    if case .failed(let error) = outcome, error is CancellationError { try Task.checkCancellation() }
    return outcome
  }

  private func abandon(_ id: WaiterID) {
    // An outcome that is there already is for the waiter to find.
    let (continuation, origin) = state.withLock { state in
      let (waiter, cancelsOrigin) = state.machine.leave(id)
      if cancelsOrigin { state.isCancelled = true }
      return (waiter?.context.continuation, cancelsOrigin ? state.origin : nil)
    }
    origin?.cancel()
    continuation?.resume(returning: .failed(CancellationError()))
  }

  /// The plans of those who wait, by number.
  var waiting: SmallList<(id: WaiterID, plan: FetchPlan)> {
    state.withLock { state in
      var waiting = SmallList<(id: WaiterID, plan: FetchPlan)>()
      state.machine.waiters.forEach { waiting.append(($0.id, $0.context.plan)) }
      return waiting
    }
  }

  /// The number of the request that the origin is answering; nil when it answers for nobody in particular.
  var leader: WaiterID? { state.withLock { $0.machine.leader } }

  // MARK: State

  var isCalling: Bool { state.withLock { $0.machine.isCalling } }

  /// Whether the answer is wanted although nobody waits for it.
  var isWanted: Bool { state.withLock { $0.machine.isWanted } }

  /// Whether everybody who wanted the origin's answer has left, so that the call was given up.
  var isAbandoned: Bool { state.withLock { $0.isCancelled && !$0.machine.hasTimedOut } }

  /// Whether something has been stored.
  var hasStored: Bool { state.withLock { $0.hasStored } }

  /// Notes that something has been stored; ``unlessInvalidated(_:)`` has noted it already.
  func noteStored() { state.withLock { $0.hasStored = true } }

  var isInvalidated: Bool { state.withLock { $0.isInvalidated } }

  /// Notes that what is being fetched was invalidated: it is delivered, but not stored, and nobody new may join.
  func invalidate() { state.withLock { $0.isInvalidated = true } }

  /// Whether the flight has been closed already, and nothing is left to be done about that.
  var isOver: Bool { isClosed.load(ordering: .acquiring) }

  /// Notes that nothing is left to be done about closing the flight.
  func noteOver() { isClosed.store(true, ordering: .releasing) }

  /// Whether another call is to find out how the origin is.
  var leavesDoubt: Bool { hasDoubt.load(ordering: .acquiring) }

  /// Notes that the call has failed in a way that its client may have caused.
  func leaveDoubt() { hasDoubt.store(true, ordering: .releasing) }

  // MARK: Deadlines

  /// Sees to it that the next deadline is noticed.
  func watch() {
    state.withLock { state in
      let deadline = state.machine.nextDeadline
      // Asked first: the closure is allocated.
      guard state.alarm.isLate(for: deadline) else { return }
      state.alarm.set(for: deadline, clock) { [weak self] in self?.deadlineReached($0) }
    }
  }

  private func deadlineReached(_ now: CacheInstant) {
    let (resumptions, origin) = state.withLock { state in
      let due = state.alarm.take(at: now)
      let expiry = state.machine.deadlineReached(due, isUnread: state.body?.isUnread ?? false)
      if expiry.cancelsOrigin { state.isCancelled = true }
      var resumptions = Resumptions()
      for waiter in expiry.timedOut { state.settle(waiter, .originTimeout, &resumptions) }
      for waiter in expiry.expired { state.settle(waiter, .expired, &resumptions) }
      for waiter in expiry.overdue { state.settle(waiter, .overdue, &resumptions) }
      return (resumptions, expiry.cancelsOrigin ? state.origin : nil)
    }
    origin?.cancel()
    Self.resume(resumptions)
    watch()
  }

  static func resume(_ resumptions: Resumptions) {
    resumptions.forEach { $0.continuation.resume(returning: $0.outcome) }
  }
}

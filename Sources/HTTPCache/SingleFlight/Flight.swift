//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// One call to the origin, and everybody who waits for it. Performs what ``FlightStateMachine`` decides.
final class Flight: Sendable {
  typealias WaiterID = FlightStateMachine.WaiterID

  /// What can be given to those who join after the answer is there.
  typealias Replay = @Sendable (FetchPlan) -> FlightResult

  /// Results, and whose they are.
  typealias Results = FewList<(id: WaiterID, result: FlightResult)>

  typealias Continuation = UnsafeContinuation<FlightResult, Never>

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
  /// Whether its plan has a stamp: otherwise nobody can tell what has been invalidated since it began.
  let isStamped: Bool
  private let clock: CacheClock
  private let guarded: Locked<Guarded>
  /// Whether another flight is found in its place.
  private let hasSuccessor = Atomic(false)
  /// Whether the call has failed in a way that its client may have caused.
  private let hasDoubt = Atomic(false)
  /// Whether it has been closed already, and nothing is left to be done about that.
  private let isOver = Atomic(false)

  /// - Parameters:
  ///   - key: What it is found by; nil for the key of the request.
  ///   - isAlone: Whether no other request finds it.
  ///   - leader: Whether the request of `plan` waits for the answer. Its number is then ``leaderID``.
  ///   - deadline: Until when it waits.
  ///   - neutralCallAt: When the origin is called with a neutral request instead of that of `plan`, which then waits as long
  ///     as others do; nil when it is called with that of `plan`.
  init(
    key: CacheKey? = nil, for plan: FetchPlan, isRefresh: Bool = false, isAlone: Bool = false, isStamped: Bool = true,
    scope: TagScope,
    clock: CacheClock, machine: FlightStateMachine, leader: Bool = false, deadline: CacheInstant? = nil,
    neutralCallAt: CacheInstant? = nil
  ) {
    self.ownKey = key
    self.digest = key?.digest ?? plan.key.digest
    self.first = plan
    self.isRefresh = isRefresh
    self.isAlone = isAlone
    self.isStamped = isStamped
    self.scope = scope
    self.clock = clock
    // Filled where it stays: it need not be moved, and nobody else can have the lock.
    self.guarded = Locked(Guarded(machine: machine))
    guard leader else { return }
    let isTimed = guarded.withLock { guarded in
      let waitLimit = neutralCallAt == nil ? nil : plan.policy.policy.waitLimit
      if case .wait(let id) = guarded.machine.join(
        deadline: deadline, waitLimit: waitLimit, at: neutralCallAt ?? .distantPast)
      {
        guarded.waiters.append(Waiter(id: id, plan: plan))
      }
      if neutralCallAt != nil {
        guarded.machine.callsForAll()
        guarded.beginsNeutrally = true
      }
      return guarded.machine.nextDeadline != nil
    }
    if let outer = plan.outer { scope.forward(to: outer) }
    if isTimed { watch() }
  }

  /// Whether the flight is found by `key`.
  func isFound(by key: CacheKey) -> Bool {
    !isAlone && (ownKey == nil ? first.key == key : ownKey == key) && !hasSuccessor.load(ordering: .acquiring)
  }

  /// `successor` is found in its place from now on. This one stays in the table until it ends, for invalidations.
  func giveWay(to successor: Flight) {
    guarded.withLock { $0.successor = successor }
    hasSuccessor.store(true, ordering: .releasing)
  }

  /// Whether another flight is found in its place.
  var hasBeenReplaced: Bool { hasSuccessor.load(ordering: .acquiring) }

  /// The flight that is found in its place.
  var successor: Flight? {
    hasSuccessor.load(ordering: .acquiring) ? guarded.withLock { $0.successor } : nil
  }

  /// The number of who joins first.
  static let leaderID: WaiterID = 1

  // MARK: Waiting

  enum Ticket {
    case waiting(WaiterID)
    case answered(FlightResult)
    case refused
    /// Refused, because the call takes long, which may be due to its client's request.
    case overdue
  }

  /// Joins, to wait for the answer.
  ///
  /// - Parameters: As for ``FlightStateMachine/join(deadline:waitLimit:at:)``.
  func join(_ plan: FetchPlan, deadline: CacheInstant?, waitLimit: Duration, at now: CacheInstant) -> Ticket {
    if let outer = plan.outer { scope.forward(to: outer) }
    let (ticket, replay) = guarded.withLock { guarded -> (Ticket, Replay?) in
      guarded.noteSilence()
      switch guarded.machine.join(deadline: deadline, waitLimit: waitLimit, at: now) {
      case .wait(let id):
        guarded.waiters.append(Waiter(id: id, plan: plan))
        return (.waiting(id), nil)
      case .attach: return (.refused, guarded.replay)
      case .refuse: return (.refused, nil)
      case .overdue: return (.overdue, nil)
      }
    }
    watch()
    guard let replay else { return ticket }
    let result = replay(plan)
    if case .released(.over) = result { return .refused }
    return .answered(result)
  }

  /// Waits for the result of `id`.
  ///
  /// - Throws: `CancellationError` when the waiting task is cancelled; its place is then given up.
  func wait(_ id: WaiterID) async throws -> FlightResult {
    // An origin that does not wait has answered by now.
    if let result = guarded.withLock({ Self.take(id, from: &$0) }) { return try Self.checked(result) }
    let result: FlightResult = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let ready = guarded.withLock { guarded -> FlightResult? in
          if let result = Self.take(id, from: &guarded) { return result }
          guard let position = guarded.position(of: id) else { return .failed(CancellationError()) }
          guarded.waiters[position].continuation = continuation
          return nil
        }
        if let ready { continuation.resume(returning: ready) }
        if ready == nil, Task.isCancelled { abandon(id) }
      }
    } onCancel: {
      abandon(id)
    }
    return try Self.checked(result)
  }

  private static func take(_ id: WaiterID, from guarded: inout Guarded) -> FlightResult? {
    if guarded.waiters.isOne {
      guard guarded.waiters.head?.id == id, let result = guarded.waiters.head?.result else { return nil }
      guarded.waiters.removeAll()
      return result
    }
    guard let position = guarded.position(of: id), let result = guarded.waiters[position].result else { return nil }
    guarded.waiters.remove(at: position)
    return result
  }

  private static func checked(_ result: FlightResult) throws -> FlightResult {
    if case .failed(let error) = result, error is CancellationError { try Task.checkCancellation() }
    return result
  }

  private func abandon(_ id: WaiterID) {
    let (continuation, origin) = guarded.withLock { guarded -> (Continuation?, Task<Void, Never>?) in
      let action = guarded.machine.leave(id, keepsFlight: false)
      if action == .cancelOrigin { guarded.isCancelled = true }
      let origin = action == .cancelOrigin ? guarded.origin : nil
      // A result that is there already is for it to find.
      guard let position = guarded.position(of: id), guarded.waiters[position].result == nil else {
        return (nil, origin)
      }
      return (guarded.waiters.remove(at: position).continuation, origin)
    }
    origin?.cancel()
    continuation?.resume(returning: .failed(CancellationError()))
  }

  // MARK: The origin's side

  /// Remembers the task that calls the origin, so that it can be cancelled.
  func started(_ task: Task<Void, Never>) {
    let isCancelled = guarded.withLock { guarded in
      guarded.origin = task
      return guarded.isCancelled
    }
    if isCancelled { task.cancel() }
  }

  /// The same for a task that has begun its work, and may have ended it: then the leader's result is there.
  ///
  /// - Throws: As ``wait(_:)``.
  func startedAtOnce(_ task: Task<Void, Never>) throws -> FlightResult? {
    let (result, isCancelled) = guarded.withLock { guarded in
      guarded.origin = task
      return (Self.take(Self.leaderID, from: &guarded), guarded.isCancelled)
    }
    if isCancelled { task.cancel() }
    return try result.map(Self.checked)
  }

  /// The origin is asked, after the flight has waited for its turn.
  func originAsked(at now: CacheInstant) {
    guarded.withLock { $0.machine.originAsked(at: now) }
    watch()
  }

  /// Releases some of those who wait, because of what another flight for the same has brought. The call is given up when
  /// nobody is left.
  func release(_ releases: FewList<(id: WaiterID, release: FlightResult.Release)>) {
    for (id, release) in releases {
      let (origin, continuation) = guarded.withLock { guarded -> (Task<Void, Never>?, Continuation?) in
        guard guarded.machine.isCalling else { return (nil, nil) }
        let isLast = guarded.machine.leave(id, keepsFlight: false) == .cancelOrigin
        if isLast { guarded.isCancelled = true }
        return (isLast ? guarded.origin : nil, guarded.settle(id, .released(release)))
      }
      origin?.cancel()
      continuation?.resume(returning: .released(release))
    }
  }

  /// The request of a client that is sent because the answer to the neutral one, with which this flight has begun, is for
  /// nobody; nil when that was no such call, or nobody waits.
  func retryAfterNeutralCall() -> FetchPlan? {
    let plan = guarded.withLock { guarded -> FetchPlan? in
      guard guarded.beginsNeutrally, guarded.machine.leader == nil, let id = guarded.machine.retry() else { return nil }
      guarded.machine.originAsked(at: clock.now)
      return guarded.position(of: id).flatMap { guarded.waiters[$0].plan }
    }
    watch()
    return plan
  }

  var isCalling: Bool { guarded.withLock { $0.machine.isCalling } }
  var isInvalidated: Bool { guarded.withLock { $0.isInvalidated } }

  /// What is being fetched was invalidated: it is delivered, but not stored, and nobody new may join.
  func invalidate() {
    guarded.withLock { $0.isInvalidated = true }
  }

  /// Something has been stored; ``unlessInvalidated(_:)`` has noted it already.
  func noteStored() { guarded.withLock { $0.hasStored = true } }
  var hasStored: Bool { guarded.withLock { $0.hasStored } }

  /// Whether the answer is wanted although nobody waits for it.
  var isWanted: Bool { guarded.withLock { $0.machine.isWanted } }

  /// Whether an answer that may be stored is arriving or still expected, and the origin has not been silent for `waitLimit`.
  func willAnswer(within waitLimit: Duration, at now: CacheInstant) -> Bool {
    guarded.withLock { guarded in
      guarded.noteSilence()
      return !guarded.machine.isClosed && !guarded.machine.isTooOld(waitLimit, at: now)
    }
  }

  /// Another flight has taken the place of this one (``FlightStateMachine/replaced(waitLimit:at:)``).
  func replaced(waitLimit: Duration, at now: CacheInstant) {
    guarded.withLock { guarded in
      guarded.noteSilence()
      guarded.machine.replaced(waitLimit: waitLimit, at: now)
    }
    watch()
  }

  /// Stores with `body`, unless what is being fetched was invalidated. An invalidation waits until it has run: it cannot
  /// come between the check and what depends on it.
  func unlessInvalidated(_ body: () -> CacheStoreResult) -> CacheStoreResult? {
    guarded.withLock { guarded in
      if guarded.isInvalidated { return nil }
      let result = body()
      if result == .stored { guarded.hasStored = true }
      return result
    }
  }

  /// Whether everybody who wanted the origin's answer has left, so that the call was given up.
  var isAbandoned: Bool { guarded.withLock { $0.isCancelled && !$0.machine.hasTimedOut } }

  /// Notes that the call has failed in a way that its client may have caused.
  func leaveDoubt() { hasDoubt.store(true, ordering: .releasing) }
  /// Whether another call is to find out how the origin is.
  var leavesDoubt: Bool { hasDoubt.load(ordering: .acquiring) }

  /// The last reader of the body has gone before its end.
  func bodyAbandoned() {
    if !isWanted { cancelOrigin() }
  }

  /// The plans of those who wait, by number.
  var waiting: FewList<(id: WaiterID, plan: FetchPlan)> {
    guarded.withLock { guarded in
      var waiting = FewList<(id: WaiterID, plan: FetchPlan)>()
      for waiter in guarded.waiters {
        if let plan = waiter.plan { waiting.append((waiter.id, plan)) }
      }
      return waiting
    }
  }

  var leader: WaiterID? { guarded.withLock { $0.machine.leader } }

  /// The origin failed.
  ///
  /// - Returns: The plan of the next call, when there is to be one; otherwise everybody has been given `result`. Its request
  ///   is a neutral one, if that is possible: those who wait get no failure that one client has caused, and nor does a client
  ///   that causes failures decide who else waits for what.
  func originFailed(
    mayRetry: Bool = true, _ result: (_ id: WaiterID, _ isLeader: Bool) -> FlightResult
  ) -> FetchPlan? {
    let failed = leader
    let (successor, ids, leader, beginsNeutrally) = guarded.withLock {
      guarded -> (FetchPlan?, [WaiterID], WaiterID?, Bool) in
      let leader = guarded.machine.leader
      switch guarded.machine.originFailed(mayRetry: mayRetry) {
      case .retry(let id):
        guarded.machine.originAsked(at: clock.now)
        return (guarded.position(of: id).flatMap { guarded.waiters[$0].plan }, [], nil, guarded.beginsNeutrally)
      case .fail(let ids): return (nil, ids, leader, false)
      }
    }
    for id in ids { deliver(result(id, id == leader), to: id) }
    guard let successor, !beginsNeutrally, let neutral = successor.neutral() else {
      watch()
      return successor
    }
    guarded.withLock { guarded in
      if let failed { guarded.failure = (failed, result(failed, false)) }
      guarded.machine.callsForAll()
    }
    return neutral
  }

  /// The origin answered.
  ///
  /// - Parameters:
  ///   - results: Who gets what, in the order of their numbers. Everybody else who waits gets `release`.
  ///   - replay: Makes the results of those who join later; nil when nobody may.
  ///   - body: The body that those read, if it is a stream.
  func answered(_ results: Results, release: FlightResult.Release, replay: Replay?, body: BodyLog? = nil) {
    let resumptions = guarded.withLock { guarded in
      var resumptions = FewList<(Continuation, FlightResult)>()
      var released = FewList<WaiterID>()
      guarded.replay = replay
      guarded.body = body
      guarded.machine.answered(
        isShared: replay != nil, isFor: { id in results.position(of: id, by: \.id) != nil },
        release: { released.append($0) })
      for (id, result) in results {
        let result = guarded.final(result, for: id)
        if let continuation = guarded.settle(id, result) { resumptions.append((continuation, result)) }
      }
      for id in released {
        let result = guarded.final(.released(release), for: id)
        if let continuation = guarded.settle(id, result) { resumptions.append((continuation, result)) }
      }
      return resumptions
    }
    for (continuation, result) in resumptions { continuation.resume(returning: result) }
  }

  /// What has come of ``land(storing:answer:)``.
  struct Landing {
    let stored: CacheStoreResult
    /// Whether the flight is over; if not, others have joined, or the leader has gone, and nobody has an answer yet.
    let isOver: Bool
    fileprivate let continuation: Continuation?
    fileprivate let result: FlightResult?

    /// Hands the leader its answer, if it waits already.
    func resumeLeader() {
      if let continuation, let result { continuation.resume(returning: result) }
    }
  }

  /// Stores an answer that is all there, and if only the leader waits for it ends the flight with it, all at once.
  ///
  /// - Parameter answer: What the leader gets, by what has become of the storing.
  /// - Returns: Nil when nothing has been stored, as in ``unlessInvalidated(_:)``, or nobody wants the answer any more.
  func land(storing store: () -> CacheStoreResult, answer: (CacheStoreResult) -> FlightResult) -> Landing? {
    guarded.withLock { guarded in
      guard !guarded.isInvalidated, guarded.machine.isCalling else { return nil }
      let stored = store()
      if stored == .stored { guarded.hasStored = true }
      guard guarded.waiters.isOne, guarded.machine.leader == Self.leaderID,
        guarded.waiters.head?.id == Self.leaderID, guarded.waiters.head?.plan != nil
      else { return Landing(stored: stored, isOver: false, continuation: nil, result: nil) }
      let result = answer(stored)
      guarded.machine.answeredAll()
      // Without an alarm there is nothing left for `close`.
      if guarded.alarm.moment == nil { isOver.store(true, ordering: .releasing) }
      if let continuation = guarded.waiters.head?.continuation {
        guarded.waiters.removeAll()
        return Landing(stored: stored, isOver: true, continuation: continuation, result: result)
      }
      guarded.waiters.head?.plan = nil
      guarded.waiters.head?.result = result
      return Landing(stored: stored, isOver: true, continuation: nil, result: nil)
    }
  }

  /// The flight is over: nobody may join any more, and whoever still waits is released.
  func close() {
    if isOver.load(ordering: .acquiring) { return }
    let rest = guarded.withLock { guarded in
      let rest = guarded.machine.isCalling ? guarded.machine.answered(for: [], isShared: false) : []
      guarded.machine.close()
      guarded.replay = nil
      guarded.body = nil
      guarded.successor = nil
      guarded.alarm.cancel()
      return rest
    }
    for id in rest { deliver(.released(.over), to: id) }
  }

  /// Cancels the call to the origin.
  func cancelOrigin() {
    guarded.withLock { guarded in
      guarded.machine.close()
      guarded.isCancelled = true
      return guarded.origin
    }?.cancel()
  }

  /// Passes an informational response to the client whose request the origin is answering, if it waits and wants to know.
  /// To nobody else: whether the final response is for others too is not known yet (RFC 9110 §15.2, RFC 8297 §2).
  func inform(_ informational: InformationalResponse) {
    let plan = guarded.withLock { guarded in
      guarded.machine.leader.flatMap { guarded.position(of: $0) }.flatMap { guarded.waiters[$0].plan }
    }
    plan?.request.onInformational?(informational)
  }

  private func deliver(_ result: FlightResult, to id: WaiterID) {
    guarded.withLock { $0.settle(id, result) }?.resume(returning: result)
  }

  // MARK: Deadlines

  /// Sees to it that the next deadline is noticed.
  private func watch() {
    guarded.withLock { guarded in
      let deadline = guarded.machine.nextDeadline
      // Asked first: the closure is allocated.
      guard guarded.alarm.isLate(for: deadline) else { return }
      guarded.alarm.set(for: deadline, clock) { [weak self] in self?.deadlineReached($0) }
    }
  }

  private func deadlineReached(_ now: CacheInstant) {
    let (expiry, origin) = guarded.withLock { guarded in
      let due = guarded.alarm.take(at: now)
      let expiry = guarded.machine.deadlineReached(due, isUnread: guarded.body?.isUnread ?? false)
      if expiry.cancelsOrigin { guarded.isCancelled = true }
      return (expiry, expiry.cancelsOrigin ? guarded.origin : nil)
    }
    origin?.cancel()
    for id in expiry.timedOut { deliver(.originTimeout, to: id) }
    for id in expiry.expired { deliver(.expired, to: id) }
    for id in expiry.overdue { deliver(.released(.overdue), to: id) }
    watch()
  }
}

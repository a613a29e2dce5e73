//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One call to the origin and those who wait for it. Pure: events in, actions out; ``Flight`` performs them.
///
///     calling ──answer──▶ answered      waiters get the response, or are released if it is not for them
///        │ ▲
///        │ └─retry────────┐             another waiter's request is sent: the successor
///        ├──failure───────┤
///        │                └──▶ closed   no successor left: waiters get the failure
///        ├──deadline────────▶ closed   the hard timeout
///        ├──slow call───────┐
///        │ ◀────────────────┘          the followers are released, to a call that is nobody's
///        └──last one leaves─▶ closed   nobody waits any more: the origin's call is cancelled
///
/// Nobody waits for others for longer than a limit that is counted from the beginning of the call. A call that is older takes
/// nobody new: another flight takes its place, and it is given as long again to end while nobody waits for it. A body of which
/// nothing has come for as long is treated alike. A call with one client's request, which that may have made slow, is waited
/// for by others for a shorter time, counted from when the origin was asked.
struct FlightStateMachine {
  typealias WaiterID = Int

  private enum Phase {
    case calling
    case answered
    case closed
  }

  private struct Waiter {
    let id: WaiterID
    var deadline: CacheInstant?
    /// How much longer the answer is wanted once the deadline has passed in vain; nil: it was no waiting in vain, there is
    /// something else, and the answer is wanted whenever it comes.
    var grace: Duration?
  }

  enum JoinAction: Equatable {
    case wait(WaiterID)
    /// The response is there already.
    case attach
    /// The flight is over or will not help; another one is needed.
    case refuse
    /// The call takes long, which may be due to its client's request; another one is needed.
    case overdue
  }

  enum LeaveAction: Equatable {
    case none
    /// Nobody waits any more.
    case cancelOrigin
  }

  enum FailureAction: Equatable {
    /// The origin is called once more, for this waiter.
    case retry(WaiterID)
    /// These get the failure.
    case fail([WaiterID])
  }

  struct Expiry: Equatable {
    /// The origin has had its time: these get a timeout, and the call is cancelled.
    var timedOut: [WaiterID] = []
    var cancelsOrigin = false
    /// These have waited as long as they would.
    var expired: [WaiterID] = []
    /// Waiters that have waited for another client's call as long as they should.
    var overdue: [WaiterID] = []
  }

  private var phase = Phase.calling
  /// In the order in which they have come.
  private var waiters = FewList<Waiter>()
  private var nextID = 0
  private var attemptsLeft: Int
  /// The waiter whose request the origin is answering; nil for a refresh: that is made of a request that has been answered,
  /// and whoever joins it gets only what everybody may have.
  private(set) var leader: WaiterID?
  /// Whether the call is finished although nobody waits.
  private(set) var isKept: Bool
  /// Until when the call goes on although nobody waits and it is not kept.
  private var grantedUntil: CacheInstant?
  private let beganAt: CacheInstant
  /// Since when the head, or the next part of the body, is waited for; nil when nothing more is to come.
  private var silentSince: CacheInstant?
  /// Whether the policy wants every call to be finished.
  private let isAlwaysKept: Bool
  private let hardDeadline: CacheInstant?
  private let isRefresh: Bool
  /// How long others wait for a call that is made with one client's request; nil: no less than for any other.
  private let slowCallLimit: Duration?
  /// When the origin was asked; nil while the flight waits for its turn.
  private var askedAt: CacheInstant?
  /// Whether somebody has waited for the whole wait limit, or for the whole limit of a slow call. Clocks that are read
  /// differently need not agree on that afterwards.
  private var wasTooOld = false
  private var wasOverdue = false
  /// Whether the origin has not answered in the time that it had.
  private(set) var hasTimedOut = false

  /// - Parameters:
  ///   - isKept: Whether the call is finished even when nobody waits (any longer).
  ///   - attempts: How often the origin is called at most, 1 or more.
  ///   - hardDeadline: When the origin must have answered.
  ///   - beganAt: When the flight begins.
  ///   - isRefresh: Whether the origin is asked in nobody's name: not even the first to join is the one it answers.
  ///   - slowCallLimit: How long others wait for a call with the leader's request (``CachePolicy/slowCallLimit``).
  ///   - waitsForTurn: Whether the origin is asked later (``originAsked(at:)``).
  init(
    isKept: Bool, attempts: Int, hardDeadline: CacheInstant?, beganAt: CacheInstant = .distantPast,
    isRefresh: Bool = false, slowCallLimit: Duration? = nil, waitsForTurn: Bool = false
  ) {
    self.isRefresh = isRefresh
    self.slowCallLimit = slowCallLimit
    self.askedAt = waitsForTurn ? nil : beganAt
    self.beganAt = beganAt
    self.silentSince = beganAt
    self.isAlwaysKept = isKept && !isRefresh
    self.isKept = isKept
    self.attemptsLeft = attempts - 1
    self.hardDeadline = hardDeadline
  }

  var isCalling: Bool { phase == .calling }
  var isClosed: Bool { phase == .closed }
  var waiterCount: Int { waiters.count }
  /// Whether the answer is to be stored although nobody waits for it, or reads it.
  var isWanted: Bool { !isClosed && (isKept || grantedUntil != nil) }

  /// When others stop waiting for the call of one client's request; nil when there is no such limit, or not yet.
  private var overdueAt: CacheInstant? {
    guard isCalling, leader != nil, let slowCallLimit else { return nil }
    return askedAt?.advanced(by: slowCallLimit)
  }

  /// Whether others should not wait for the call, because one client's request may have made it slow.
  func isOverdue(at now: CacheInstant) -> Bool { overdueAt.map { wasOverdue || $0 <= now } ?? false }

  /// The origin is asked now: the flight has had its turn, or the call before has failed.
  mutating func originAsked(at now: CacheInstant) {
    askedAt = now
    wasOverdue = false
  }

  /// Whether nobody new may wait any more: for the call, or for the next part of the body.
  func isTooOld(_ waitLimit: Duration, at now: CacheInstant) -> Bool {
    guard !isClosed, let silentSince else { return false }
    if isCalling, wasTooOld { return true }
    return silentSince.advanced(by: waitLimit) <= now
  }

  /// Notes when the last part of the body came.
  ///
  /// - Parameter moment: Nil when the body is all there.
  mutating func bodyIsSilent(since moment: CacheInstant?) {
    if phase == .answered { silentSince = moment }
  }

  /// When something is due, if nothing happens before.
  var nextDeadline: CacheInstant? {
    guard isCalling else { return isClosed ? nil : grantedUntil }
    var next = hardDeadline
    if let grantedUntil, grantedUntil < next ?? .distantFuture { next = grantedUntil }
    waiters.forEach { waiter in
      if let deadline = waiter.deadline, deadline < next ?? .distantFuture { next = deadline }
    }
    if let overdueAt, overdueAt < next ?? .distantFuture, hasFollowers { next = overdueAt }
    return next
  }

  private var hasFollowers: Bool { waiters.first { $0.id != leader } != nil }

  /// A request wants the answer.
  ///
  /// - Parameters:
  ///   - deadline: When it turns to something else that it has.
  ///   - waitLimit: How long after the beginning of the call, or the last part of the body, it goes its own way; nil: it waits
  ///     for as long as it takes.
  mutating func join(deadline: CacheInstant?, waitLimit: Duration? = nil, at now: CacheInstant = .distantPast)
    -> JoinAction
  {
    switch phase {
    case .answered:
      if let waitLimit, isTooOld(waitLimit, at: now) { return .refuse }
      return .attach
    case .closed: return .refuse
    case .calling:
      var waiter = Waiter(id: nextID + 1, deadline: deadline)
      if let waitLimit {
        if isTooOld(waitLimit, at: now) { return .refuse }
        if isOverdue(at: now) { return .overdue }
        let end = beganAt.advanced(by: waitLimit)
        if end < deadline ?? .distantFuture { waiter = Waiter(id: nextID + 1, deadline: end, grace: waitLimit) }
      }
      nextID += 1
      waiters.append(waiter)
      if nextID == 1, !isRefresh { leader = 1 }
      return .wait(nextID)
    }
  }

  /// A waiter has gone (its client left, or it has something better to do).
  ///
  /// - Parameter keepsFlight: Whether the origin's answer is wanted all the same.
  mutating func leave(_ id: WaiterID, keepsFlight: Bool) -> LeaveAction {
    guard let position = waiters.position(of: id, by: \.id) else { return .none }
    waiters.remove(at: position)
    if keepsFlight { isKept = true }
    guard isCalling, waiters.isEmpty, !isWanted else { return .none }
    phase = .closed
    return .cancelOrigin
  }

  /// Another flight has taken the place of this one. If that is because nothing has come for too long, it goes on for
  /// `waitLimit` if nobody waits, and for those who do; unless the policy wants every call to be finished.
  mutating func replaced(waitLimit: Duration, at now: CacheInstant) {
    guard isTooOld(waitLimit, at: now) || isOverdue(at: now), !isAlwaysKept else { return }
    isKept = false
    grantedUntil = now.advanced(by: waitLimit)
  }

  /// The origin has failed.
  ///
  /// - Parameter mayRetry: Whether calling it once more makes sense.
  mutating func originFailed(mayRetry: Bool = true) -> FailureAction {
    guard isCalling else { return .fail([]) }
    // A successor is worth a call only if somebody beside the one who has just been failed is waiting.
    if mayRetry, attemptsLeft > 0, let successor = waiters.first(where: { $0.id != leader })?.id {
      attemptsLeft -= 1
      leader = successor
      return .retry(successor)
    }
    phase = .closed
    return .fail(takeAll())
  }

  /// The answer to a neutral request is for nobody: the origin is called once more, for the waiter that is returned. Nil when
  /// it has been called often enough, or nobody waits.
  mutating func retry() -> WaiterID? {
    guard isCalling, attemptsLeft > 0, let successor = waiters.first(where: { _ in true })?.id else { return nil }
    attemptsLeft -= 1
    leader = successor
    return successor
  }

  /// The call that follows a failure is made for all who wait, and with nobody's request: its answer is for each of them as
  /// far as a stored response would be.
  mutating func callsForAll() { leader = nil }

  /// The origin has answered with a response that is for these waiters, and not for the others.
  ///
  /// - Parameter isShared: Whether those who come later may have it too.
  /// - Returns: Those who are released.
  mutating func answered(for receivers: [WaiterID], isShared: Bool) -> [WaiterID] {
    let receivers = Set(receivers)
    var released: [WaiterID] = []
    answered(isShared: isShared, isFor: { receivers.contains($0) }, release: { released.append($0) })
    return released
  }

  /// The same, without lists: what happens at nearly every answer is that it is for the one who waits.
  mutating func answered(isShared: Bool, isFor: (WaiterID) -> Bool, release: (WaiterID) -> Void) {
    guard isCalling else { return }
    phase = isShared ? .answered : .closed
    silentSince = nil
    for waiter in waiters where !isFor(waiter.id) { release(waiter.id) }
    waiters.removeAll()
  }

  /// The origin has answered, and all who wait have got it.
  mutating func answeredAll() {
    phase = .closed
    waiters.removeAll()
  }

  /// Nobody may join any more.
  mutating func close() { phase = .closed }

  /// Time has passed.
  ///
  /// - Parameter isUnread: Whether there is a body that is not all there and that nobody reads.
  mutating func deadlineReached(_ now: CacheInstant, isUnread: Bool = false) -> Expiry {
    var expiry = Expiry()
    guard isCalling else {
      guard phase == .answered, let end = grantedUntil, end <= now else { return expiry }
      grantedUntil = nil
      guard isUnread, !isKept else { return expiry }
      phase = .closed
      expiry.cancelsOrigin = true
      return expiry
    }
    if let hardDeadline, hardDeadline <= now {
      phase = .closed
      hasTimedOut = true
      expiry.timedOut = takeAll()
      expiry.cancelsOrigin = true
      return expiry
    }
    if let end = grantedUntil, end <= now { grantedUntil = nil }
    var patient = FewList<Waiter>()
    let isOverdue = isOverdue(at: now)
    for waiter in waiters {
      guard (waiter.deadline ?? .distantFuture) <= now else {
        guard isOverdue, waiter.id != leader, let slowCallLimit else {
          patient.append(waiter)
          continue
        }
        // What the call brings is still wanted if it comes soon.
        expiry.overdue.append(waiter.id)
        wasOverdue = true
        grantedUntil = max(grantedUntil ?? .distantPast, now.advanced(by: waiter.grace ?? slowCallLimit))
        continue
      }
      expiry.expired.append(waiter.id)
      // Those who ran out of patience wanted the answer: it is still stored when it comes. But who has waited in vain does
      // not keep a call alive that may never end.
      if let grace = waiter.grace {
        wasTooOld = true
        grantedUntil = max(grantedUntil ?? .distantPast, now.advanced(by: grace))
      } else {
        isKept = true
      }
    }
    waiters = patient
    if waiters.isEmpty, !isWanted {
      phase = .closed
      hasTimedOut = true
      expiry.cancelsOrigin = true
    }
    return expiry
  }

  private mutating func takeAll() -> [WaiterID] {
    defer { waiters.removeAll() }
    return waiters.map(\.id)
  }
}

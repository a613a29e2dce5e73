//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One call to the origin and the requests that wait for it. Pure: events in, actions out; ``Flight`` performs them, and
/// keeps what it needs for each request in that waiter's `context`.
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
struct FlightStateMachine<Context> {
  private enum Phase {
    case calling
    /// Since when the next part of the body is waited for; nil when nothing more is to come.
    case answered(silentSince: CacheInstant?)
    /// Whether the origin has not answered in the time that it had.
    case closed(hasTimedOut: Bool)
  }

  struct Waiter {
    let id: Int
    fileprivate var deadline: CacheInstant?
    /// How much longer the answer is wanted once the deadline has passed in vain; nil: it was no waiting in vain, there is
    /// something else, and the answer is wanted whenever it comes.
    fileprivate var grace: Duration?
    var context: Context
  }

  enum JoinAction: Equatable {
    case wait(Int)
    /// The response is there already.
    case attach
    /// The flight is over or will not help; another one is needed.
    case refuse
    /// The call takes long, which may be due to its client's request; another one is needed.
    case overdue
  }

  enum FailureAction {
    /// The origin is called once more, for this waiter.
    case retry(Waiter)
    /// These get the failure.
    case fail(SmallList<Waiter>)
  }

  /// The waiters that a deadline has released, and whether the call is cancelled.
  struct Expiry {
    /// The origin has had its time: these get a timeout.
    var timedOut = SmallList<Waiter>()
    /// These have waited as long as they would.
    var expired = SmallList<Waiter>()
    /// Waiters that have waited for another client's call as long as they should.
    var overdue = SmallList<Waiter>()
    var cancelsOrigin = false
  }

  private var phase = Phase.calling
  /// In the order in which they have come.
  private(set) var waiters = SmallList<Waiter>()
  private var nextID = 0
  private var attemptsLeft: Int
  /// The waiter whose request the origin is answering; nil for a refresh: that is made of a request that has been answered,
  /// and whoever joins it gets only what everybody may have.
  private(set) var leader: Int?
  /// Whether the call is finished although nobody waits.
  private(set) var isKept: Bool
  /// Until when the call goes on although nobody waits and it is not kept.
  private var grantedUntil: CacheInstant?
  private let beganAt: CacheInstant
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
    self.isAlwaysKept = isKept && !isRefresh
    self.isKept = isKept
    self.attemptsLeft = attempts - 1
    self.hardDeadline = hardDeadline
  }

  var isCalling: Bool { if case .calling = phase { true } else { false } }
  var isClosed: Bool { if case .closed = phase { true } else { false } }
  var hasTimedOut: Bool { if case .closed(hasTimedOut: true) = phase { true } else { false } }
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
    switch phase {
    case .calling: wasTooOld || beganAt.advanced(by: waitLimit) <= now
    case .answered(let silentSince): silentSince.map { $0.advanced(by: waitLimit) <= now } ?? false
    case .closed: false
    }
  }

  /// Notes when the last part of the body came.
  ///
  /// - Parameter moment: Nil when the body is all there.
  mutating func bodyIsSilent(since moment: CacheInstant?) {
    if case .answered = phase { phase = .answered(silentSince: moment) }
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
  ///   - context: What the owner keeps for the waiter.
  ///   - deadline: When it turns to something else that it has.
  ///   - waitLimit: How long after the beginning of the call, or the last part of the body, it goes its own way; nil: it waits
  ///     for as long as it takes.
  mutating func join(
    _ context: consuming Context, deadline: CacheInstant?, waitLimit: Duration? = nil,
    at now: CacheInstant = .distantPast
  ) -> JoinAction {
    switch phase {
    case .answered:
      if let waitLimit, isTooOld(waitLimit, at: now) { return .refuse }
      return .attach
    case .closed: return .refuse
    case .calling:
      var waiter = Waiter(id: nextID + 1, deadline: deadline, context: context)
      if let waitLimit {
        if isTooOld(waitLimit, at: now) { return .refuse }
        if isOverdue(at: now) { return .overdue }
        let end = beganAt.advanced(by: waitLimit)
        if end < deadline ?? .distantFuture {
          waiter.deadline = end
          waiter.grace = waitLimit
        }
      }
      nextID += 1
      waiters.append(waiter)
      if nextID == 1, !isRefresh { leader = 1 }
      return .wait(nextID)
    }
  }

  /// The waiter with this number; nil when it has its result, or has gone.
  func waiter(_ id: Int) -> Waiter? { position(of: id).map { waiters[$0] } }

  /// Changes what the owner keeps for a waiter.
  ///
  /// - Returns: Whether the waiter is there.
  mutating func update(_ id: Int, _ change: (inout Context) -> Void) -> Bool {
    guard let position = position(of: id) else { return false }
    change(&waiters[position].context)
    return true
  }

  private func position(of id: Int) -> Int? { waiters.position(of: id) { $0.id } }

  /// A waiter goes without the response.
  ///
  /// - Returns: The waiter, and whether nobody waits any more: then the call is to be cancelled.
  mutating func leave(_ id: Int) -> (waiter: Waiter?, cancelsOrigin: Bool) {
    guard let position = position(of: id) else { return (nil, false) }
    let waiter = waiters.remove(at: position)
    guard isCalling, waiters.isEmpty, !isWanted else { return (waiter, false) }
    phase = .closed(hasTimedOut: false)
    return (waiter, true)
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
    guard isCalling else { return .fail(SmallList()) }
    // A successor is worth a call only if somebody beside the one who has just been failed is waiting.
    if mayRetry, attemptsLeft > 0, let successor = waiters.first(where: { $0.id != leader }) {
      attemptsLeft -= 1
      leader = successor.id
      return .retry(successor)
    }
    phase = .closed(hasTimedOut: false)
    return .fail(waiters.removeAll())
  }

  /// The answer to a neutral request is for nobody: the origin is called once more, for the waiter that is returned. Nil when
  /// it has been called often enough, or nobody waits.
  mutating func retry() -> Waiter? {
    guard isCalling, attemptsLeft > 0, let successor = waiters.first else { return nil }
    attemptsLeft -= 1
    leader = successor.id
    return successor
  }

  /// The call that follows a failure is made for all who wait, and with nobody's request: its answer is for each of them as
  /// far as a stored response would be.
  mutating func callsForAll() { leader = nil }

  /// The origin has answered.
  ///
  /// - Parameter isShared: Whether those who come later may have the response too.
  /// - Returns: Those who have waited for it.
  mutating func answered(isShared: Bool) -> SmallList<Waiter> {
    guard isCalling else { return SmallList() }
    phase = isShared ? .answered(silentSince: nil) : .closed(hasTimedOut: false)
    return waiters.removeAll()
  }

  /// The origin has answered, with a response that nobody who comes later may have.
  ///
  /// - Returns: The context of the first to join, if it is the only one who waits, and its request is the one that has been
  ///   answered. Otherwise nil, and nothing has changed.
  mutating func answeredSoleLeader() -> Context? {
    guard isCalling, leader == 1, waiters.count == 1, waiters[0].id == 1 else { return nil }
    phase = .closed(hasTimedOut: false)
    return waiters.remove(at: 0).context
  }

  /// Nobody may join any more.
  mutating func close() {
    if !isClosed { phase = .closed(hasTimedOut: false) }
  }

  /// Time has passed.
  ///
  /// - Parameter isUnread: Whether there is a body that is not all there and that nobody reads.
  mutating func deadlineReached(_ now: CacheInstant, isUnread: Bool = false) -> Expiry {
    var expiry = Expiry()
    guard isCalling else {
      guard !isClosed, let end = grantedUntil, end <= now else { return expiry }
      grantedUntil = nil
      guard isUnread, !isKept else { return expiry }
      phase = .closed(hasTimedOut: false)
      expiry.cancelsOrigin = true
      return expiry
    }
    if let hardDeadline, hardDeadline <= now {
      phase = .closed(hasTimedOut: true)
      expiry.timedOut = waiters.removeAll()
      expiry.cancelsOrigin = true
      return expiry
    }
    if let end = grantedUntil, end <= now { grantedUntil = nil }
    let isOverdue = isOverdue(at: now)
    for waiter in waiters.removeAll() {
      guard (waiter.deadline ?? .distantFuture) <= now else {
        guard isOverdue, waiter.id != leader, let slowCallLimit else {
          waiters.append(waiter)
          continue
        }
        // What the call brings is still wanted if it comes soon.
        expiry.overdue.append(waiter)
        wasOverdue = true
        grantedUntil = max(grantedUntil ?? .distantPast, now.advanced(by: waiter.grace ?? slowCallLimit))
        continue
      }
      expiry.expired.append(waiter)
      // Those who ran out of patience wanted the answer: it is still stored when it comes. But who has waited in vain does
      // not keep a call alive that may never end.
      if let grace = waiter.grace {
        wasTooOld = true
        grantedUntil = max(grantedUntil ?? .distantPast, now.advanced(by: grace))
      } else {
        isKept = true
      }
    }
    if waiters.isEmpty, !isWanted {
      phase = .closed(hasTimedOut: true)
      expiry.cancelsOrigin = true
    }
    return expiry
  }
}

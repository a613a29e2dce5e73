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
///        └──last one leaves─▶ closed   nobody waits any more: the origin's call is cancelled
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
  }

  enum JoinAction: Equatable {
    case wait(WaiterID)
    /// The response is there already.
    case attach
    /// The flight is over or will not help; another one is needed.
    case refuse
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
  private let hardDeadline: CacheInstant?
  private let isRefresh: Bool

  /// - Parameters:
  ///   - isKept: Whether the call is finished even when nobody waits (any longer).
  ///   - attempts: How often the origin is called at most, 1 or more.
  ///   - hardDeadline: When the origin must have answered.
  ///   - isRefresh: Whether the origin is asked in nobody's name: not even the first to join is the one it answers.
  init(isKept: Bool, attempts: Int, hardDeadline: CacheInstant?, isRefresh: Bool = false) {
    self.isRefresh = isRefresh
    self.isKept = isKept
    self.attemptsLeft = attempts - 1
    self.hardDeadline = hardDeadline
  }

  var isCalling: Bool { phase == .calling }
  var isClosed: Bool { phase == .closed }
  var waiterCount: Int { waiters.count }

  /// When something is due, if nothing happens before.
  var nextDeadline: CacheInstant? {
    guard isCalling else { return nil }
    var next = hardDeadline
    for waiter in waiters {
      if let deadline = waiter.deadline, deadline < next ?? .distantFuture { next = deadline }
    }
    return next
  }

  mutating func join(deadline: CacheInstant?) -> JoinAction {
    switch phase {
    case .answered: return .attach
    case .closed: return .refuse
    case .calling:
      nextID += 1
      waiters.append(Waiter(id: nextID, deadline: deadline))
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
    guard isCalling, waiters.isEmpty, !isKept else { return .none }
    phase = .closed
    return .cancelOrigin
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

  mutating func deadlineReached(_ now: CacheInstant) -> Expiry {
    var expiry = Expiry()
    guard isCalling else { return expiry }
    if let hardDeadline, hardDeadline <= now {
      phase = .closed
      expiry.timedOut = takeAll()
      expiry.cancelsOrigin = true
      return expiry
    }
    var patient = FewList<Waiter>()
    for waiter in waiters {
      if (waiter.deadline ?? .distantFuture) <= now { expiry.expired.append(waiter.id) } else { patient.append(waiter) }
    }
    waiters = patient
    // Those who ran out of patience wanted the answer: it is still stored when it comes.
    if !expiry.expired.isEmpty { isKept = true }
    return expiry
  }

  private mutating func takeAll() -> [WaiterID] {
    defer { waiters.removeAll() }
    return waiters.map(\.id)
  }
}

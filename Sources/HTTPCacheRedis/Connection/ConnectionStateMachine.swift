//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One connection and those who wait for its answers. Pure: events in, actions out; ``RedisConnection`` performs them.
///
///     idle ──begin──▶ connecting ──▶ signing in ──▶ active
///                         ▲   │           │           │
///                       begin └──failure──┴───────────┤
///                         │                           ▼
///                         └───────────time─────── waiting            close, from anywhere ──▶ closed
///
/// Answers come in the order of the commands. So those who wait are a queue, and one who has given up leaves an empty
/// place there that takes the answer when it comes: the connection and everybody else are not affected.
struct ConnectionStateMachine<Waiter> {
  struct Limits {
    var commands: Int
    var bytes: Int
    /// Nanoseconds.
    var connectTimeout: Int64
    /// How long the peer may owe an answer without a sign of life, in nanoseconds.
    var headTimeout: Int64
    /// For a connection of large values: how long the one that is being received may take, in nanoseconds. Then the connection
    /// is given up, because nothing else would arrive before the rest of it. Such a connection also takes commands while it is
    /// being made, and sends them afterwards. Nil for others.
    var replyTimeout: Int64?
  }

  enum Phase: Equatable {
    case idle
    case connecting(deadline: Int64)
    case signingIn(deadline: Int64, remaining: Int)
    case active
    case waiting(until: Int64)
    case closed
  }

  /// The action that a reply calls for.
  enum ReplyAction {
    /// More is to come.
    case none
    /// The answer to the first command of signing in, and so on.
    case signIn(index: Int, RedisReply)
    case deliver(Waiter, OneOrMore<RedisReply>)
    /// Nobody asked, which is what a subscriber waits for and anybody else must not get.
    case unsolicited(RedisReply)
  }

  struct Expiry {
    /// These have waited as long as they would.
    var waiters: [Waiter] = []
    /// What the connection has to be given up for.
    var failure: RedisError?
    /// Whether that is a large value, so that nothing speaks against connecting again at once.
    var isLate = false
    /// It is time to connect again.
    var begins = false
  }

  /// Commands that were submitted together, and what has been answered of them.
  private struct Slot {
    /// Nil when it has given up.
    var waiter: Waiter?
    /// The one who has given up, on a connection of large values.
    var former: Waiter?
    var commandCount: Int
    var remaining: Int
    var replies: [RedisReply] = []
    var byteCount: Int
    var since: Int64
    var deadline: Int64
  }

  private let limits: Limits
  private var backoff: ReconnectBackoff
  private var slots = SlotQueue<Slot>()
  private(set) var phase = Phase.idle
  private(set) var queuedCommands = 0
  private(set) var queuedBytes = 0
  /// When the peer last sent something.
  private var lastSign = Int64.min
  /// Since when the first in the queue is the first.
  private var headSince = Int64.min
  /// Not later than the first deadline of those who wait.
  private var earliestDeadline = Int64.max
  private var signInCount = 0
  /// Why there is no connection.
  private(set) var lastFailure: RedisError?

  init(limits: Limits, backoff: ReconnectBackoff) {
    self.limits = limits
    self.backoff = backoff
  }

  var isActive: Bool { phase == .active }
  /// How many calls wait for their answers, each with one command or several.
  var callCount: Int { slots.count }
  var isConnecting: Bool { if case .connecting = phase { true } else { false } }

  // MARK: Coming and going of the connection

  /// - Returns: Whether to connect now.
  mutating func begin(now: Int64) -> Bool {
    switch phase {
    case .idle, .waiting:
      phase = .connecting(deadline: now + limits.connectTimeout)
      return true
    case .connecting, .signingIn, .active, .closed:
      return false
    }
  }

  /// The socket is connected, and `commandCount` commands are sent to sign in.
  mutating func connected(signInCount commandCount: Int, now: Int64) {
    guard case .connecting(let deadline) = phase else { return }
    signInCount = commandCount
    phase = .signingIn(deadline: deadline, remaining: commandCount)
    if commandCount == 0 { activate(now: now) }
  }

  private mutating func activate(now: Int64) {
    phase = .active
    lastFailure = nil
    backoff.reset()
    headSince = now
    // Nothing of what waits has been sent. For those who have given up nothing will be.
    for slot in takeSlots() where slot.waiter != nil { append(slot) }
  }

  /// Those who wait, the first first.
  mutating func allWaiters() -> [Waiter] {
    var waiters: [Waiter] = []
    slots.forEach { slot in if let waiter = slot?.waiter { waiters.append(waiter) } }
    return waiters
  }

  /// The one whose large value is being received, or sent, whether it still waits or not.
  var current: Waiter? {
    guard isActive, limits.replyTimeout != nil, let head = slots.first else { return nil }
    return head.waiter ?? head.former
  }

  /// The connection is gone, or was not made.
  ///
  /// - Parameters:
  ///   - random: A number from 0 to 1; nil to connect again at once.
  /// - Returns: Those who still wait, who get `error`.
  mutating func failed(_ error: RedisError, now: Int64, random: Double?) -> [Waiter] {
    guard phase != .closed else { return [] }
    lastFailure = error
    phase = .waiting(until: random.map { now + backoff.next(random: $0) } ?? now)
    return takeSlots().compactMap(\.waiter)
  }

  mutating func close() -> [Waiter] {
    phase = .closed
    return takeSlots().compactMap(\.waiter)
  }

  private mutating func takeSlots() -> [Slot] {
    queuedCommands = 0
    queuedBytes = 0
    earliestDeadline = .max
    return slots.removeAll()
  }

  private mutating func append(_ slot: Slot) {
    slots.append(slot)
    queuedCommands += slot.commandCount
    queuedBytes += slot.byteCount
    earliestDeadline = min(earliestDeadline, slot.deadline)
  }

  // MARK: Commands

  /// Takes a place in the queue.
  ///
  /// - Returns: Why there is none, if there is none. Nothing is queued while there is no connection, unless it is one for
  ///   large values that is being made.
  mutating func submit(
    _ waiter: Waiter, commandCount: Int, byteCount: Int, now: Int64, deadline: Int64
  ) -> RedisError? {
    guard isActive || limits.replyTimeout != nil && isExpected(now: now) else { return unavailability }
    guard queuedCommands + commandCount <= limits.commands, queuedBytes + byteCount <= limits.bytes || slots.isEmpty
    else {
      return RedisError(.queueFull, "\(queuedCommands) commands of \(queuedBytes) bytes are waiting already")
    }
    if slots.isEmpty { headSince = now }
    append(
      Slot(
        waiter: waiter, commandCount: commandCount, remaining: commandCount, byteCount: byteCount, since: now,
        deadline: deadline))
    return nil
  }

  /// Whether the connection is being made, rather than given a pause.
  private func isExpected(now: Int64) -> Bool {
    switch phase {
    case .idle, .connecting, .signingIn: true
    case .waiting(let until): until <= now
    case .active, .closed: false
    }
  }

  /// What those get who ask while there is no connection: its cause, so that a wrong password is not merely "disconnected".
  private var unavailability: RedisError {
    if phase == .closed { return RedisError(.shutDown, "the client was shut down") }
    guard let lastFailure else { return RedisError(.disconnected, "there is no connection yet") }
    switch lastFailure.code {
    case .connectionLost, .headOfLineTimedOut:
      return RedisError(.disconnected, "the connection is being made again: \(lastFailure.message)")
    default: return lastFailure
    }
  }

  /// Something has come from the peer, though not necessarily a whole answer.
  mutating func sawSignOfLife(now: Int64) { lastSign = now }

  mutating func received(_ reply: consuming RedisReply) -> ReplyAction {
    if case .signingIn(let deadline, let remaining) = phase {
      phase = .signingIn(deadline: deadline, remaining: remaining - 1)
      return .signIn(index: signInCount - remaining, reply)
    }
    guard isActive, !slots.isEmpty else { return .unsolicited(reply) }
    let isSole = slots.withFirst { slot -> Bool in
      slot?.remaining -= 1
      return slot?.commandCount == 1
    }
    if !isSole {
      let part = copy reply
      let isComplete = slots.withFirst { slot -> Bool in
        if slot?.waiter != nil { slot?.replies.append(part) }
        return slot?.remaining == 0
      }
      guard isComplete else { return .none }
    }
    guard let slot = slots.removeFirst() else { return .none }
    queuedCommands -= slot.commandCount
    queuedBytes -= slot.byteCount
    headSince = lastSign
    if slots.isEmpty { earliestDeadline = .max }
    guard let waiter = slot.waiter else { return .none }
    return .deliver(waiter, isSole ? .one(reply) : .more(slot.replies))
  }

  /// The answer to a command of signing in was good.
  ///
  /// - Returns: Whether that was the last one.
  mutating func signedIn(now: Int64) -> Bool {
    guard case .signingIn(_, remaining: 0) = phase else { return false }
    activate(now: now)
    return true
  }

  // MARK: Time

  /// When something is due, if nothing happens before.
  var nextDeadline: Int64 {
    switch phase {
    case .idle, .closed: earliestDeadline
    case .connecting(let deadline), .signingIn(let deadline, _): min(earliestDeadline, deadline)
    case .waiting(let until): min(earliestDeadline, until)
    case .active: min(earliestDeadline, headDeadline, replyDeadline)
    }
  }

  private var headDeadline: Int64 {
    guard let head = slots.first else { return .max }
    return max(head.since, lastSign) + limits.headTimeout
  }

  private var replyDeadline: Int64 {
    guard let timeout = limits.replyTimeout, !slots.isEmpty else { return .max }
    return headSince + timeout
  }

  mutating func timePassed(now: Int64) -> Expiry {
    var expiry = Expiry()
    if earliestDeadline <= now { expiry.waiters = takeExpired(now: now) }
    switch phase {
    case .idle, .closed: break
    case .connecting(let deadline) where deadline <= now:
      expiry.failure = RedisError(.connectTimedOut, "the server has not taken the connection in time")
    case .signingIn(let deadline, _) where deadline <= now:
      expiry.failure = RedisError(.connectTimedOut, "the server has taken the connection but answers nothing")
    case .waiting(let until) where until <= now:
      expiry.begins = true
    case .active:
      if replyDeadline <= now {
        expiry.isLate = true
        expiry.failure = RedisError(.headOfLineTimedOut, "a large value did not arrive in time; others are behind it")
      } else if headDeadline <= now {
        expiry.failure = RedisError(
          .headOfLineTimedOut, "the server owes an answer and has sent nothing for \(limits.headTimeout / 1_000_000) ms"
        )
      }
    case .connecting, .signingIn, .waiting: break
    }
    return expiry
  }

  private mutating func takeExpired(now: Int64) -> [Waiter] {
    var expired: [Waiter] = []
    var earliest = Int64.max
    slots.forEach { slot in
      guard let waiter = slot?.waiter, let deadline = slot?.deadline else { return }
      if deadline <= now {
        expired.append(waiter)
        if limits.replyTimeout != nil { slot?.former = waiter }
        slot?.waiter = nil
        slot?.replies = []
      } else {
        earliest = min(earliest, deadline)
      }
    }
    earliestDeadline = earliest
    return expired
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import CHiredis
internal import HTTPCache
internal import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One connection to a server, on which the commands of all callers travel one behind the other.
///
/// Commands are encoded by those who submit them, into one buffer, and sent by whoever was the first to put something into
/// it: few callers by themselves at once, which saves waking the loop, and many by a task that comes after all who have just
/// got their answers, so that what they ask next goes out in one write. The loop sends what is large, and what the socket
/// would not take.
final class RedisConnection: @unchecked Sendable {
  // @unchecked: `shared`, `transmission` and `reception` have locks, and whoever holds that of `reception` may use
  // `callerScratch`; everything else that changes is touched by the loop's thread only.

  /// What is being sent. Whoever sends holds this lock meanwhile, and takes that of `shared` inside it.
  private struct Transmission {
    /// -1 while there is no socket that can be written to. It is not closed while somebody is sending.
    var descriptor: CInt = -1
    var buffer = OutputBuffer()
  }

  /// What is to be done about commands that were submitted.
  private enum Next { case refuse, wake, send, gather, none }

  /// What a caller sends itself is at most this much: more is for the loop.
  private static let directLimit = 16 * 1024
  /// How often a caller looks whether others have submitted something while it was sending.
  private static let directRounds = 4

  let endpoint: RedisEndpoint
  let settings: Settings
  private let observer: Observer
  let loop: RedisEventLoop
  let shared: Locked<Shared>
  private let transmission = Locked(Transmission())
  /// Taken before the other two, where it is taken with them.
  let reception = Locked(ReplyReceiver())
  /// Where callers read into, if they do.
  let callerScratch: UnsafeMutableRawBufferPointer
  /// The socket takes no more at the moment; the loop waits until it does.
  private let isBlocked = Atomic<Bool>(false)

  // The loop's.
  var context: UnsafeMutablePointer<redisContext>?
  var isConnected = false
  /// Whether the loop has to look here within a millisecond, for callers that wait to be gathered.
  private(set) var isGathering = false
  private var lastAnswer = Int64.min
  private var replies: [RedisReply] = []
  /// Whoever has an answer and is to be told, once all answers are with those who asked.
  private var awakened: [UnsafeContinuation<Void, Never>] = []
  /// What of the host is still to be tried.
  var addresses: [String] = []
  var attempt = 0
  var isResolving = false
  var firstProblem: RedisError?

  /// Nothing happens before the loop has taken it in by `add`, and nothing after it has let it go.
  init(_ endpoint: RedisEndpoint, settings: Settings, loop: RedisEventLoop, observer: Observer = Observer()) {
    self.endpoint = endpoint
    self.settings = settings
    self.loop = loop
    self.observer = observer
    callerScratch = .allocate(byteCount: settings.callerWait > 0 ? Self.directLimit : 0, alignment: 16)
    shared = Locked(
      Shared(
        machine: ConnectionStateMachine(
          limits: settings.limits,
          backoff: ReconnectBackoff(
            minimum: settings.reconnect.minimum.inNanoseconds, maximum: settings.reconnect.maximum.inNanoseconds))))
  }

  deinit {
    if let context { redisFree(context) }
    callerScratch.deallocate()
  }

  // MARK: From any thread

  var isActive: Bool { shared.withLock { $0.machine.isActive } }
  var lastFailure: RedisError? { shared.withLock { $0.machine.lastFailure } }
  var queuedCommands: Int { shared.withLock { $0.machine.queuedCommands } }

  /// Sends the commands of `call`, and finishes it with the answers.
  ///
  /// - Returns: Why not, if not; then `call` is not finished.
  func submit(_ call: RedisCall, now: Int64) -> RedisError? {
    var refusal: RedisError?
    var duty = ReadingTurn.Duty.none
    let next = shared.withLock { shared -> Next in
      refusal = shared.machine.submit(
        call, commandCount: call.commands.count, byteCount: call.byteCount, now: now, deadline: call.deadline)
      guard refusal == nil else { return .refuse }
      // It is sent as soon as the connection is made.
      guard shared.machine.isActive else { return .none }
      shared.output.append(call.commands)
      duty = shared.turn.submitted(
        waiting: shared.machine.callCount,
        canRead: !shared.hasSender && !shared.areCallersMany && call.byteCount <= Self.directLimit)
      if shared.hasSender { return .none }
      shared.hasSender = true
      if call.byteCount > Self.directLimit { return .wake }
      guard shared.areCallersMany else { return .send }
      return shared.isWatched ? .gather : .wake
    }
    switch next {
    case .refuse: return refusal
    case .wake: loop.requestFlush(self)
    case .none: break
    case .send: transmitDirectly()
    case .gather: gather()
    }
    switch duty {
    case .none: break
    case .read(let number):
      readAnswer(to: call, number: number, now: now)
      return nil
    case .wakeLoop: loop.requestFlush(self)
    }
    loop.note(deadline: call.deadline)
    return nil
  }

  /// Sends what there is, as far as that can be done at once; the loop sees to the rest.
  private func transmitDirectly() {
    if transmit(rounds: Self.directRounds) != .complete { loop.requestFlush(self) }
  }

  /// Sends what there is behind all who have just got their answers and are about to ask again: many small writes cost the
  /// server and us more than one. Should the task not get its turn, the loop looks here within a millisecond.
  private func gather() {
    Task.detached(priority: Task.currentPriority) { [self] in
      switch transmit(rounds: 1) {
      case .complete: break
      case nil where shared.withLock(\.isWatched): gather()
      case nil, .blocked, .failed: loop.requestFlush(self)
      }
    }
  }

  /// Sends commands whose answers go to the observer.
  func post(_ commands: [RedisCommand]) {
    shared.withLock { shared in
      guard shared.machine.isActive else { return }
      for command in commands { shared.output.append(command) }
    }
    loop.requestFlush(self)
  }

  /// Sends what there is, and what is submitted meanwhile.
  ///
  /// - Parameter rounds: How often something is sent at most.
  /// - Returns: `.complete` when there is no more, and nil when there is after so many rounds. Unless it is complete, whoever
  ///   calls this still has to see to the rest.
  private func transmit(rounds: Int) -> OutputBuffer.Progress? {
    transmission.withLock { transmission in
      var round = 0
      while true {
        if transmission.buffer.isEmpty {
          let isComplete = shared.withLock { shared in
            shared.hasSender = !shared.output.isEmpty
            if round < rounds { swap(&shared.output, &transmission.buffer) }
            return !shared.hasSender
          }
          if isComplete { return .complete }
        }
        guard round < rounds else { return nil }
        guard !isBlocked.load(ordering: .relaxed), transmission.descriptor >= 0 else { return .blocked }
        let progress = transmission.buffer.send(to: transmission.descriptor)
        guard progress == .complete else {
          if progress == .blocked { isBlocked.store(true, ordering: .relaxed) }
          return progress
        }
        round += 1
      }
    }
  }

  /// Closes the connection for good.
  func remove() { loop.remove(self) }

  // MARK: On the loop's thread

  /// Not later than when `timePassed(now:)` has something to do.
  var nextDeadline: Int64 { shared.withLock { $0.machine.nextDeadline } }

  var descriptor: CInt { context?.pointee.fd ?? -1 }

  var interest: Int16 {
    guard isConnected else { return Int16(POLLOUT) }
    return (readsItself ? Int16(POLLIN) : chr_poll_hangup) | (isBlocked.load(ordering: .relaxed) ? Int16(POLLOUT) : 0)
  }

  /// Whether the loop has to look for answers, and not a caller.
  private var readsItself: Bool {
    settings.callerWait == 0
      || shared.withLock { shared in
        shared.turn.loopReads(waiting: shared.machine.callCount, isActive: shared.machine.isActive)
      }
  }

  func ready(events: Int16, now: Int64) {
    guard isConnected else { return finishConnecting(now: now) }
    if events & (Int16(POLLIN | POLLERR | POLLHUP) | chr_poll_hangup) != 0 { read(now: now) }
    if events & Int16(POLLOUT) != 0 {
      isBlocked.store(false, ordering: .relaxed)
      flush()
    }
  }

  private func finishConnecting(now: Int64) {
    let code = chr_socket_error(descriptor)
    guard code == 0 else { return tryAnother(after: String(cString: strerror(-code))) }
    if case .tcp = endpoint.address, let keepAlive = settings.keepAlive {
      chr_keep_alive(descriptor, CInt(clamping: keepAlive.components.seconds))
    }
    isConnected = true
    reception.withLock { reception in
      reception.descriptor = descriptor
      reception.reader = ReplyReader()
      reception.generation += 1
    }
    let commands = settings.signIn.steps.map { SignIn.command($0) }
    transmission.withLock { $0.descriptor = descriptor }
    shared.withLock { shared in
      for command in commands { shared.output.append(command) }
      shared.machine.connected(signInCount: commands.count, now: now)
      if shared.machine.isActive { shared.sendWaiting() }
    }
    flush()
  }

  /// Sends what there is, until the socket takes no more.
  func flush() {
    guard isConnected else { return }
    if case .failed(let code) = transmit(rounds: .max) {
      fail(RedisError(.connectionLost, "the connection broke while sending: \(String(cString: strerror(code)))"))
    }
  }

  /// Sends what waits for others to join it, if nothing has been answered for a millisecond, or a few while the loop has
  /// other connections to see to. Until there are answers again, the loop sends what many callers ask.
  ///
  /// - Parameter isIdle: Whether the loop has slept for a millisecond.
  func endGathering(now: Int64, isIdle: Bool) {
    guard isIdle || now - lastAnswer > 1_000_000 else { return }
    isGathering = false
    shared.withLock { $0.isWatched = false }
    flush()
  }

  private func read(now: Int64) {
    var failure: RedisError?
    do throws(RedisError) {
      try reception.withLock { reception throws(RedisError) in
        defer { swap(&reception.replies, &replies) }
        // Some rounds only: others want to be read too.
        for _ in 0..<8 { guard try reception.receive(into: loop.scratch) else { break } }
      }
    } catch {
      failure = error
    }
    dispatch(now: now)
    if let failure { fail(failure) }
  }

  /// Gives the replies to those who wait for them.
  private func dispatch(now: Int64) {
    // Of this function while it lasts, so that access to them need not be checked for every answer.
    var replies = exchange(&self.replies, with: [])
    var awakened = exchange(&self.awakened, with: [])
    var answered = 0
    var unsolicited: [RedisReply] = []
    var failure: RedisError?
    var becomesActive = false
    shared.withLock { shared in
      shared.machine.sawSignOfLife(now: now)
      for index in replies.indices {
        // Moved, not copied: nobody looks at it here again.
        switch shared.machine.received(exchange(&replies[index], with: .null)) {
        case .none: break
        case .deliver(let call, let replies):
          answered += 1
          if let waiter = call.settle(.success(replies)) { awakened.append(waiter) }
        case .unsolicited(let reply): unsolicited.append(reply)
        case .signIn(let step, let reply):
          failure = failure ?? SignIn.problem(with: reply, to: settings.signIn.steps[step])
          if failure == nil, shared.machine.signedIn(now: now) {
            becomesActive = true
            shared.sendWaiting()
          }
        }
      }
      shared.callers.answered(answered)
      shared.turn.loopAnswered(answered, waiting: shared.machine.callCount)
      isGathering = shared.callers.areMany
      shared.isWatched = isGathering
      lastAnswer = now
    }
    for waiter in awakened { waiter.resume() }
    replies.removeAll(keepingCapacity: true)
    awakened.removeAll(keepingCapacity: true)
    (self.replies, self.awakened) = (replies, awakened)
    if let failure { return fail(failure) }
    if becomesActive {
      flush()
      settings.counters.connected()
      observer.becameActive()
    }
    guard !unsolicited.isEmpty else { return }
    if let received = observer.received {
      for reply in unsolicited { received(reply) }
    } else {
      fail(unsolicited.first?.error ?? Self.unsolicited)
    }
  }

  func timePassed(now: Int64) {
    let expiry = shared.withLock { $0.machine.timePassed(now: now) }
    if let failure = expiry.failure {
      fail(failure, isLate: expiry.isLate)
    } else if expiry.begins {
      begin(now: now)
    }
    for call in expiry.waiters {
      call.finish(.failure(RedisError(.commandTimedOut, "\(endpoint) has not answered in time")))
    }
  }

  /// - Parameter isLate: Whether the connection is given up for a large value, and made again at once.
  func fail(_ error: RedisError, isLate: Bool = false) {
    var current: RedisCall?
    let waiters = detach { machine in
      current = machine.current
      return machine.failed(error, now: MonotonicTime.now, random: isLate ? nil : .random(in: 0...1))
    }
    // Before anybody hears of it, and asks again.
    if let current { observer.late(current) }
    settings.counters.count(error.code)
    for call in waiters { call.finish(.failure(error)) }
    observer.failed(error)
  }

  func close() {
    let waiters = detach { $0.close() }
    for call in waiters { call.finish(.failure(RedisError(.shutDown, "the client was shut down"))) }
  }

  /// Closes the socket and forgets what was to be sent.
  ///
  /// - Parameter change: Returns those who have waited.
  private func detach(
    _ change: (inout ConnectionStateMachine<RedisCall>) -> [RedisCall]
  ) -> [RedisCall] {
    // Nobody is receiving while this lock is held, nor can afterwards.
    reception.withLock { reception in
      reception.descriptor = -1
      reception.reader = nil
      reception.replies = []
    }
    // The same for sending.
    let waiters = transmission.withLock { transmission in
      transmission.descriptor = -1
      transmission.buffer.clear()
      isBlocked.store(false, ordering: .relaxed)
      return shared.withLock { shared in
        shared.output.clear()
        shared.hasSender = false
        shared.callers = CallerEstimate()
        shared.isWatched = false
        shared.turn = ReadingTurn()
        return change(&shared.machine)
      }
    }
    if let context { redisFree(context) }
    context = nil
    isConnected = false
    isGathering = false
    addresses = []
    return waiters
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import CHiredis
internal import HTTPCache

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One connection to a server, on which the commands of all callers travel one behind the other.
///
/// Commands are encoded by those who submit them, into one buffer. The first to do so while nothing is under way also sends
/// it, which saves waking the loop; what comes while answers are awaited is collected, and the loop sends all of it at once.
final class RedisConnection: @unchecked Sendable {
  // @unchecked: `shared` has a lock; everything else that changes is touched by the loop's thread only.

  struct Settings: Sendable {
    var limits: ConnectionStateMachine<RedisCall>.Limits
    var reconnect: RedisConfiguration.Reconnect
    var keepAlive: Duration?
    var signIn: SignIn
    var counters: RedisCounters
  }

  /// What its owner wants to know. All on the loop's thread.
  struct Observer: Sendable {
    /// Signed in.
    var becameActive: @Sendable () -> Void = {}
    /// Gone, or not made.
    var failed: @Sendable (RedisError) -> Void = { _ in }
    /// Nobody asked for it. Nil for connections on which that is an error.
    var received: (@Sendable (RedisReply) -> Void)?
  }

  private struct Shared {
    var machine: ConnectionStateMachine<RedisCall>
    /// What has been submitted and not been sent.
    var output = OutputBuffer()
    /// -1 while there is no socket that can be written to.
    var descriptor: CInt = -1
    /// The loop has something in hand, and looks here again when it is done.
    var isLoopSending = false
    var isFlushRequested = false
  }

  /// What a caller sends itself is at most this much: more is for the loop.
  private static let directLimit = 16 * 1024

  let endpoint: RedisEndpoint
  private let settings: Settings
  private let observer: Observer
  private let loop: RedisEventLoop
  private let shared: Locked<Shared>

  // The loop's.
  private var context: UnsafeMutablePointer<redisContext>?
  private var reader: ReplyReader?
  private var sending = OutputBuffer()
  private var isConnected = false
  private var wantsToWrite = false
  private var replies: [RedisReply] = []
  /// What of the host is still to be tried.
  private var addresses: [String] = []
  private var attempt = 0
  private var isResolving = false
  private var firstProblem: RedisError?

  /// Nothing happens before the loop has taken it in by `add`, and nothing after it has let it go.
  init(_ endpoint: RedisEndpoint, settings: Settings, loop: RedisEventLoop, observer: Observer = Observer()) {
    self.endpoint = endpoint
    self.settings = settings
    self.loop = loop
    self.observer = observer
    shared = Locked(
      Shared(
        machine: ConnectionStateMachine(
          limits: settings.limits,
          backoff: ReconnectBackoff(
            minimum: settings.reconnect.minimum.inNanoseconds, maximum: settings.reconnect.maximum.inNanoseconds))))
  }

  deinit { if let context { redisFree(context) } }

  // MARK: From any thread

  var isActive: Bool { shared.withLock { $0.machine.isActive } }
  var lastFailure: RedisError? { shared.withLock { $0.machine.lastFailure } }
  var queuedCommands: Int { shared.withLock { $0.machine.queuedCommands } }

  /// Sends the commands of `call`, and finishes it with the answers.
  ///
  /// - Returns: Why not, if not; then `call` is not finished.
  func submit(_ call: RedisCall, now: Int64) -> RedisError? {
    enum Next { case refuse(RedisError), wake, arm }
    let next = shared.withLock { shared -> Next in
      let isQuiet = shared.machine.isQuiet && !shared.isLoopSending && shared.output.isEmpty
      if let error = shared.machine.submit(
        call, commandCount: call.commands.count, byteCount: call.byteCount, now: now, deadline: call.deadline)
      {
        return .refuse(error)
      }
      for command in call.commands { shared.output.append(command) }
      // The descriptor cannot be closed meanwhile: the loop does that only after it has taken it out of here.
      if isQuiet, call.byteCount <= Self.directLimit, shared.output.send(to: shared.descriptor) == .complete {
        return .arm
      }
      if shared.isFlushRequested || shared.isLoopSending { return .arm }
      shared.isFlushRequested = true
      return .wake
    }
    switch next {
    case .refuse(let error): return error
    case .wake: loop.requestFlush(self)
    case .arm: loop.note(deadline: call.deadline)
    }
    return nil
  }

  /// Sends commands whose answers go to the observer.
  func post(_ commands: [RedisCommand]) {
    shared.withLock { shared in
      guard shared.machine.isActive else { return }
      for command in commands { shared.output.append(command) }
    }
    loop.requestFlush(self)
  }

  /// Closes the connection for good.
  func remove() { loop.remove(self) }

  // MARK: On the loop's thread

  /// Not later than when `timePassed(now:)` has something to do.
  var nextDeadline: Int64 { shared.withLock { $0.machine.nextDeadline } }

  var descriptor: CInt { context?.pointee.fd ?? -1 }

  var interest: Int16 {
    guard isConnected else { return Int16(POLLOUT) }
    return Int16(POLLIN) | (wantsToWrite ? Int16(POLLOUT) : 0)
  }

  func begin(now: Int64) {
    guard shared.withLock({ $0.machine.begin(now: now) }) else { return }
    settings.counters.connecting()
    attempt += 1
    firstProblem = nil
    switch endpoint.address {
    case .unix(let path):
      take(redisConnectUnixNonBlock(path))
    case .tcp(let host, _) where Resolver.isAddress(host):
      addresses = [host]
      connectToNextAddress()
    case .tcp(let host, _):
      resolve(host)
    }
  }

  private func resolve(_ host: String) {
    // One at a time: a resolver that hangs must not collect threads.
    guard !isResolving else { return fail(RedisError(.resolutionFailed, "looking up \(host) takes too long")) }
    isResolving = true
    let attempt = attempt
    Resolver.resolve(host) { [weak self, loop] addresses in
      loop.execute { [weak self] in self?.resolved(host, addresses, attempt: attempt) }
    }
  }

  private func resolved(_ host: String, _ addresses: [String], attempt: Int) {
    isResolving = false
    // Too late: that attempt has been given up.
    guard self.attempt == attempt, context == nil, shared.withLock({ $0.machine.isConnecting }) else { return }
    guard !addresses.isEmpty else { return fail(RedisError(.resolutionFailed, "the host \(host) has no address")) }
    self.addresses = addresses
    connectToNextAddress()
  }

  private func connectToNextAddress() {
    guard case .tcp(_, let port) = endpoint.address, !addresses.isEmpty else {
      return fail(firstProblem ?? RedisError(.connectFailed, "\(endpoint) cannot be reached"))
    }
    take(redisConnectNonBlock(addresses.removeFirst(), CInt(port)))
  }

  private func take(_ connecting: UnsafeMutablePointer<redisContext>?) {
    guard let connecting else { return fail(RedisError(.connectFailed, "no memory for a connection")) }
    guard connecting.pointee.err == 0 else {
      let reason = withUnsafeBytes(of: &connecting.pointee.errstr) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      redisFree(connecting)
      return tryAnother(after: reason)
    }
    chr_prepare_socket(connecting.pointee.fd)
    context = connecting
    isConnected = false
  }

  private func tryAnother(after reason: String) {
    if let context { redisFree(context) }
    context = nil
    firstProblem = firstProblem ?? RedisError(.connectFailed, "\(endpoint) cannot be reached: \(reason)")
    connectToNextAddress()
  }

  func ready(events: Int16, now: Int64) {
    guard isConnected else { return finishConnecting(now: now) }
    if events & Int16(POLLIN | POLLERR | POLLHUP) != 0 { read(now: now) }
    if wantsToWrite, events & Int16(POLLOUT) != 0 {
      wantsToWrite = false
      flush(now: now)
    }
  }

  private func finishConnecting(now: Int64) {
    let code = chr_socket_error(descriptor)
    guard code == 0 else { return tryAnother(after: String(cString: strerror(-code))) }
    if case .tcp = endpoint.address, let keepAlive = settings.keepAlive {
      chr_keep_alive(descriptor, CInt(clamping: keepAlive.components.seconds))
    }
    isConnected = true
    reader = ReplyReader()
    let commands = settings.signIn.steps.map { SignIn.command($0) }
    shared.withLock { shared in
      shared.machine.connected(signInCount: commands.count)
      shared.descriptor = descriptor
      for command in commands { shared.output.append(command) }
    }
    flush(now: now)
  }

  /// Sends what there is, until the socket takes no more.
  func flush(now: Int64) {
    guard isConnected, !wantsToWrite else { return }
    while true {
      // What could not be sent the last time goes first.
      guard sending.isEmpty || finishSending() else { return }
      shared.withLock { shared in
        shared.isFlushRequested = false
        swap(&shared.output, &sending)
        shared.isLoopSending = !sending.isEmpty
      }
      guard !sending.isEmpty else { return }
    }
  }

  /// - Returns: Whether all of it is sent.
  private func finishSending() -> Bool {
    switch sending.send(to: descriptor) {
    case .complete: return true
    case .blocked: wantsToWrite = true
    case .failed(let code):
      fail(RedisError(.connectionLost, "the connection broke while sending: \(String(cString: strerror(code)))"))
    }
    return false
  }

  private func read(now: Int64) {
    var failure: RedisError?
    replies.removeAll(keepingCapacity: true)
    do throws(RedisError) {
      // Some rounds only: others want to be read too.
      for _ in 0..<8 { guard try readOnce() else { break } }
    } catch {
      failure = error
    }
    dispatch(now: now)
    replies.removeAll(keepingCapacity: true)
    if let failure { fail(failure) }
  }

  /// - Returns: Whether there may be more.
  private func readOnce() throws(RedisError) -> Bool {
    guard let reader else { return false }
    let large = reader.largeRemainder
    let buffer = large ?? loop.scratch
    let count = chr_receive(descriptor, buffer.baseAddress, buffer.count)
    guard count > 0 else {
      let code = CInt(-count)
      guard code != EAGAIN && code != EWOULDBLOCK else { return false }
      throw RedisError(
        .connectionLost,
        count == 0
          ? "the server closed the connection"
          : "the connection broke while receiving: \(String(cString: strerror(code)))")
    }
    if large != nil {
      try reader.advanceLarge(count, into: &replies)
    } else {
      try reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count]), into: &replies)
    }
    return count == buffer.count
  }

  /// Gives the replies to those who wait for them.
  private func dispatch(now: Int64) {
    var deliveries: [(RedisCall, [RedisReply])] = []
    var unsolicited: [RedisReply] = []
    var failure: RedisError?
    var becomesActive = false
    shared.withLock { shared in
      shared.machine.sawSignOfLife(now: now)
      for reply in replies {
        switch shared.machine.received(reply) {
        case .none: break
        case .deliver(let call, let replies): deliveries.append((call, replies))
        case .unsolicited: unsolicited.append(reply)
        case .signIn(let index):
          failure = failure ?? SignIn.problem(with: reply, to: settings.signIn.steps[index])
          if failure == nil, shared.machine.signedIn() { becomesActive = true }
        }
      }
    }
    loop.deliveries += deliveries.count
    for (call, replies) in deliveries { call.finish(.success(replies)) }
    if let failure { return fail(failure) }
    if becomesActive {
      settings.counters.connected()
      observer.becameActive()
    }
    guard !unsolicited.isEmpty else { return }
    if let received = observer.received {
      for reply in unsolicited { received(reply) }
    } else {
      fail(
        unsolicited.first?.error
          ?? RedisError(.protocolViolation, "the server answered what nobody asked; the connection cannot be trusted"))
    }
  }

  func timePassed(now: Int64) {
    let expiry = shared.withLock { $0.machine.timePassed(now: now) }
    for call in expiry.waiters {
      call.finish(.failure(RedisError(.commandTimedOut, "\(endpoint) has not answered in time")))
    }
    if let failure = expiry.failure { fail(failure) } else if expiry.begins { begin(now: now) }
  }

  private func fail(_ error: RedisError) {
    let waiters = shared.withLock { shared in
      reset(&shared)
      return shared.machine.failed(error, now: MonotonicTime.now, random: .random(in: 0...1))
    }
    release()
    settings.counters.count(error.code)
    for call in waiters { call.finish(.failure(error)) }
    observer.failed(error)
  }

  func close() {
    let waiters = shared.withLock { shared in
      reset(&shared)
      return shared.machine.close()
    }
    release()
    for call in waiters { call.finish(.failure(RedisError(.shutDown, "the client was shut down"))) }
  }

  private func reset(_ shared: inout Shared) {
    shared.descriptor = -1
    shared.output.clear()
    shared.isLoopSending = false
    shared.isFlushRequested = false
  }

  private func release() {
    if let context { redisFree(context) }
    context = nil
    reader = nil
    sending.clear()
    isConnected = false
    wantsToWrite = false
    addresses = []
  }
}

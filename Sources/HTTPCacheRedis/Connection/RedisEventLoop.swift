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

/// The thread that waits for servers.
///
/// One for all connections of a client, not one for each: what it does for an answer takes less than a microsecond, so that
/// a thread per connection would mostly add switches between threads; nothing it does blocks, so that connections cannot
/// hold each other up; and a cluster of a hundred nodes does not need hundreds of threads. Those with very many cores can
/// have several (``RedisConfiguration/eventLoopCount``).
///
/// `poll(2)`, because a client has few connections, and there is one way to write it for all systems.
final class RedisEventLoop: @unchecked Sendable {
  // @unchecked: `members` and what is below it are touched by the loop's own thread only; other threads reach the loop
  // through `mailbox`, which has a lock, and `armed`, which is atomic.

  private struct Mailbox {
    var flushes: [RedisConnection] = []
    var jobs: [@Sendable () -> Void] = []
    var isSignalled = false
    var isStopping = false
    var isStopped = false
    var stopWaiters: [UnsafeContinuation<Void, Never>] = []
  }

  private let wakeup: chr_wakeup
  private let mailbox = Locked(Mailbox())
  /// Until when the loop sleeps at most. Who has an earlier deadline must wake it.
  private let armed = Atomic<Int64>(.max)

  private var members: [RedisConnection] = []
  /// What is waited for, and for whom; the first is the wakeup, and nobody's.
  private var descriptors: [pollfd] = []
  private var polled: [RedisConnection] = []
  /// How long the loop stays armed for the next command after an answer, so that it need not be woken for every one.
  private let linger: Int64
  private var lingersUntil = Int64.min
  /// Where sockets are read into; what is there is gone when the reader returns.
  let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 16)

  /// Starts the thread, which runs until `stop()`.
  init(commandTimeout: Int64) throws(RedisError) {
    var wakeup = chr_wakeup()
    let code = chr_wakeup_open(&wakeup)
    guard code == 0 else { throw Self.failure("eventfd", -code) }
    self.wakeup = wakeup
    linger = commandTimeout
    let created = DetachedThread.start { [self] in run() }
    guard created == 0 else { throw Self.failure("pthread_create", created) }
  }

  deinit {
    chr_wakeup_close(wakeup)
    scratch.deallocate()
  }

  private static func failure(_ operation: String, _ code: CInt) -> RedisError {
    RedisError(
      .connectFailed, "the system has no thread or descriptor for the connection: \(operation) failed with \(code)")
  }

  // MARK: From any thread

  /// Runs `job` on the loop's thread. After `stop()` it is not run.
  func execute(_ job: @escaping @Sendable () -> Void) { post { $0.jobs.append(job) } }

  /// Has `connection` send what it has.
  func requestFlush(_ connection: RedisConnection) { post { $0.flushes.append(connection) } }

  /// Has the loop look at the deadlines if it would not do so until `deadline`.
  func note(deadline: Int64) {
    // Sequentially consistent, as the loop's own stores: see `sleepLimit()`.
    if deadline < armed.load(ordering: .sequentiallyConsistent) { post { _ in } }
  }

  private func post(_ change: (inout Mailbox) -> Void) {
    let needsSignal = mailbox.withLock { mailbox -> Bool in
      guard !mailbox.isStopped else { return false }
      change(&mailbox)
      defer { mailbox.isSignalled = true }
      return !mailbox.isSignalled
    }
    if needsSignal { chr_wakeup_signal(wakeup) }
  }

  /// Closes all connections and ends the thread.
  func stop() { post { $0.isStopping = true } }

  /// Returns when the thread has ended.
  func waitUntilStopped() async {
    await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
      let isStopped = mailbox.withLock { mailbox in
        if !mailbox.isStopped { mailbox.stopWaiters.append(continuation) }
        return mailbox.isStopped
      }
      if isStopped { continuation.resume() }
    }
  }

  /// Takes a connection in, and has it connect.
  func add(_ connection: RedisConnection) {
    execute { [self] in
      members.append(connection)
      connection.begin(now: MonotonicTime.now)
    }
  }

  /// Closes a connection and lets it go.
  func remove(_ connection: RedisConnection) {
    execute { [self] in
      connection.close()
      members.removeAll { $0 === connection }
    }
  }

  // MARK: The loop

  private func run() {
    while true {
      let limit = sleepLimit()
      let isIdle = wait(until: limit)
      let now = MonotonicTime.now
      let mail = takeMail()
      if mail.isStopping { break }
      for job in mail.jobs { job() }
      for connection in mail.flushes { connection.flush() }
      for index in descriptors.indices.dropFirst() where descriptors[index].revents != 0 {
        let connection = polled[index - 1]
        // A job may have closed it since, or given it another socket.
        guard connection.descriptor == descriptors[index].fd else { continue }
        connection.ready(events: descriptors[index].revents, now: now)
        lingersUntil = now + linger
      }
      for connection in members where connection.isGathering { connection.endGathering(now: now, isIdle: isIdle) }
      if limit <= now { for connection in members { connection.timePassed(now: now) } }
    }
    finish()
  }

  /// When something is due at the latest.
  private func sleepLimit() -> Int64 {
    // Who submits stores a deadline and then looks at `armed`. Until the new value is there `armed` wakes for everything,
    // so that a deadline stored after a member was asked is seen on one side or the other.
    armed.store(.max, ordering: .sequentiallyConsistent)
    var limit = lingersUntil
    if limit <= MonotonicTime.now { limit = .max }
    for member in members { limit = min(limit, member.nextDeadline) }
    armed.store(limit, ordering: .sequentiallyConsistent)
    return limit
  }

  /// - Returns: Whether nothing has come.
  private func wait(until limit: Int64) -> Bool {
    descriptors.removeAll(keepingCapacity: true)
    descriptors.append(pollfd(fd: wakeup.reading, events: Int16(POLLIN), revents: 0))
    polled = members
    for member in polled { descriptors.append(pollfd(fd: member.descriptor, events: member.interest, revents: 0)) }
    var milliseconds: CInt = -1
    if limit != .max {
      // Rounded up, or the loop would spin through the last millisecond.
      milliseconds = CInt(clamping: max(0, (limit - MonotonicTime.now + 999_999) / 1_000_000))
    }
    // See `RedisConnection.endGathering(now:isIdle:)`.
    if milliseconds != 0, members.contains(where: \.isGathering) { milliseconds = 1 }
    let ready = descriptors.withUnsafeMutableBytes {
      chr_poll($0.baseAddress, UInt32(polled.count + 1), milliseconds)
    }
    if ready < 0 { for index in descriptors.indices { descriptors[index].revents = 0 } }
    return ready == 0
  }

  private func takeMail() -> Mailbox {
    if descriptors[0].revents != 0 { chr_wakeup_clear(wakeup) }
    return mailbox.withLock { mailbox in
      var taken = Mailbox()
      guard mailbox.isSignalled else { return taken }
      mailbox.isSignalled = false
      swap(&taken.flushes, &mailbox.flushes)
      swap(&taken.jobs, &mailbox.jobs)
      taken.isStopping = mailbox.isStopping
      return taken
    }
  }

  private func finish() {
    for connection in members { connection.close() }
    members.removeAll()
    polled.removeAll()
    let waiters = mailbox.withLock { mailbox in
      mailbox.isStopped = true
      mailbox.flushes.removeAll()
      mailbox.jobs.removeAll()
      defer { mailbox.stopWaiters.removeAll() }
      return mailbox.stopWaiters
    }
    for waiter in waiters { waiter.resume() }
  }
}

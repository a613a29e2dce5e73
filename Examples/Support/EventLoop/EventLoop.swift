//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc
  import HTTPCache

  /// One thread that waits for sockets, timers and jobs, and runs what they bring.
  ///
  /// It is an executor: a connection is an actor on its loop, and the handler of a request runs on the loop too. A request
  /// that is answered from memory is read, answered and written without ever leaving its thread.
  ///
  /// **Do not block a handler** that runs here: every other connection of the loop would wait with it.
  public final class EventLoop: TaskExecutor, SerialExecutor, @unchecked Sendable {
    // @unchecked: everything mutable is touched only by the loop's own thread, which `isCurrent` tells; other threads
    // reach the loop only through `remote`, which has a lock.
    //
    // Exclusivity is unchecked where it would be checked several times for every event. It holds: nobody is called while a
    // property is being changed.

    private enum Work {
      case job(UnownedJob)
      case closure(@Sendable () -> Void)
    }

    private struct Remote {
      var work: [Work] = []
      var isSignalled = false
    }

    private struct Slot {
      var source: (any EventSource)?
      var generation: UInt32 = 0
    }

    /// A place in the loop's table of sources. Out of date as soon as the source is removed: late events find nobody.
    struct Registration {
      fileprivate let token: UInt64
      fileprivate let descriptor: CInt
    }

    private static let wakeupToken = UInt64.max

    private let name: String
    private let epoll: CInt
    private let wakeup: CInt
    private let remote = Guarded(Remote())
    @exclusivity(unchecked) private var ready: [Work] = []
    @exclusivity(unchecked) private var running: [Work] = []
    @exclusivity(unchecked) private var timers = TimerQueue()
    @exclusivity(unchecked) private var slots: [Slot] = []
    private var freeSlots: [Int] = []

    /// The time at the beginning of this round, in nanoseconds of the monotonic clock.
    @exclusivity(unchecked) private(set) var now: Int64
    /// Where sockets are read into; its content is gone when the reader returns.
    let scratch: UnsafeMutableRawBufferPointer
    /// The `Date` field line, made once a second.
    @exclusivity(unchecked) var dateLine = DateLine()
    /// Where small responses are put together before they are sent; its content is gone when the writer returns.
    let outgoing: UnsafeMutableRawBufferPointer

    /// Starts the thread. It runs until the process ends: an executor must outlive every job that may still come to it.
    init(name: String) throws(SocketError) {
      self.name = name
      epoll = try SocketError.check("epoll_create1", cel_epoll_create())
      wakeup = try SocketError.check("eventfd", cel_eventfd())
      _ = try SocketError.check("epoll_ctl", cel_epoll_add_level(epoll, wakeup, Self.wakeupToken))
      now = cel_monotonic_nanoseconds()
      scratch = .allocate(byteCount: 64 * 1024, alignment: 16)
      outgoing = .allocate(byteCount: 16 * 1024, alignment: 16)
      // The process's signals may be delivered here: there may be no other thread that takes any.
      let code = DetachedThread.start(takesSignals: true) { [self] in run() }
      guard code == 0 else { throw SocketError(operation: "pthread_create", code: code) }
    }

    // MARK: Executor

    /// The loop of the calling thread; nil on any other thread.
    public static var current: EventLoop? {
      cel_current_loop().map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Whether the calling thread is this loop's.
    var isCurrent: Bool { cel_current_loop() == Unmanaged.passUnretained(self).toOpaque() }

    /// Runs `job` on the loop's thread.
    public func enqueue(_ job: consuming ExecutorJob) { submit(.job(UnownedJob(job))) }

    /// Runs `closure` on the loop's thread, after what is already waiting there.
    func execute(_ closure: @escaping @Sendable () -> Void) { submit(.closure(closure)) }

    /// Runs `closure` on the loop's thread: now when this is it, otherwise after what is already waiting there.
    func perform(_ closure: @escaping @Sendable () -> Void) {
      if isCurrent { closure() } else { submit(.closure(closure)) }
    }

    /// Traps unless the calling thread is this loop's.
    public func checkIsolated() {
      precondition(isCurrent, "this must run on the event loop that owns the connection")
    }

    /// Whether the calling thread is this loop's.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }

    private func submit(_ work: Work) {
      if isCurrent {
        ready.append(work)
        return
      }
      let needsWakeup = remote.withLock { remote in
        remote.work.append(work)
        defer { remote.isSignalled = true }
        return !remote.isSignalled
      }
      if needsWakeup { cel_eventfd_signal(wakeup) }
    }

    // MARK: Timers

    /// Sets when `timer` is due. On the loop's thread only.
    func schedule(_ timer: LoopTimer, at deadline: Int64) { timers.schedule(timer, at: deadline) }

    /// Forgets `timer`. On the loop's thread only.
    func remove(_ timer: LoopTimer) { timers.remove(timer) }

    // MARK: Sockets

    enum Trigger { case stream, listener, level }

    /// Reports what happens to `descriptor` to `source`, which is kept alive until it is removed. On the loop's thread only.
    func register(_ descriptor: CInt, as trigger: Trigger, _ source: any EventSource) throws(SocketError)
      -> Registration
    {
      checkIsolated()
      let index = freeSlots.popLast() ?? slots.count
      if index == slots.count { slots.append(Slot()) }
      let token = UInt64(slots[index].generation) << 32 | UInt64(index)
      let code =
        switch trigger {
        case .stream: cel_epoll_add_stream(epoll, descriptor, token)
        case .listener: cel_epoll_add_listener(epoll, descriptor, token)
        case .level: cel_epoll_add_level(epoll, descriptor, token)
        }
      guard code >= 0 else {
        freeSlots.append(index)
        throw SocketError(operation: "epoll_ctl", code: -code)
      }
      slots[index].source = source
      return Registration(token: token, descriptor: descriptor)
    }

    /// Stops reporting. The descriptor must still be open. On the loop's thread only.
    func deregister(_ registration: Registration) {
      checkIsolated()
      let index = Int(registration.token & 0xFFFF_FFFF)
      guard slots[index].generation == UInt32(registration.token >> 32), slots[index].source != nil else { return }
      _ = cel_epoll_remove(epoll, registration.descriptor)
      slots[index].source = nil
      slots[index].generation &+= 1
      freeSlots.append(index)
    }

    // MARK: The loop

    private func run() -> Never {
      cel_set_thread_name(name)
      cel_set_current_loop(Unmanaged.passUnretained(self).toOpaque())
      // A write to a connection that is gone must be an error of that connection, whoever does the writing.
      var signals = sigset_t()
      sigemptyset(&signals)
      sigaddset(&signals, SIGPIPE)
      pthread_sigmask(SIG_BLOCK, &signals, nil)

      let events = UnsafeMutablePointer<cel_event>.allocate(capacity: 256)
      while true {
        let count = cel_epoll_wait(epoll, events, 256, timeout())
        precondition(count >= 0, "epoll_wait failed: \(SocketError(operation: "epoll_wait", code: -count))")
        now = cel_monotonic_nanoseconds()
        for index in 0..<Int(count) { dispatch(events[index]) }
        while let timer = timers.popDue(now: now) { timer.action() }
        runReady()
      }
    }

    private func timeout() -> CInt {
      guard ready.isEmpty else { return 0 }
      guard let deadline = timers.nextDeadline else { return -1 }
      // Rounded up, or the loop would spin through the last millisecond before each deadline.
      return CInt(clamping: max(0, (deadline - cel_monotonic_nanoseconds() + 999_999) / 1_000_000))
    }

    private func dispatch(_ event: cel_event) {
      guard event.token != Self.wakeupToken else {
        cel_eventfd_clear(wakeup)
        let work = remote.withLock { remote in
          remote.isSignalled = false
          var taken: [Work] = []
          swap(&taken, &remote.work)
          return taken
        }
        ready.append(contentsOf: work)
        return
      }
      let slot = slots[Int(event.token & 0xFFFF_FFFF)]
      guard slot.generation == UInt32(event.token >> 32) else { return }
      slot.source?.socketIsReady(ReadyEvents(rawValue: event.events))
    }

    /// Runs what is ready, and what that makes ready; after some rounds the sockets have their turn again.
    private func runReady() {
      var rounds = 0
      while !ready.isEmpty, rounds < 16 {
        rounds += 1
        swap(&ready, &running)
        for work in running {
          switch work {
          case .job(let job):
            // Both, because connections are actors on this executor and their handlers' tasks prefer it: neither has to
            // be enqueued again to get to the other.
            job.runSynchronously(isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
          case .closure(let closure):
            closure()
          }
        }
        running.removeAll(keepingCapacity: true)
      }
    }
  }
#endif

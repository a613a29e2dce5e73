//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc

  /// Turns signals into a call on an event loop.
  actor SignalWatch: EventSource {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private let action: @Sendable () -> Void
    private var registration: EventLoop.Registration?

    init(loop: EventLoop, action: @escaping @Sendable () -> Void) {
      self.loop = loop
      self.action = action
    }

    func start(_ signals: [CInt]) throws {
      // Never closed: a signal handler that is on its way may still write to it.
      let descriptor = try SocketError.check("eventfd", cel_eventfd())
      registration = try loop.register(descriptor, as: .stream, self)
      for signal in signals { _ = try SocketError.check("sigaction", cel_signal_to_eventfd(signal, descriptor)) }
    }

    func stop(_ signals: [CInt]) {
      for signal in signals { _ = cel_restore_signal(signal) }
      if let registration { loop.deregister(registration) }
      registration = nil
    }

    nonisolated func socketIsReady(_ events: ReadyEvents) {
      // An eventfd can be written to from the start, and is reported as such.
      if events.contains(.readable) { action() }
    }
  }
#endif

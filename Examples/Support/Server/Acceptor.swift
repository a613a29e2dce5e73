//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc

  /// Accepts connections on one loop.
  actor Acceptor: EventSource {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private let descriptor: CInt
    private let loops: [EventLoop]
    private let core: ServerCore
    private var turn = 0
    private var registration: EventLoop.Registration?
    private var pauseTimer: LoopTimer?
    private var isStopped = false

    init(descriptor: CInt, loop: EventLoop, loops: [EventLoop], core: ServerCore) {
      self.descriptor = descriptor
      self.loop = loop
      self.loops = loops
      self.core = core
    }

    func start() throws {
      turn = loops.firstIndex { $0 === loop } ?? 0
      pauseTimer = LoopTimer { [weak self] in self?.assumeIsolated { $0.resume() } }
      registration = try loop.register(descriptor, as: .listener, self)
    }

    func stop() {
      isStopped = true
      if let registration { loop.deregister(registration) }
      registration = nil
      if let pauseTimer { loop.remove(pauseTimer) }
    }

    nonisolated func socketIsReady(_ events: ReadyEvents) { assumeIsolated { $0.acceptSome() } }

    /// A few at a time: the connections that are there have their turn in between.
    private func acceptSome() {
      for _ in 0..<16 {
        guard registration != nil else { return }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let accepted = cel_accept(descriptor, &storage, &length)
        switch -accepted {
        case _ where accepted >= 0: admit(accepted, from: SocketAddress(storage)?.host ?? "unknown")
        case EAGAIN: return
        case ECONNABORTED, EPROTO, EPERM: continue
        default:
          // Out of descriptors or memory, most likely. The listener stays readable, so looking again at once would spin.
          core.configuration.onError(SocketError(operation: "accept", code: -accepted))
          pause()
          return
        }
      }
    }

    private func admit(_ accepted: CInt, from host: String) {
      cel_set_nodelay(accepted)
      if let size = core.configuration.socketSendBufferSize {
        _ = cel_set_flag(accepted, SOL_SOCKET, SO_SNDBUF, CInt(clamping: size))
      }
      turn = (turn + 1) % loops.count
      let connection = ServerConnection(descriptor: accepted, peerHost: host, loop: loops[turn], core: core)
      guard core.add(connection) else {
        let refusal: StaticString = """
          HTTP/1.1 503 Service Unavailable\r
          Content-Type: text/plain; charset=utf-8\r
          Cache-Control: no-store\r
          Content-Length: 66\r
          Connection: close\r
          Retry-After: 1\r
          \r
          This server has as many connections as it takes. Try again later.

          """
        _ = cel_send1(accepted, refusal.utf8Start, refusal.utf8CodeUnitCount)
        _ = cel_close(accepted)
        return
      }
      connection.perform { $0.start() }
    }

    private func pause() {
      if let registration { loop.deregister(registration) }
      registration = nil
      if let pauseTimer { loop.schedule(pauseTimer, at: loop.now &+ 100_000_000) }
    }

    private func resume() {
      guard !isStopped, registration == nil else { return }
      do {
        registration = try loop.register(descriptor, as: .listener, self)
      } catch {
        core.configuration.onError(error)
        pause()
      }
    }
  }
#endif

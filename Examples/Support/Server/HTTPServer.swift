//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  public import HTTPCache

  /// A small HTTP/1.1 server.
  ///
  /// ```swift
  /// let server = try HTTPServer(configuration: .init(port: 8080), service: handler.layer(cache))
  /// print("listening on \(server.address)")
  /// try await server.runUntilSignalled()
  /// ```
  ///
  /// Connections are spread over event loops, and each handler runs on the loop of its connection: a response from memory
  /// is sent without leaving the thread that read the request. A handler must therefore not block; it may suspend for as
  /// long as it likes.
  public final class HTTPServer: Sendable {
    private enum State {
      case idle
      case running(CheckedContinuation<Void, Never>?)
      case stopping
    }

    /// Where the server listens; with the actual port when any free one was asked for.
    public let address: SocketAddress
    private let listener: Listener
    private let core: ServerCore
    let loops: [EventLoop]
    private let state = Guarded(State.idle)

    /// Binds the address and begins to listen. Clients that connect wait until `run()`.
    ///
    /// - Parameters:
    ///   - configuration: Where to listen, and what to put up with.
    ///   - service: Answers the requests.
    ///   - immediate: Asked first, on the thread that has read the request, when that has no content: what it returns is sent
    ///     without waking the connection's task. For what is at hand (``CacheLayer/immediateResponse(to:)``): when it returns
    ///     nil, or a response that is a stream, `service` is called.
    /// - Throws: ``SocketError`` when the address is taken or not this machine's, ``ResolutionError`` when it is no address.
    public init(
      configuration: Configuration = Configuration(), service: some Service<CacheRequest, CacheResponse>,
      immediate: (@Sendable (CacheRequest) -> CacheResponse?)? = nil
    ) throws {
      let listener = try Listener(host: configuration.host, port: configuration.port)
      let isWildcard = listener.address.host == "0.0.0.0" || listener.address.host == "::"
      let port = listener.address.port
      let authority = isWildcard ? "localhost:\(port)" : listener.address.description
      self.listener = listener
      address = listener.address
      loops = (configuration.loops ?? .shared).loops
      core = ServerCore(configuration: configuration, defaultAuthority: authority, immediate: immediate) { request in
        try await service.call(request)
      }
    }

    /// The number of open connections.
    public var connectionCount: Int { core.connectionCount }

    /// Serves until `shutdown()` is called or the task is cancelled, and then until the requests in flight are answered, or
    /// the shutdown timeout has passed.
    ///
    /// - Precondition: A server runs once.
    public func run() async throws {
      var acceptors: [Acceptor] = []
      for loop in loops {
        let acceptor = listener.accept(on: loop, for: core, dealingTo: loops)
        acceptors.append(acceptor)
        do {
          try await acceptor.start()
        } catch {
          for acceptor in acceptors { await acceptor.stop() }
          throw error
        }
      }
      await withTaskCancellationHandler {
        await withCheckedContinuation { continuation in
          let isStopping = state.withLock { state in
            switch state {
            case .idle:
              state = .running(continuation)
              return false
            case .running: preconditionFailure("a server runs once")
            case .stopping: return true
            }
          }
          if isStopping { continuation.resume() }
        }
      } onCancel: {
        shutdown()
      }
      for acceptor in acceptors { await acceptor.stop() }
      listener.close()
      await drain()
    }

    /// Stops accepting connections, closes the idle ones, and lets the requests in flight be answered. Returns at once;
    /// `run()` returns when it is done. Calling it again does nothing.
    public func shutdown() {
      let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
        defer { state = .stopping }
        if case .running(let continuation) = state { return continuation }
        return nil
      }
      continuation?.resume()
    }

    private func drain() async {
      core.drain()
      let core = core
      // A task of its own, because this one may have been cancelled: that is one of the ways to get here.
      let deadline = Task.detached { [timeout = core.configuration.shutdownTimeout] in
        try await Task.sleep(for: timeout)
        core.abortAll()
      }
      await core.becomesEmpty()
      deadline.cancel()
    }
  }
#endif

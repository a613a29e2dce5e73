//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc
  import HTTPCache

  /// One connection to an upstream server, an actor on its event loop. It carries one request at a time.
  actor UpstreamConnection: EventSource {
    enum ContentStep {
      case bytes(Bytes)
      case end(trailers: HeaderFields?)
    }

    enum Phase {
      case connecting, idle, busy, closed
    }

    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let pool: UpstreamPool
    let configuration: UpstreamClient.Configuration
    let origin: String
    var descriptor: CInt = -1
    var registration: EventLoop.Registration?
    var timer: LoopTimer?
    var phase = Phase.connecting
    var isReadable = false
    /// Whether the server has ended its side, or the connection has broken. No event says so again: from then on what is there
    /// has been read only when a read says so.
    var isPeerClosed = false
    var isConnected = false

    // The request.
    var number = 0
    var output = OutputQueue()
    var isRequestSent = false
    var isSendingImpossible = false
    var sender: Task<Void, Never>?
    var senderWaiter: UnsafeContinuation<Void, Never>?
    var onInformational: (@Sendable (InformationalResponse) -> Void)?

    // The response.
    var parser: ResponseParser?
    var head: ResponseHead?
    var hasReceived = false
    var chunks: [Bytes] = []
    var bufferedCount = 0
    var ending: HeaderFields??
    var failure: (any Error)?
    var keepsAlive = false
    var waiter: UnsafeContinuation<Void, Never>?
    /// The use of the connection by the current request.
    var lease: ConnectionLease?
    /// Whether the connection may not be used again, because the server may take the request's content for a request.
    var endsAfterResponse = false
    /// Whether the last response was one that has no content, which a broken server may send all the same.
    var mayHaveStrayContent = false

    init(loop: EventLoop, pool: UpstreamPool, configuration: UpstreamClient.Configuration, origin: String) {
      self.loop = loop
      self.pool = pool
      self.configuration = configuration
      self.origin = origin
    }

    /// Calls `body` on the loop's thread: now when this is it, otherwise soon.
    nonisolated func perform(_ body: @escaping @Sendable (isolated UpstreamConnection) -> Void) {
      loop.perform { self.assumeIsolated(body) }
    }

    // MARK: Connecting

    /// Connects. When that fails the connection is closed, but its slot in the pool is still the caller's.
    func connect(to address: SocketAddress, within timeout: Int64) async throws {
      descriptor = try SocketError.check("socket", cel_socket(address.family))
      cel_set_nodelay(descriptor)
      timer = LoopTimer { [weak self] in self?.assumeIsolated { $0.timerFired() } }
      do {
        let code = address.withStorage { cel_connect(descriptor, $0, $1) }
        guard code == 0 || code == -EINPROGRESS else { throw SocketError(operation: "connect", code: -code) }
        registration = try loop.register(descriptor, as: .stream, self)
        setDeadline(after: timeout)
        await withTaskCancellationHandler {
          while !isConnected, failure == nil { await wait() }
        } onCancel: {
          perform { $0.fail(CancellationError()) }
        }
        if let failure { throw failure }
        phase = .busy
        setDeadline(after: nil)
      } catch {
        tearDown()
        throw error
      }
    }

    // MARK: Exchange

    /// Sends `request` and returns when the head of its response has arrived.
    ///
    /// - Throws: `StaleConnectionError` when the connection died before anything of the response had come, or was not free of
    ///   what belongs to the response before. The lease is the caller's to end if the connection is closed already.
    func exchange(_ request: CacheRequest, _ lease: ConnectionLease) async throws -> CacheResponse {
      if phase == .idle, mayHaveStrayContent, hasInput() { close() }
      guard phase != .closed else {
        throw StaleConnectionError(hasSentNothing: true, underlying: closedError("the connection was closed"))
      }
      self.lease = lease
      lease.begin(on: self)
      guard let serialized = SerializedRequest(request, authority: origin) else {
        // Nothing has been sent: the next request may have the connection.
        recycle()
        throw UpstreamError(
          .invalidRequest, origin: origin, "the method or target has characters in it that cannot be sent")
      }
      begin(request)
      endsAfterResponse = !request.body.isEmpty && !Self.methodsWithContent.contains(request.method)
      let number = number
      output.append(serialized.head)
      switch (serialized.content, request.body.bytes) {
      case (.none, _):
        isRequestSent = true
      case (_, let bytes?):
        output.append(bytes)
        isRequestSent = true
      case (_, nil):
        sender = Task(executorPreference: loop) { await self.send(request.body, serialized.content, number) }
      }
      setDeadline(after: configuration.contentTimeout.nanoseconds)
      flush()
      if isReadable { pump() }

      await withTaskCancellationHandler {
        while head == nil, failure == nil { await wait() }
      } onCancel: {
        perform { $0.cancelExchange(number) }
      }
      if let failure, head == nil {
        // What does not even begin like a response may be the rest of the one before.
        let isStray = number > 1 && parser?.hasStatusLine == false
        let wasSilent = !hasReceived
        close()
        if let error = failure as? UpstreamError,
          wasSilent && error.kind == .closed || isStray && error.kind == .badResponse
        {
          throw StaleConnectionError(hasSentNothing: false, underlying: error)
        }
        throw failure
      }
      guard let head else { throw closedError("the connection was closed") }
      return makeResponse(head)
    }

    private func begin(_ request: CacheRequest) {
      number += 1
      phase = .busy
      mayHaveStrayContent = false
      parser = ResponseParser(method: request.method, limits: configuration.limits)
      onInformational = request.onInformational
      output.removeAll()
      isRequestSent = false
      isSendingImpossible = false
      sender = nil
      head = nil
      hasReceived = false
      chunks = []
      bufferedCount = 0
      ending = nil
      failure = nil
      keepsAlive = false
    }

    private func makeResponse(_ head: ResponseHead) -> CacheResponse {
      onInformational = nil
      setDeadline(after: nil)
      var response = CacheResponse(status: head.status, fields: head.fields)
      if case .some(let trailers) = ending, failure == nil {
        // All of it came at once: nobody has to wait, and the connection is free.
        response.body = Body(Bytes(joining: chunks))
        response.trailers = trailers
        finishExchange()
      } else {
        let length: Int? = if case .length(let length) = head.framing { length } else { nil }
        response.body = Body(UpstreamBody(connection: self, number: number), length: length)
      }
      return response
    }

    func nextContent(_ number: Int) async throws -> ContentStep {
      while true {
        guard number == self.number, phase == .busy || !chunks.isEmpty || failure != nil else {
          throw BodyError.cancelled
        }
        if !chunks.isEmpty {
          // All at once: a server that sends a chunk for every octet must not cost a round for each.
          let all = Bytes(joining: chunks)
          chunks.removeAll(keepingCapacity: true)
          bufferedCount = 0
          lease?.clientHasGoneOn(at: loop.now)
          pump()
          return .bytes(all)
        }
        if case .some(let trailers) = ending {
          finishExchange()
          return .end(trailers: trailers)
        }
        if let failure {
          close()
          throw failure
        }
        pump()
        guard chunks.isEmpty, ending == nil, failure == nil else { continue }
        setDeadline(after: configuration.contentTimeout.nanoseconds)
        await wait()
        setDeadline(after: nil)
      }
    }

    /// Nobody wants (the rest of) the response.
    func abandon(_ number: Int) {
      guard number == self.number, phase == .busy, head != nil else { return }
      if ending != nil { finishExchange() } else { close() }
    }

    /// Whoever waits for the response no longer does.
    func cancelExchange(_ number: Int) {
      guard number == self.number, phase == .busy else { return }
      fail(CancellationError())
      close()
    }

    private func finishExchange() {
      guard phase == .busy else { return }
      if keepsAlive, isRequestSent, output.isEmpty { recycle() } else { close() }
    }

    private func recycle() {
      phase = .idle
      parser = nil
      chunks = []
      bufferedCount = 0
      setDeadline(after: configuration.idleTimeout.nanoseconds)
      let lease = lease.take()
      pool.put(self, after: lease)
    }

    /// Methods whose content every server reads. The content of others may have no meaning (RFC 9110 §9.3) or be unknown to the
    /// server, and a server that does not read it takes it for the next request.
    private static let methodsWithContent: Set<RequestMethod> = [.post, .put, .patch]

    /// Whether something has arrived that no request has asked for, the end of the connection included.
    private func hasInput() -> Bool {
      let scratch = loop.scratch
      return cel_read(descriptor, scratch.baseAddress, scratch.count) != -Int(EAGAIN)
    }

    /// Ends the exchange for `lease`, whose client has more than its share while others wait.
    func reclaim(_ lease: ConnectionLease) {
      guard self.lease === lease, phase == .busy else { return }
      let reason = "the client held more than its share while others waited for a connection"
      fail(UpstreamError(.overloaded, origin: origin, reason))
      close()
    }

    // MARK: Ending

    /// Ends the connection and gives its slot back.
    func close() {
      guard phase != .closed else { return }
      let isIdle = phase == .idle
      tearDown()
      // One that is idle but no longer in the pool has been leased: the lease finds it closed, and the slot is free.
      if isIdle { _ = pool.takeOut(self) }
      pool.didClose(after: lease.take())
    }

    private func tearDown() {
      phase = .closed
      if let registration { loop.deregister(registration) }
      registration = nil
      if descriptor >= 0 { _ = cel_close(descriptor) }
      descriptor = -1
      if let timer { loop.remove(timer) }
      output.removeAll()
      sender?.cancel()
      sender = nil
      onInformational = nil
      if ending == nil, failure == nil { failure = BodyError.cancelled }
      wake()
      wakeSender()
    }

    func fail(_ error: any Error) {
      if failure == nil, ending == nil { failure = error }
      wake()
      wakeSender()
    }

    func closedError(_ reason: String) -> UpstreamError { UpstreamError(.closed, origin: origin, reason) }

    // MARK: Events

    nonisolated func socketIsReady(_ events: ReadyEvents) { assumeIsolated { $0.handle(events) } }

    private func handle(_ events: ReadyEvents) {
      if phase == .connecting {
        let code = cel_socket_error(descriptor)
        if code < 0 {
          fail(SocketError(operation: "connect", code: -code))
        } else if events.contains(.writable) {
          isConnected = true
          isReadable = !events.isDisjoint(with: [.readable, .peerClosed])
          isPeerClosed = events.contains(.peerClosed)
          wake()
        }
        return
      }
      if events.contains(.writable), !output.isEmpty { flush() }
      guard phase != .closed, !events.isDisjoint(with: [.readable, .peerClosed, .failed]) else { return }
      isReadable = true
      if !events.isDisjoint(with: [.peerClosed, .failed]) { isPeerClosed = true }
      if parser == nil {
        // Whatever it is that comes without a request: the connection is over.
        close()
      } else {
        pump()
      }
    }

    private func timerFired() {
      switch phase {
      case .connecting:
        fail(UpstreamError(.timedOut, origin: origin, "it did not accept the connection in time"))
      case .idle:
        // Only if it is still in the pool; otherwise a request is on its way to it.
        if pool.takeOut(self) { close() }
      case .busy where head == nil:
        let what = isRequestSent ? "did not answer" : "did not take the request"
        fail(UpstreamError(.timedOut, origin: origin, "it \(what) in time"))
      case .busy:
        fail(UpstreamError(.timedOut, origin: origin, "its response stopped in the middle"))
      case .closed:
        break
      }
    }

    func setDeadline(after nanoseconds: Int64?) {
      guard let timer, phase != .closed else { return }
      loop.schedule(timer, at: nanoseconds.map { cel_monotonic_nanoseconds() &+ $0 } ?? .max)
    }

    private func wait() async {
      // Resumed once: `wake` takes it out before it resumes it, and every way the connection can end wakes.
      await withUnsafeContinuation { waiter = $0 }
    }

    func wake() {
      guard let waiter else { return }
      self.waiter = nil
      waiter.resume()
    }
  }
#endif

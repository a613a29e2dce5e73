//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc
  import HTTPCache

  /// One client's connection: an actor on its event loop, with one task that answers its requests one after the other.
  ///
  /// The task waits for a condition with `wait()`, and whatever may change one (the socket, a timer, a close) calls
  /// `wake()`. Nothing is lost in between, because all of it happens on the loop's thread.
  ///
  /// A request that can be answered at once never gets to the task: it is answered where it is read
  /// (ServerConnection+Immediate.swift).
  actor ServerConnection: EventSource {
    /// Where the request that is being read has got to.
    enum Message {
      /// Its head has not arrived yet.
      case none
      /// Its content is arriving.
      case content
      /// All of it has arrived. The next is not looked at before this one is answered.
      case complete
    }

    nonisolated let loop: EventLoop
    nonisolated let core: ServerCore
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    let peerHost: String
    let peerAddress: ClientAddress
    /// The client of the request that is being answered.
    @exclusivity(unchecked) private(set) var client: RequestClient?

    // Exclusivity is unchecked: checking it took as long as the rest of a hit. It holds, because all of this is touched on
    // the loop's thread only, and nothing that is called while a property is being changed calls the connection back: the
    // parser, the queue and the content call nobody, and resuming whoever waits only puts him into the loop's queue.
    @exclusivity(unchecked) var descriptor: CInt
    private var registration: EventLoop.Registration?
    private var task: Task<Void, Never>?
    @exclusivity(unchecked) private var waiter: UnsafeContinuation<Void, Never>?
    @exclusivity(unchecked) private(set) var isClosed = false
    /// Whether the connection ends behind the response that is being made.
    @exclusivity(unchecked) var isEnding = false
    @exclusivity(unchecked) var isDraining = false

    // What arrives. See ServerConnection+Reading.swift.
    @exclusivity(unchecked) var parser: RequestParser
    @exclusivity(unchecked) var message = Message.none
    @exclusivity(unchecked) var isReadable = true
    /// Whether the client has ended its side. No event says so again: from then on what is there has been read only when a
    /// read says so.
    @exclusivity(unchecked) var isPeerClosed = false
    /// Whether all that the client has sent has been read.
    @exclusivity(unchecked) var peerHasFinished = false
    @exclusivity(unchecked) var pendingInput: [UInt8] = []
    @exclusivity(unchecked) var pendingOffset = 0
    @exclusivity(unchecked) var head: RequestHead?
    @exclusivity(unchecked) var failure: ParseFailure?
    @exclusivity(unchecked) var content = IncomingContent()
    @exclusivity(unchecked) var requestNumber = 0
    @exclusivity(unchecked) var hasHeadDeadline = false
    @exclusivity(unchecked) var idleHasTimedOut = false
    @exclusivity(unchecked) var readTimer: LoopTimer?
    // The memory that is taken for it. See ServerConnection+Memory.swift.
    @exclusivity(unchecked) var requestMemory: RequestMemory.Part?
    @exclusivity(unchecked) var inputMemory: RequestMemory.Part?

    // What is answered at once. See ServerConnection+Immediate.swift.
    /// Whether the task has nothing to do, and waits for a head.
    @exclusivity(unchecked) private(set) var isAwaitingHead = false
    /// The last request without content, for the next that says the same.
    @exclusivity(unchecked) var template: CacheRequest?
    /// How many more requests may be answered before the other connections have their turn.
    @exclusivity(unchecked) var immediateBudget = 0
    /// Whether the connection will have another turn.
    @exclusivity(unchecked) var isYielding = false

    // What leaves. See ServerConnection+Writing.swift.
    @exclusivity(unchecked) var output = OutputQueue()
    @exclusivity(unchecked) var isFlushScheduled = false
    @exclusivity(unchecked) var responseReader: BodyReader?
    @exclusivity(unchecked) var writeTimer: LoopTimer?
    @exclusivity(unchecked) var pace: ReaderPace
    /// Whether the final response to the request being answered has begun: no interim one may follow.
    @exclusivity(unchecked) var hasBegunResponse = true

    init(descriptor: CInt, peerHost: String, loop: EventLoop, core: ServerCore) {
      self.descriptor = descriptor
      self.peerHost = peerHost
      peerAddress = ClientAddress(peerHost)
      pace = ReaderPace(timeout: core.times.write, minimumRate: core.configuration.minimumReadRate)
      self.loop = loop
      self.core = core
      parser = RequestParser(
        limits: core.configuration.limits, defaultAuthority: core.defaultAuthority,
        amend: core.configuration.forwardedFor.amendment(for: peerHost))
    }

    /// Calls `body` on the loop's thread: now when this is it, otherwise soon.
    nonisolated func perform(_ body: @escaping @Sendable (isolated ServerConnection) -> Void) {
      loop.perform { self.assumeIsolated(body) }
    }

    // MARK: Life

    /// Begins to serve. Once only, on the loop's thread.
    func start() {
      readTimer = LoopTimer { [weak self] in self?.assumeIsolated { $0.readTimerFired() } }
      writeTimer = LoopTimer { [weak self] in self?.assumeIsolated { $0.writeTimerFired() } }
      do throws(SocketError) {
        registration = try loop.register(descriptor, as: .stream, self)
      } catch {
        core.configuration.onError(error)
        close()
        return
      }
      // The task stays on the loop, and so do the handlers it calls: that is what makes a hit cheap.
      task = Task(executorPreference: loop) { await self.serve() }
    }

    private func serve() async {
      while let head = await nextHead() {
        await answer(head)
        if isClosed || isEnding { break }
        await finishMessage()
        if isClosed || isEnding { break }
      }
      await finish()
    }

    nonisolated func socketIsReady(_ events: ReadyEvents) {
      onLoop(loop) { connection in
        if events.contains(.failed) {
          connection.disconnect()
          return
        }
        if !events.isDisjoint(with: [.readable, .peerClosed]) {
          connection.isReadable = true
          if events.contains(.peerClosed) { connection.isPeerClosed = true }
          connection.pump()
        }
        if events.contains(.writable) { connection.flush() }
      }
    }

    /// Waits until something has changed. The caller looks whether it is what it waits for.
    func wait() async {
      // Unsafe only in that nothing checks that it is resumed once: `wake()` takes it out before it resumes it, and every
      // way a connection can end wakes.
      await withUnsafeContinuation { waiter = $0 }
    }

    func wake() {
      guard let waiter else { return }
      self.waiter = nil
      waiter.resume()
    }

    /// The client is gone, or no longer to be served: everything that goes on for it stops.
    func disconnect() {
      task?.cancel()
      close()
    }

    /// Ends the connection with a reset, so that the client cannot take an incomplete response for a complete one.
    func abort() {
      guard !isClosed else { return }
      task?.cancel()
      close(byReset: true)
    }

    func cancelTask() { task?.cancel() }

    private func close(byReset: Bool = false) {
      guard !isClosed else { return }
      isClosed = true
      client?.leave()
      if let registration { loop.deregister(registration) }
      registration = nil
      if byReset { cel_abort(descriptor) } else { _ = cel_close(descriptor) }
      descriptor = -1
      if let readTimer { loop.remove(readTimer) }
      if let writeTimer { loop.remove(writeTimer) }
      output.removeAll()
      pendingInput = []
      pendingOffset = 0
      responseReader?.cancel()
      responseReader = nil
      content.fail(BodyError.cancelled)
      giveBackRequestMemory()
      updateInputMemory()
      wake()
      core.remove(self)
    }

    /// The server is shutting down: the connection ends with the request it is busy with.
    func drain() {
      isDraining = true
      wake()
    }

    // MARK: Requests

    private func nextHead() async -> RequestHead? {
      setReadDeadline(loop.now &+ (requestNumber == 0 ? core.times.head : core.times.keepAlive))
      hasHeadDeadline = false
      isAwaitingHead = true
      defer { isAwaitingHead = false }
      if !pendingInput.isEmpty || isReadable { pump() }
      while !isClosed {
        if let head {
          self.head = nil
          setReadDeadline(.max)
          return head
        }
        // The last response has been sent already.
        if isEnding { return nil }
        if let failure {
          refuse(failure)
          return nil
        }
        if peerHasFinished && !isYielding || idleHasTimedOut { break }
        if isDraining, parser.isIdle {
          // A request may have come in that the loop has not looked at yet.
          isReadable = true
          pump()
          if head == nil, failure == nil, parser.isIdle { break }
          continue
        }
        await wait()
      }
      // Between two requests there is nobody to wait for.
      if !isClosed, output.isEmpty { close() }
      return nil
    }

    private func answer(_ head: RequestHead) async {
      await catchUp()
      requestNumber += 1
      hasBegunResponse = false
      content.begin(head, at: loop.now, budget: core.times.body, rate: core.configuration.contentRate)
      let number = requestNumber
      let request = makeRequest(head, number: number)
      if isDraining { isEnding = true }
      do {
        let client = RequestClient(
          core.client(of: request.fields, from: peerAddress), acceptsTrailers: head.acceptsTrailers)
        self.client = client
        if peerHasFinished { client.leave() }
        defer { self.client = nil }
        let response = try await RequestClient.$current.withValue(client) { try await core.handle(request) }
        await write(response, to: head)
      } catch {
        if let failure = failure ?? content.parseFailure {
          // The handler failed because the content did.
          refuse(failure, request)
        } else if isClosed || Task.isCancelled {
          // The handler gave up because the client is gone: there is nobody to answer.
          disconnect()
        } else {
          core.configuration.onError(error)
          await write(core.configuration.errorResponse(error, request), to: head)
        }
      }
    }

    private func makeRequest(_ head: RequestHead, number: Int) -> CacheRequest {
      prepareRequest(head)
      var request = template ?? CacheRequest()
      if head.framing != .none {
        let length: Int? = if case .length(let length) = head.framing { length } else { nil }
        request.body = Body(RequestBody(connection: self, number: number), length: length)
      }
      if head.version == .one {
        request.onInformational = { [self] informational in
          perform { $0.send(informational, number: number) }
        }
      }
      return request
    }

    /// Gets to the end of a request whose response has been sent.
    private func finishMessage() async {
      content.end()
      if message == .content {
        content.discard(atMost: core.configuration.drainedBodySize)
        setReadDeadline(loop.now &+ core.times.body)
        pump()
        while message == .content, failure == nil, !isClosed, !isEnding { await wait() }
        // The response is out, so a failure now has no other answer than the end of the connection.
        if failure != nil { isEnding = true }
        // Again: the end that has come meanwhile is not that of the next request's content.
        content.end()
      }
      message = .none
      giveBackRequestMemory()
      // A large one is not repeated (`RepeatedHead`), and not worth its memory while the connection is idle.
      if let template, template.fields.serializedByteCount > RepeatedHead.limit { self.template = nil }
      await catchUp()
    }

    /// A client that does not read its responses gets no more of them.
    private func catchUp() async {
      while output.byteCount > core.configuration.outputBufferSize, !isClosed { await wait() }
    }

    /// Ends the connection once the client has everything that was written for it.
    private func finish() async {
      guard !isClosed else { return }
      content.end()
      giveBackRequestMemory()
      flush()
      while !output.isEmpty, !isClosed { await wait() }
      guard !isClosed else { return }
      // Closing while the client still sends would reset the connection, and take the response from the client again.
      _ = cel_shutdown_write(descriptor)
      content.beginLingering()
      setReadDeadline(loop.now &+ core.times.linger)
      pump()
      while !peerHasFinished, !isClosed { await wait() }
      close()
    }
  }
#endif

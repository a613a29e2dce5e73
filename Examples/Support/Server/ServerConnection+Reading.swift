//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc
  import HTTPCache

  extension ServerConnection {
    /// What a handler gets when it asks for content.
    enum ContentStep {
      case bytes(Bytes)
      case end(trailers: HeaderFields?)
    }

    private static let pipelineLimit = 16 << 10

    // MARK: Socket

    /// Takes from the socket what there is room for, and makes of it what can be made.
    func pump() {
      immediateBudget = Self.immediateTurn
      if !pendingInput.isEmpty { processPending() }
      while isReadable, !isClosed, immediateBudget > 0, hasRoom {
        let scratch = loop.scratch
        let count = cel_read(descriptor, scratch.baseAddress, scratch.count)
        if count > 0 {
          // Edge-triggered: a read that did not fill the buffer has emptied the socket, and more will be reported.
          if count < scratch.count, !isPeerClosed { isReadable = false }
          take(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
        } else if count == 0 {
          isReadable = false
          peerHasFinished = true
          clientHasFinished()
        } else if count == -Int(EAGAIN) {
          isReadable = false
        } else {
          disconnect()
        }
      }
      updateInputMemory()
      if immediateBudget <= 0 { yieldTurn() }
    }

    private var hasRoom: Bool {
      content.isLingering
        || (pendingInput.count - pendingOffset < Self.pipelineLimit
          && content.hasRoom(core.configuration.inputBufferSize))
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
      guard !content.isLingering else { return }
      guard pendingInput.isEmpty else {
        pendingInput.append(contentsOf: bytes)
        processPending()
        return
      }
      var input = bytes
      process(&input)
      if !input.isEmpty, !isClosed { pendingInput.append(contentsOf: input) }
    }

    private func processPending() {
      // Taken out while it is read, so that nothing is copied and nothing overlaps.
      var pending: [UInt8] = []
      swap(&pending, &pendingInput)
      let rest = pending.withUnsafeBytes { bytes in
        var input = UnsafeRawBufferPointer(rebasing: bytes[pendingOffset...])
        process(&input)
        return input.count
      }
      guard rest > 0, !isClosed else {
        pendingOffset = 0
        return
      }
      pendingOffset = pending.count - rest
      if pendingOffset > pending.count / 2 {
        pending.removeFirst(pendingOffset)
        pendingOffset = 0
      }
      pendingInput = pending
    }

    // MARK: Parser

    private func process(_ input: inout UnsafeRawBufferPointer) {
      do throws(ParseFailure) {
        while failure == nil, !isClosed, message != .complete, immediateBudget > 0, !isEnding || message == .content,
          // Behind the last octet of content nothing arrives that would tell of its end.
          content.hasRoom(core.configuration.inputBufferSize) || parser.remainingBody == 0,
          let event = try parser.next(&input)
        {
          switch event {
          case .head(let head):
            if answerAtOnce(head, isLast: input.isEmpty) {
              parser.takeEnd()
              continue
            }
            try takeMemory(for: head)
            message = .content
            self.head = head
            wake()
          case .body(let bytes):
            if !content.append(bytes, at: loop.now) { endBehindResponse() }
          case .end(let trailers):
            message = .complete
            content.complete(trailers)
            wake()
          }
        }
      } catch {
        // Where the next request would begin is unknown now. What follows is not even looked at.
        input = UnsafeRawBufferPointer(rebasing: input[input.count...])
        fail(error)
      }
      if message == .none, !hasHeadDeadline, !parser.isIdle {
        hasHeadDeadline = true
        setReadDeadline(loop.now &+ core.times.head)
      }
    }

    func fail(_ error: ParseFailure) {
      failure = error
      content.fail(error)
      wake()
    }

    private func endBehindResponse() {
      isEnding = true
      wake()
    }

    private func clientHasFinished() {
      client?.leave()
      if message == .content {
        content.fail(ParseFailure(400, "the client ended the connection in the middle of the content"))
        isEnding = true
        cancelTask()
      } else if message == .complete, pendingInput.isEmpty, core.configuration.treatsHalfCloseAsDisconnect {
        cancelTask()
      }
      wake()
    }

    // MARK: Deadlines

    func setReadDeadline(_ deadline: Int64) {
      guard let readTimer, !isClosed else { return }
      loop.schedule(readTimer, at: deadline)
    }

    func readTimerFired() {
      if content.isLingering {
        disconnect()
      } else if message == .none, parser.isIdle {
        idleHasTimedOut = true
        wake()
      } else if message == .none {
        fail(ParseFailure(408, "the head of the request took too long to arrive"))
      } else if message == .content {
        fail(ParseFailure(408, "the content of the request took too long to arrive"))
        isEnding = true
        wake()
      }
    }

    // MARK: Content, for the handler

    func nextContent(_ number: Int) async throws -> ContentStep {
      while true {
        guard number == requestNumber, content.isOpen, !isClosed else { throw content.failure ?? BodyError.cancelled }
        if let chunk = content.pop() {
          pump()
          return .bytes(chunk)
        }
        if let error = content.failure { throw error }
        if content.isComplete { return .end(trailers: content.trailers) }
        try Task.checkCancellation()
        if content.needsContinue {
          content.needsContinue = false
          send(InformationalResponse(status: 100), number: number)
        }
        pump()
        guard content.bufferedCount == 0, !content.isComplete, content.failure == nil, !isClosed else { continue }
        setReadDeadline(content.beginWaiting(at: loop.now))
        // Resumed once: `IncomingContent.wake` takes it out first, and whatever happens to the connection wakes.
        await withUnsafeContinuation { content.setWaiter($0) }
        setReadDeadline(.max)
      }
    }

    func wakeContentReader() { content.wake() }

    /// The handler does not want (the rest of) its content.
    func contentIsUnwanted(_ number: Int) {
      guard number == requestNumber, content.isOpen, !content.isComplete else { return }
      content.fail(BodyError.cancelled)
    }
  }
#endif

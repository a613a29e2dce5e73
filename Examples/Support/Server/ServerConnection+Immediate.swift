//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  extension ServerConnection {
    /// How many requests of one connection are answered before the others have their turn.
    static let immediateTurn = 64

    /// Answers a request where it has been read, if its answer is at hand.
    ///
    /// - Parameter isLast: Whether nothing has arrived behind it. If something has, the responses leave together.
    /// - Returns: false when the request is the task's.
    func answerAtOnce(_ head: RequestHead, isLast: Bool) -> Bool {
      guard isAwaitingHead, head.framing == .none, let immediate = core.immediate, !isDraining,
        output.byteCount <= core.configuration.outputBufferSize
      else { return false }
      prepareRequest(head)
      guard let request = template.take() else { return false }
      // Out of the property and back: lending it would cost a copy.
      let response = immediate(request)
      template = request
      guard let response, let content = response.body.bytes, Self.isFinal(response.status) else { return false }
      requestNumber += 1
      immediateBudget -= 1
      hasHeadDeadline = false
      write(response, content, to: head, isFlushed: isLast)
      setReadDeadline(loop.now &+ core.times.keepAlive)
      // The connection ends, which is for the task to see to.
      if isEnding { wake() }
      return true
    }

    /// Makes the request, without its content, the `template`.
    func prepareRequest(_ head: RequestHead) {
      if head.isRepetition, template != nil {
        template?.method = head.method
        template?.target = head.target
      } else {
        template = CacheRequest(
          method: head.method, scheme: head.scheme, authority: head.authority, target: head.target, fields: head.fields)
      }
    }

    /// Lets the other connections have their turn before this one goes on.
    func yieldTurn() {
      guard !isYielding, !isClosed else { return }
      isYielding = true
      loop.execute { [self] in
        assumeIsolated { connection in
          connection.isYielding = false
          connection.pump()
          // What was put off because there might be more.
          if connection.peerHasFinished { connection.wake() }
        }
      }
    }
  }
#endif

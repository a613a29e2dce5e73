//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  extension UpstreamConnection {
    func flush() {
      guard phase == .busy, !output.isEmpty, !isSendingImpossible else { return }
      let before = output.byteCount
      switch output.flush(descriptor) {
      case .drained, .blocked:
        if head == nil, output.byteCount < before {
          let isDone = isRequestSent && output.isEmpty
          setDeadline(after: (isDone ? configuration.headTimeout : configuration.contentTimeout).nanoseconds)
        }
        if output.byteCount <= configuration.bufferSize / 2 { wakeSender() }
      case .failed(let code):
        // The server may have answered before it closed: then its answer counts.
        isSendingImpossible = true
        output.removeAll()
        keepsAlive = false
        isReadable = true
        isPeerClosed = true
        pump()
        if head == nil { fail(closedError("the connection broke: \(SocketError(operation: "send", code: code))")) }
        wakeSender()
      }
    }

    func wakeSender() {
      guard let senderWaiter else { return }
      self.senderWaiter = nil
      senderWaiter.resume()
    }

    /// Sends streamed content, as fast as the server takes it.
    func send(_ body: Body, _ framing: BodyFraming, _ number: Int) async {
      let reader = body.makeReader()
      let expected: Int? = if case .length(let length) = framing { length } else { nil }
      var count = 0
      do {
        while let piece = try await nextPiece(reader) {
          guard isSending(number) else { break }
          count += piece.count
          if let expected, count > expected { throw BodyError.truncated(expected: expected, received: count) }
          if framing == .chunked { output.append(Bytes(String(piece.count, radix: 16) + "\r\n")) }
          output.append(piece)
          if framing == .chunked { output.append("\r\n") }
          // The response may be over before the stream gets to say that it has ended, and the connection is good then.
          if count == expected { isRequestSent = true }
          flush()
          while isSending(number), output.byteCount > configuration.bufferSize {
            // Resumed once, by `wakeSender`, which every way the connection can end calls.
            await withUnsafeContinuation { senderWaiter = $0 }
          }
        }
        guard isSending(number) else {
          reader.cancel()
          return
        }
        if let expected, count < expected { throw BodyError.truncated(expected: expected, received: count) }
        if framing == .chunked { queueLastChunk(reader.trailers) }
        isRequestSent = true
        if head == nil { setDeadline(after: configuration.headTimeout.nanoseconds) }
        flush()
      } catch {
        reader.cancel()
        guard isSending(number) else { return }
        // The server must not take what it has for the whole request.
        fail(error)
        close()
      }
    }

    /// The next piece of a request's content. The client is the one to be waited for meanwhile.
    private func nextPiece(_ reader: BodyReader) async throws -> Bytes? {
      lease?.clientHasNextStep(at: loop.now)
      defer { lease?.clientHasGoneOn(at: loop.now) }
      return try await reader.next()
    }

    private func isSending(_ number: Int) -> Bool {
      number == self.number && phase == .busy && !isSendingImpossible && failure == nil
    }

    private func queueLastChunk(_ trailers: HeaderFields?) {
      var end = Array("0\r\n".utf8)
      configuration.limits.trailers.filter(trailers)?.withSerializedBytes { end.append(contentsOf: $0) }
      end.append(contentsOf: "\r\n".utf8)
      output.append(Bytes(end))
    }
  }
#endif

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc
  import HTTPCache

  extension ServerConnection {
    // MARK: Responses

    /// Sends `response`. Returns when all of it is written or waiting to be written, or the connection is over.
    func write(_ response: CacheResponse, to head: RequestHead) async {
      guard !isClosed else {
        response.body.cancel()
        return
      }
      guard (200...999).contains(response.status) else {
        response.body.cancel()
        core.configuration.onError(InvalidStatusError(status: response.status))
        let replacement = HTTPServer.plainResponse(status: 500, text: "The server failed to answer this request.\n")
        await write(replacement, to: head)
        return
      }
      let framing = ResponseFraming(
        response, method: head.method, version: head.version, acceptsTrailers: Self.acceptsTrailers(head.fields),
        keepsAlive: head.keepsAlive && mayKeepAlive(response))
      if !framing.keepsAlive { isEnding = true }
      hasBegunResponse = true

      switch (framing.content, response.body.bytes) {
      case (.none, _):
        sendHead(response, framing, version: head.version, content: Bytes())
        response.body.cancel()
      case (.chunked, let bytes?):
        sendHead(response, framing, version: head.version, content: Bytes())
        if !bytes.isEmpty { queueChunk(bytes) }
        queueLastChunk(response.trailers)
        flush()
      case (_, let bytes?):
        sendHead(response, framing, version: head.version, content: bytes)
      case (_, nil):
        sendHead(response, framing, version: head.version, content: Bytes(), isFlushed: false)
        await stream(response.body, framing.content)
      }
    }

    /// Whether the connection can go on as far as its state is concerned.
    private func mayKeepAlive(_ response: CacheResponse) -> Bool {
      if isDraining || isEnding || failure != nil || peerHasFinished && pendingInput.isEmpty { return false }
      // The client still waits for 100 (Continue): whether it will send its content is anybody's guess.
      if content.needsContinue { return false }
      // A response that is all there does not depend on content nobody has read, and that may be too much to throw away.
      if message == .content, response.body.bytes != nil, let rest = parser.remainingBody,
        rest > core.configuration.drainedBodySize
      {
        return false
      }
      return true
    }

    private static func acceptsTrailers(_ fields: HeaderFields) -> Bool {
      guard fields.contains(.te) else { return false }
      var accepts = false
      fields.forEachValue(of: .te) { value in
        value.withUnsafeBytes { $0.forEachListElement { if $0.equalsLowercase("trailers") { accepts = true } } }
      }
      return accepts
    }

    /// Answers a request that is not one, and ends the connection.
    func refuse(_ failure: ParseFailure) {
      guard !isClosed else { return }
      isEnding = true
      hasBegunResponse = true
      let response = HTTPServer.plainResponse(status: failure.status, text: failure.reason + "\n")
      let framing = ResponseFraming(response, method: .get, version: .one, acceptsTrailers: false, keepsAlive: false)
      sendHead(response, framing, version: .one, content: response.body.bytes ?? Bytes())
    }

    func send(_ informational: InformationalResponse, number: Int) {
      guard number == requestNumber, !hasBegunResponse, !isClosed else { return }
      var head = Array("HTTP/1.1 \(informational.status) \(reasonPhrase(informational.status))\r\n".utf8)
      informational.fields.withSerializedBytes { head.append(contentsOf: $0) }
      head.append(contentsOf: "\r\n".utf8)
      output.append(Bytes(head))
      flush()
    }

    // MARK: Head

    /// Writes a head, and content behind it, with one system call and without copying either, as long as the socket takes
    /// them.
    private func sendHead(
      _ response: CacheResponse, _ framing: ResponseFraming, version: MinorVersion, content: Bytes,
      isFlushed: Bool = true
    ) {
      let fields = framing.fields(of: response)
      let needsDate = !fields.contains(.date)
      withUnsafeTemporaryAllocation(byteCount: 320, alignment: 1) { memory in
        var start = ByteWriter(UnsafeMutableRawBufferPointer(rebasing: memory[..<96]))
        start.write("HTTP/1.1 ")
        start.write(response.status)
        start.write(Octet.space)
        start.write(reasonPhrase(response.status))
        start.write("\r\n")
        var end = ByteWriter(UnsafeMutableRawBufferPointer(rebasing: memory[96...]))
        if let length = framing.addedLength {
          end.write("Content-Length: ")
          end.write(length)
          end.write("\r\n")
        } else if framing.content == .chunked {
          end.write("Transfer-Encoding: chunked\r\n")
        }
        if needsDate {
          loop.dateLine.update(unixSeconds: cel_unix_seconds())
          loop.dateLine.bytes.withUnsafeBytes { end.write($0) }
        }
        if isEnding {
          end.write("Connection: close\r\n")
        } else if version == .zero {
          end.write("Connection: keep-alive\r\n")
        }
        end.write("\r\n")
        fields.withSerializedBytes { send(start.bytes, $0, end.bytes, content, isFlushed: isFlushed) }
      }
    }

    private func send(
      _ start: UnsafeRawBufferPointer, _ fields: UnsafeRawBufferPointer, _ end: UnsafeRawBufferPointer,
      _ content: Bytes,
      isFlushed: Bool
    ) {
      var sent = 0
      // When another request is waiting already, its response leaves together with this one.
      if isFlushed, output.isEmpty, pendingInput.isEmpty {
        sent = content.withUnsafeBytes { content in
          cel_send4(
            descriptor, start.baseAddress, start.count, fields.baseAddress, fields.count, end.baseAddress, end.count,
            content.baseAddress, content.count)
        }
        if sent == start.count + fields.count + end.count + content.count { return }
        guard sent >= 0 || sent == -Int(EAGAIN) else {
          disconnect()
          return
        }
      }
      queue([start, fields, end], content, skipping: max(0, sent))
    }

    private func queue(_ head: [UnsafeRawBufferPointer], _ content: Bytes, skipping sent: Int) {
      let headCount = head.reduce(0) { $0 + $1.count }
      if sent < headCount {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(headCount)
        for part in head { bytes.append(contentsOf: part) }
        output.append(Bytes(bytes[sent...]))
      }
      output.append(content.slice(max(0, sent - headCount)..<content.count))
      if sent > 0 || output.byteCount >= core.configuration.outputBufferSize { flush() } else { scheduleFlush() }
    }

    // MARK: Streams

    private func stream(_ body: Body, _ framing: BodyFraming) async {
      let reader = body.makeReader()
      responseReader = reader
      defer { responseReader = nil }
      let expected: Int? = if case .length(let length) = framing { length } else { nil }
      var count = 0
      do {
        while let piece = try await reader.next() {
          guard !isClosed else { return }
          count += piece.count
          if let expected, count > expected { throw BodyError.truncated(expected: expected, received: count) }
          if framing == .chunked { queueChunk(piece) } else { output.append(piece) }
          await makeRoom()
          guard !isClosed else { return }
        }
        if let expected, count < expected { throw BodyError.truncated(expected: expected, received: count) }
        guard !isClosed else { return }
        if framing == .chunked { queueLastChunk(reader.trailers) }
        scheduleFlush()
      } catch {
        // The client must not take what it has for all there is, so neither the last chunk nor an orderly end is sent.
        if !isClosed, !Task.isCancelled { core.configuration.onError(error) }
        reader.cancel()
        abort()
      }
    }

    /// Lets a stream go on at once while the client keeps up, and only then.
    private func makeRoom() async {
      let limit = core.configuration.outputBufferSize
      guard output.byteCount >= limit else {
        scheduleFlush()
        return
      }
      flush()
      guard output.byteCount >= limit else { return }
      while output.byteCount > limit / 2, !isClosed { await wait() }
    }

    private static let lineEnd: Bytes = "\r\n"

    private func queueChunk(_ bytes: Bytes) {
      withUnsafeTemporaryAllocation(byteCount: 32, alignment: 1) { memory in
        var line = ByteWriter(memory)
        line.write(bytes.count, radix: 16)
        line.write("\r\n")
        output.append(Bytes(copying: line.bytes))
      }
      output.append(bytes)
      output.append(Self.lineEnd)
    }

    private func queueLastChunk(_ trailers: HeaderFields?) {
      var end = Array("0\r\n".utf8)
      trailers?.withSerializedBytes { end.append(contentsOf: $0) }
      end.append(contentsOf: "\r\n".utf8)
      output.append(Bytes(end))
    }

    // MARK: Socket

    /// Writes at the end of this round of the loop: what is queued until then leaves together.
    func scheduleFlush() {
      guard !isFlushScheduled else { return }
      isFlushScheduled = true
      loop.execute { [self] in
        assumeIsolated { connection in
          connection.isFlushScheduled = false
          connection.flush()
        }
      }
    }

    /// Gives the socket what it takes. A client that takes nothing for too long is dropped.
    func flush() {
      guard !isClosed, !output.isEmpty else { return }
      let before = output.byteCount
      switch output.flush(descriptor) {
      case .drained:
        if let writeTimer { loop.schedule(writeTimer, at: .max) }
        wake()
      case .blocked:
        if let writeTimer, output.byteCount < before || writeTimer.deadline == .max {
          loop.schedule(writeTimer, at: loop.now &+ core.times.write)
        }
        wake()
      case .failed:
        disconnect()
      }
    }
  }

  /// A handler's response with a status that cannot be sent.
  struct InvalidStatusError: Error, CustomStringConvertible {
    let status: Int
    var description: String { "the handler answered with status \(status), which is not that of a final response" }
  }
#endif

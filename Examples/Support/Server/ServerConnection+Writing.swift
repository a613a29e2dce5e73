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
      guard Self.isFinal(response.status) else {
        response.body.cancel()
        core.configuration.onError(InvalidStatusError(status: response.status))
        let replacement = HTTPServer.plainResponse(status: 500, text: "The server failed to answer this request.\n")
        await write(replacement, to: head)
        return
      }
      if let bytes = response.body.bytes {
        write(response, bytes, to: head, isFlushed: pendingInput.isEmpty)
        return
      }
      let framing = beginResponse(response, to: head)
      guard framing.content != .none else {
        sendHead(response, framing, version: head.version, content: Bytes(), isFlushed: pendingInput.isEmpty)
        response.body.cancel()
        return
      }
      sendHead(response, framing, version: head.version, content: Bytes(), isFlushed: false)
      await stream(response.body, framing.content)
    }

    /// Sends `response`, whose content is all there.
    ///
    /// - Parameter isFlushed: Whether it leaves at once. When another request is waiting already, its response leaves
    ///   together with this one.
    func write(_ response: CacheResponse, _ content: Bytes, to head: RequestHead, isFlushed: Bool) {
      let framing = beginResponse(response, to: head)
      switch framing.content {
      case .none:
        sendHead(response, framing, version: head.version, content: Bytes(), isFlushed: isFlushed)
      case .chunked:
        sendHead(response, framing, version: head.version, content: Bytes(), isFlushed: false)
        if !content.isEmpty { queueChunk(content) }
        queueLastChunk(response.trailers)
        if isFlushed { flush() } else { scheduleFlush() }
      case .length, .untilClose:
        sendHead(response, framing, version: head.version, content: content, isFlushed: isFlushed)
      }
    }

    static func isFinal(_ status: Int) -> Bool { status >= 200 && status <= 999 }

    private func beginResponse(_ response: CacheResponse, to head: RequestHead) -> ResponseFraming {
      let framing = ResponseFraming(
        response, method: head.method, version: head.version, acceptsTrailers: head.acceptsTrailers,
        keepsAlive: head.keepsAlive && mayKeepAlive(response))
      if !framing.keepsAlive { isEnding = true }
      hasBegunResponse = true
      return framing
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

    /// Answers a request that is not one, or whose content is not, and ends the connection.
    func refuse(_ failure: ParseFailure, _ request: CacheRequest? = nil) {
      guard !isClosed else { return }
      isEnding = true
      hasBegunResponse = true
      let response = core.configuration.refusalResponse(failure, request)
      let framing = ResponseFraming(
        response, method: request?.method ?? .get, version: .one, acceptsTrailers: false, keepsAlive: false)
      sendHead(
        response, framing, version: .one, content: response.body.bytes ?? Bytes(), isFlushed: pendingInput.isEmpty)
    }

    func send(_ informational: InformationalResponse, number: Int) {
      guard number == requestNumber, !hasBegunResponse, !isClosed else { return }
      var head = Array("HTTP/1.1 \(informational.status) \(reasonPhrase(informational.status))\r\n".utf8)
      // RFC 9110 §8.6, RFC 9112 §6.1: nothing about content, which an interim response has none of.
      var fields = ConnectionFields.removed(from: informational.fields)
      fields.removeAll(.contentLength)
      fields.withSerializedBytes { head.append(contentsOf: $0) }
      head.append(contentsOf: "\r\n".utf8)
      output.append(Bytes(head))
      flush()
    }

    // MARK: Head

    /// Writes a head, and content behind it, with one system call as long as the socket takes them. Large content is not
    /// copied; small content is, because that costs less than telling the kernel where it is.
    private func sendHead(
      _ response: CacheResponse, _ framing: ResponseFraming, version: MinorVersion, content: Bytes, isFlushed: Bool
    ) {
      let fields = framing.fields(of: response)
      let room = loop.outgoing.count
      let headLimit = fields.serializedByteCount + Self.headOverhead
      guard headLimit <= room else {
        // No head that a server should send. It costs memory of its own.
        let head = Bytes(unsafeUninitializedCapacity: headLimit) { memory in
          var writer = ByteWriter(memory)
          writeHead(response.status, fields, framing, version: version, into: &writer)
          return writer.count
        }
        output.append(head)
        output.append(content)
        if isFlushed { flush() } else { scheduleFlush() }
        return
      }
      var writer = ByteWriter(loop.outgoing)
      writeHead(response.status, fields, framing, version: version, into: &writer)
      if content.count <= room - writer.count {
        content.withUnsafeBytes { writer.write($0) }
        send(writer.bytes, Bytes(), isFlushed: isFlushed)
      } else if let file = core.files.file(for: content, on: loop) {
        output.append(Bytes(copying: writer.bytes))
        output.append(content, file: file)
        if isFlushed { flush() } else { scheduleFlush() }
      } else {
        send(writer.bytes, content, isFlushed: isFlushed)
      }
    }

    /// What a head takes at most beside its fields: status line, length or coding, date, connection, empty line.
    private static let headOverhead = 256

    private func writeHead(
      _ status: Int, _ fields: HeaderFields, _ framing: ResponseFraming, version: MinorVersion,
      into writer: inout ByteWriter
    ) {
      if status == 200 {
        writer.write("HTTP/1.1 200 OK\r\n")
      } else {
        writer.write("HTTP/1.1 ")
        writer.write(status)
        writer.write(Octet.space)
        writer.write(reasonPhrase(status))
        writer.write("\r\n")
      }
      fields.withSerializedBytes { writer.write($0) }
      if let length = framing.addedLength {
        writer.write("Content-Length: ")
        writer.write(length)
        writer.write("\r\n")
      } else if framing.content == .chunked {
        writer.write("Transfer-Encoding: chunked\r\n")
      }
      if !framing.hasDate {
        loop.dateLine.update(unixSeconds: cel_unix_seconds())
        loop.dateLine.bytes.withUnsafeBytes { writer.write($0) }
      }
      if isEnding {
        writer.write("Connection: close\r\n")
      } else if version == .zero {
        writer.write("Connection: keep-alive\r\n")
      }
      writer.write("\r\n")
    }

    /// Sends `head` and `content`, or has them wait: `head` is copied then.
    private func send(_ head: UnsafeRawBufferPointer, _ content: Bytes, isFlushed: Bool) {
      var sent = 0
      if isFlushed, output.isEmpty {
        if content.isEmpty {
          sent = cel_send1(descriptor, head.baseAddress, head.count)
        } else {
          sent = content.withUnsafeBytes { content in
            cel_send2(descriptor, head.baseAddress, head.count, content.baseAddress, content.count)
          }
        }
        if sent == head.count + content.count { return }
        guard sent >= 0 || sent == -Int(EAGAIN) else {
          disconnect()
          return
        }
        sent = max(0, sent)
      }
      if sent < head.count { output.append(Bytes(copying: UnsafeRawBufferPointer(rebasing: head[sent...]))) }
      output.append(content.slice(max(0, sent - head.count)..<content.count))
      if isFlushed || output.byteCount >= core.configuration.outputBufferSize { flush() } else { scheduleFlush() }
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
      core.configuration.limits.trailers.filter(trailers)?.withSerializedBytes { end.append(contentsOf: $0) }
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

    /// Gives the socket what it takes. A client that takes too little for too long is dropped.
    func flush() {
      guard !isClosed, !output.isEmpty else { return }
      let before = output.byteCount
      switch output.flush(descriptor) {
      case .drained:
        pace.unblock()
        if let writeTimer { loop.schedule(writeTimer, at: .max) }
        wake()
      case .blocked:
        pace.write(before - output.byteCount)
        if pace.block(at: loop.now, unacknowledged: unacknowledged), let writeTimer {
          loop.schedule(writeTimer, at: loop.now &+ pace.interval)
        }
        wake()
      case .failed:
        disconnect()
      }
    }

    func writeTimerFired() {
      guard !isClosed else { return }
      let holds = client?.holdsOriginConnection ?? false
      guard pace.look(at: loop.now, unacknowledged: unacknowledged, holdsOriginConnection: holds) else {
        abort()
        return
      }
      if let writeTimer { loop.schedule(writeTimer, at: loop.now &+ pace.interval) }
    }

    private var unacknowledged: Int { max(0, cel_unacknowledged(descriptor)) }
  }

  /// A handler's response with a status that cannot be sent.
  struct InvalidStatusError: Error, CustomStringConvertible {
    let status: Int
    var description: String { "the handler answered with status \(status), which is not that of a final response" }
  }
#endif

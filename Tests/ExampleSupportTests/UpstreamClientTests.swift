//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  @Suite(.timeLimit(.minutes(5))) struct UpstreamClientTests {
    static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"

    @Test func `RFC 9112 §9.3: a connection is used again once its response is complete`() async throws {
      let origin = try OriginScript { socket in
        for _ in 0..<3 {
          _ = try socket.read(through: "\r\n\r\n")
          try socket.send(Self.ok)
        }
      }
      let client = try origin.client()
      for _ in 0..<3 {
        let response = try await client.call(CacheRequest())
        #expect(try await response.body.collect() == "hi")
      }
      #expect(origin.connectionCount == 1)
    }

    @Test func `RFC 9112 §3.2: the request on the wire`() async throws {
      let seen = Guarded("")
      let origin = try OriginScript { socket in
        let head = try socket.read(through: "\r\n\r\n")
        seen.withLock { $0 = head }
        try socket.send(Self.ok)
      }
      _ = try await origin.client().call(
        CacheRequest(
          target: "/a?b",
          fields: ["Accept": "*/*", "Connection": "close, x", "Expect": "100-continue", "Upgrade": "h2c"]))
      #expect(
        seen.withLock { $0 } == "GET /a?b HTTP/1.1\r\nAccept: */*\r\nHost: 127.0.0.1:\(origin.port)\r\n\r\n")
    }

    @Test(arguments: ["/a b", "/a\r\nX: y", ""])
    func `a target that would break out of its line is not sent`(_ target: String) async throws {
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send(Self.ok)
      }
      let client = try origin.client()
      var request = CacheRequest()
      request.target = target
      await #expect { try await client.call(request) } throws: { ($0 as? UpstreamError)?.kind == .invalidRequest }
      // The connection has not been hurt.
      #expect(try await client.call(CacheRequest()).status == 200)
    }

    @Test func `RFC 9112 §7.1: streamed content is sent in chunks, with trailers`() async throws {
      let seen = Guarded("")
      let origin = try OriginScript { socket in
        let text = try socket.read(through: "\r\n\r\n") + socket.read(through: "\r\n\r\n")
        seen.withLock { $0 = text }
        try socket.send(Self.ok)
      }
      let source = CountedSource("hello", count: 2, trailers: ["X-Sum": "1"])
      _ = try await origin.client().call(CacheRequest(method: .post, body: Body(source)))
      #expect(
        seen.withLock { $0 }.hasSuffix(
          "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"))
    }

    @Test func `streamed content of known length is sent with it`() async throws {
      let seen = Guarded("")
      let origin = try OriginScript { socket in
        let text = try socket.read(through: "\r\n\r\n") + socket.read(10)
        seen.withLock { $0 = text }
        try socket.send(Self.ok)
      }
      _ = try await origin.client().call(
        CacheRequest(method: .post, body: Body(CountedSource("hello", count: 2), length: 10)))
      #expect(seen.withLock { $0 }.hasSuffix("Content-Length: 10\r\n\r\nhellohello"))
    }

    @Test func `request content that breaks off ends the connection, and is the error`() async throws {
      let ended = Flag()
      let origin = try OriginScript { socket in
        _ = try? socket.readToEnd()
        ended.set()
      }
      // More than what is read before there is a connection.
      let source = CountedSource(Bytes(String(repeating: "x", count: 1_000)), count: 100, failure: TestError())
      await #expect(throws: TestError.self) {
        try await origin.client().call(CacheRequest(method: .post, body: Body(source)))
      }
      #expect(await ended.becomesSet())
    }

    static let bodies: [(String, String, String?)] = [
      ("chunks", "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n", "1"),
      ("a length", "Content-Length: 3\r\n\r\nhi!", nil),
      ("the end of the connection", "\r\nhi!", nil),
    ]

    @Test(arguments: bodies, [true, false])
    func `RFC 9112 §6.3: content comes by`(_ example: (String, String, String?), _ isSlow: Bool) async throws {
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        let text = "HTTP/1.1 200 OK\r\n" + example.1
        if isSlow {
          for octet in text.utf8 { try socket.send(String(UnicodeScalar(octet))) }
        } else {
          try socket.send(text)
        }
      }
      let response = try await origin.client().call(CacheRequest())
      let reader = response.body.makeReader()
      var content = ""
      while let piece = try await reader.next() { content += piece.description }
      #expect(content == "hi!")
      #expect((reader.trailers ?? response.trailers)?["X-Sum"] == example.2)
    }

    @Test(arguments: ["Content-Length: 9\r\n\r\nhi", "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n"])
    func `RFC 9112 §8: a truncated response is an error of its content`(_ rest: String) async throws {
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send("HTTP/1.1 200 OK\r\n" + rest)
      }
      let response = try await origin.client().call(CacheRequest())
      await #expect { try await response.body.collect() } throws: { ($0 as? UpstreamError)?.kind == .closed }
    }

    @Test func `a connection that died while idle is replaced, once, for a request that may be repeated`() async throws
    {
      let origin = try OriginScript(
        { socket in
          _ = try socket.read(through: "\r\n\r\n")
          try socket.send(Self.ok)
          // The second request meets a connection that ends before any response.
          _ = try socket.read(through: "\r\n\r\n")
        },
        { socket in
          _ = try socket.read(through: "\r\n\r\n")
          try socket.send(Self.ok)
          _ = try socket.read(through: "\r\n\r\n")
        })
      let client = try origin.client()
      _ = try await client.call(CacheRequest())
      #expect(try await client.call(CacheRequest()).status == 200)
      #expect(origin.connectionCount == 2)
      // POST is not repeated.
      await #expect { try await client.call(CacheRequest(method: .post, body: "x")) } throws: {
        ($0 as? UpstreamError)?.kind == .closed
      }
      #expect(origin.connectionCount == 2)
    }

    @Test func `a fresh connection that dies is not tried again`() async throws {
      let origin = try OriginScript({ _ = try $0.read(through: "\r\n\r\n") }, { try $0.send(Self.ok) })
      await #expect { try await origin.client().call(CacheRequest()) } throws: {
        ($0 as? UpstreamError)?.kind == .closed
      }
      #expect(origin.connectionCount == 1)
    }

    @Test func `what nobody listens to cannot be connected to`() async throws {
      let port = try ClosedPort()
      let client = UpstreamClient(origin: OriginURL(host: "127.0.0.1", port: port.number))
      defer { withExtendedLifetime(port) {} }
      await #expect { try await client.call(CacheRequest()) } throws: {
        let error = $0 as? UpstreamError
        return error?.kind == .cannotConnect && error?.status == 502
      }
      #expect(client.connectionCounts.total == 0)
    }

    @Test func `a name without an address cannot be connected to`() async throws {
      let client = UpstreamClient(origin: OriginURL(host: "does-not-exist.invalid", port: 80))
      await #expect { try await client.call(CacheRequest()) } throws: { ($0 as? UpstreamError)?.kind == .cannotConnect }
    }

    @Test func `localhost is found by its name`() async throws {
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send(Self.ok)
      }
      let client = UpstreamClient(origin: OriginURL(host: "localhost", port: origin.port))
      #expect(try await client.call(CacheRequest()).status == 200)
    }

    @Test func `RFC 9110 §15.6.5: a server that does not answer is timed out`() async throws {
      let release = Flag()
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        release.wait()
      }
      defer { release.set() }
      let client = try origin.client { $0.headTimeout = .milliseconds(60) }
      await #expect { try await client.call(CacheRequest()) } throws: {
        let error = $0 as? UpstreamError
        return error?.kind == .timedOut && error?.status == 504
      }
      #expect(client.connectionCounts.total == 0)
    }

    @Test func `content that stops in the middle is timed out`() async throws {
      let release = Flag()
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
        release.wait()
      }
      defer { release.set() }
      let response = try await origin.client { $0.contentTimeout = .milliseconds(60) }.call(CacheRequest())
      await #expect { try await response.body.collect() } throws: { ($0 as? UpstreamError)?.kind == .timedOut }
    }

    @Test func `a response that is not HTTP is a bad one`() async throws {
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send("SSH-2.0-OpenSSH\r\n")
      }
      await #expect { try await origin.client().call(CacheRequest()) } throws: {
        ($0 as? UpstreamError)?.kind == .badResponse
      }
    }

    @Test func `RFC 9110 §15.2: interim responses are passed on, but not 100`() async throws {
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + Self.ok)
      }
      let seen = Guarded<[InformationalResponse]>([])
      var request = CacheRequest()
      request.onInformational = { informational in seen.withLock { $0.append(informational) } }
      #expect(try await origin.client().call(request).status == 200)
      #expect(seen.withLock { $0 } == [InformationalResponse(status: 103, fields: ["Link": "</a>"])])
    }

    @Test func `RFC 9112 §6.3: responses without content leave the connection to the next request`() async throws {
      let origin = try OriginScript { socket in
        for head in ["200 OK", "304 Not Modified\r\nETag: 9", "204 No Content"] {
          _ = try socket.read(through: "\r\n\r\n")
          try socket.send("HTTP/1.1 \(head)\r\n\r\n")
        }
      }
      let client = try origin.client()
      let head = try await client.call(CacheRequest(method: .head))
      #expect(head.body.isEmpty)
      #expect(try await client.call(CacheRequest()).status == 304)
      #expect(try await client.call(CacheRequest()).status == 204)
      #expect(origin.connectionCount == 1)
    }

    @Test func `a server is not read from while nobody reads the content`() async throws {
      let sent = Guarded(0)
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 67108864\r\n\r\n")
        let piece = String(repeating: "x", count: 64 << 10)
        for _ in 0..<1_024 {
          try socket.send(piece)
          sent.withLock { $0 += piece.utf8.count }
        }
      }
      let response = try await origin.client { $0.bufferSize = 128 << 10 }.call(CacheRequest())
      var last = -1
      while sent.withLock({ $0 }) != last {
        last = sent.withLock { $0 }
        try await Task.sleep(for: .milliseconds(60))
      }
      // What the two kernels hold between them, and the buffer.
      #expect(last < 32 << 20)
      #expect(try await response.body.collect().count == 67_108_864)
    }

    @Test func `cancelling the caller ends the connection at once`() async throws {
      let asked = Flag()
      let ended = Flag()
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        asked.set()
        _ = try? socket.readToEnd()
        ended.set()
      }
      let client = try origin.client()
      let call = Task.detached { try await client.call(CacheRequest()) }
      #expect(await asked.becomesSet())
      call.cancel()
      await #expect(throws: CancellationError.self) { try await call.value }
      #expect(await ended.becomesSet())
      #expect(await eventually { client.connectionCounts.total == 0 })
    }

    @Test(arguments: [true, false])
    func `a response that is let go ends its connection`(_ byCancel: Bool) async throws {
      let ended = Flag()
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi")
        _ = try? socket.readToEnd()
        ended.set()
      }
      let client = try origin.client()
      var response: CacheResponse? = try await client.call(CacheRequest())
      if byCancel { response?.body.cancel() }
      response = nil
      #expect(await ended.becomesSet())
      #expect(response == nil)
    }

    @Test func `requests beyond the limit wait for a connection, in order, and not for ever`() async throws {
      let origin = try OriginScript { socket in
        for _ in 0..<2 {
          _ = try socket.read(through: "\r\n\r\n")
          usleep(30_000)
          try socket.send(Self.ok)
        }
        _ = try socket.read(through: "\r\n\r\n")
        _ = try? socket.readToEnd()
      }
      let client = try origin.client {
        $0.maximumConnections = 1
        $0.poolTimeout = .seconds(3_600)
      }
      async let first = client.call(CacheRequest())
      async let second = client.call(CacheRequest())
      let statuses = try await [first.status, second.status]
      #expect(statuses == [200, 200])
      #expect(origin.connectionCount == 1)

      let impatient = try origin.client {
        $0.maximumConnections = 1
        $0.poolTimeout = .milliseconds(50)
      }
      // Nobody accepts the connection of this client any more, so its one request never ends.
      let stuck = Task { try await impatient.call(CacheRequest()) }
      #expect(await eventually { impatient.connectionCounts.total > 0 })
      await #expect { try await impatient.call(CacheRequest()) } throws: { ($0 as? UpstreamError)?.kind == .overloaded }
      stuck.cancel()
      _ = await stuck.result
    }

    @Test func `an idle connection is closed after a while`() async throws {
      let ended = Flag()
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send(Self.ok)
        _ = try? socket.readToEnd()
        ended.set()
      }
      let client = try origin.client { $0.idleTimeout = .milliseconds(50) }
      _ = try await client.call(CacheRequest())
      #expect(client.connectionCounts == (1, 1))
      #expect(await ended.becomesSet())
      #expect(await eventually { client.connectionCounts == (0, 0) })
    }
  }
#endif

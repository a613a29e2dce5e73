//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// Origin connections: when a request gets one, how long it keeps it, and when it is not used again.
  @Suite(.timeLimit(.minutes(5))) struct OriginConnectionTests {
    static let ok = UpstreamClientTests.ok

    private static func answer(_ socket: RawSocket, _ count: Int) throws {
      for _ in 0..<count {
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send(Self.ok)
      }
    }

    // MARK: Content first

    /// Requests whose content does not come, over a server: none of them costs a connection.
    @Test(arguments: [
      "Content-Length: 1000000\r\n\r\na", "Content-Length: 1000000\r\nExpect: 100-continue\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "Content-Length: 2\r\n\r\nx",
    ])
    func `a request gets a connection when its content is there, not before`(_ beginning: String) async throws {
      let origin = try OriginScript { try Self.answer($0, 1) }
      let client = try origin.client { $0.maximumConnections = 2 }
      try await withServer { request in
        try await client.call(request)
      } _: { port in
        var attackers: [RawSocket] = []
        for number in 0..<8 {
          let socket = try RawSocket(port: port)
          try socket.send("\(number % 2 == 0 ? "POST" : "PUT") /p HTTP/1.1\r\nHost: h\r\n\(beginning)")
          if beginning.contains("Expect") { _ = try socket.read(through: "100 Continue\r\n\r\n") }
          attackers.append(socket)
        }
        #expect(client.connectionCounts == (0, 0))
        let victim = try RawSocket(port: port)
        try victim.send(HTTPServerTests.get)
        #expect(try victim.readResponse().content == "hi")
        #expect(origin.connectionCount == 1)
        for attacker in attackers { attacker.close() }
      }
    }

    @Test(arguments: [1, 1_000, 32 << 10, 100_000, 1_000_000], [true, false])
    func `content arrives whole, whether or not it began before the connection`(_ size: Int, _ isChunked: Bool)
      async throws
    {
      let octets = (0..<size).map { UInt8(97 + $0 % 26) }
      let content = String(decoding: octets, as: UTF8.self)
      let received = Guarded("")
      let origin = try OriginScript { socket in
        let head = try socket.read(through: "\r\n\r\n")
        var text = ""
        if head.contains("Content-Length: \(size)\r\n") {
          text = try socket.read(size)
        } else {
          while true {
            let line = try socket.read(through: "\r\n")
            let count = Int(line.dropLast(1), radix: 16) ?? 0
            text += try socket.read(count)
            _ = try socket.read(through: "\r\n")
            if count == 0 { break }
          }
        }
        received.withLock { $0 = text }
        try socket.send(Self.ok)
      }
      let client = try origin.client()
      let pieces = stride(from: 0, to: size, by: 7_000).map { start in
        Bytes(String(decoding: octets[start..<min(size, start + 7_000)], as: UTF8.self))
      }
      let body = Body(
        AsyncStream { continuation in
          for piece in pieces { continuation.yield(piece) }
          continuation.finish()
        }, length: isChunked ? nil : size)
      #expect(try await client.call(CacheRequest(method: .post, body: body)).status == 200)
      #expect(received.withLock { $0 } == content)
    }

    @Test func `content that ends before its announced length is an error before there is a connection`() async throws {
      let origin = try OriginScript { try Self.answer($0, 1) }
      let client = try origin.client()
      let body = Body(CountedSource("hello", count: 2), length: 11)
      await #expect(throws: BodyError.self) { try await client.call(CacheRequest(method: .post, body: body)) }
      #expect(client.connectionCounts == (0, 0))
    }

    // MARK: Not used again

    @Test(
      arguments: [
        "GET", "HEAD", "DELETE", "OPTIONS", "QUERY", "PROPFIND", "REPORT", "SUBSCRIBE", "SEARCH", "LOCK", "FROB",
        "post",
      ], [true, false])
    func `RFC 9110 §9.3.1: behind content that a server may not read the connection is closed`(
      _ method: String, _ isStreamed: Bool
    ) async throws {
      let smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
      let ended = Flag()
      let origin = try OriginScript(
        { socket in
          // Takes the content for another request, and answers both.
          _ = try socket.read(through: "\r\n\r\n")
          try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
          _ = try? socket.read(through: "\r\n\r\n")
          try? socket.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
          _ = try? socket.readToEnd()
          ended.set()
        }, { try Self.answer($0, 2) })
      let client = try origin.client()
      let body = isStreamed ? Body(CountedSource(Bytes(smuggled), count: 1)) : Body(smuggled)
      let response = try await client.call(CacheRequest(method: RequestMethod(rawValue: method), body: body))
      _ = try await response.body.collect()
      #expect(await ended.becomesSet())
      for _ in 0..<2 {
        #expect(try await client.call(CacheRequest(target: "/victim")).body.collect() == "hi")
      }
      #expect(origin.connectionCount == 2)
    }

    @Test(arguments: ["POST", "PUT", "PATCH"])
    func `behind other content the connection goes on`(_ method: String) async throws {
      let origin = try OriginScript { socket in
        for _ in 0..<3 {
          _ = try socket.read(through: "\r\n\r\n") + socket.read(5)
          try socket.send(Self.ok)
        }
      }
      let client = try origin.client()
      for _ in 0..<3 {
        let request = CacheRequest(method: RequestMethod(rawValue: method), body: Body("hello"))
        #expect(try await client.call(request).body.collect() == "hi")
      }
      #expect(origin.connectionCount == 1)
    }

    @Test func `RFC 9110 §9.3.8: TRACE with content is refused`() async throws {
      let origin = try OriginScript { try Self.answer($0, 1) }
      let client = try origin.client()
      await #expect { try await client.call(CacheRequest(method: .trace, body: "x")) } throws: {
        ($0 as? UpstreamError)?.status == 400
      }
      #expect(try await client.call(CacheRequest(method: .trace)).status == 200)
    }

    /// Method, head, and content that nobody may send here.
    static let strays: [(RequestMethod, String, String)] = [
      (.get, "304 Not Modified\r\nContent-Length: 45", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
      (.get, "304 Not Modified\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
      (.get, "304 Not Modified\r\nETag: 1", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
      (.get, "304 Not Modified\r\nETag: 1", "hello"),
      (.delete, "204 No Content", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
      (.put, "204 No Content\r\nContent-Length: 5", "hello"),
      (.delete, "204 No Content\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
      (.head, "200 OK\r\nContent-Length: 45", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"),
      (.head, "200 OK\r\nTransfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
      (.head, "404 Not Found", "not found"),
    ]

    @Test(arguments: strays)
    func `RFC 9112 §6.3: content that comes late where there is none is not taken for the next response`(
      _ example: (RequestMethod, String, String)
    ) async throws {
      let wasAnswered = Flag()
      let sent = Flag()
      let origin = try OriginScript(
        { socket in
          _ = try socket.read(through: "\r\n\r\n")
          try socket.send("HTTP/1.1 \(example.1)\r\n\r\n")
          wasAnswered.wait()
          try? socket.send(example.2)
          sent.set()
          _ = try? socket.readToEnd()
        }, { try Self.answer($0, 2) })
      let client = try origin.client()
      let first = try await client.call(CacheRequest(method: example.0))
      #expect(first.body.isEmpty)
      wasAnswered.set()
      #expect(await sent.becomesSet())
      for _ in 0..<2 { #expect(try await client.call(CacheRequest()).body.collect() == "hi") }
    }

    @Test(arguments: ["hello\r\n", "5\r\nhello\r\n0\r\n\r\n", "<html>\r\n</html>\r\n"])
    func `what comes later still, and is not a response, is not the next request's error`(_ stray: String) async throws
    {
      let origin = try OriginScript(
        { socket in
          _ = try socket.read(through: "\r\n\r\n")
          try socket.send("HTTP/1.1 304 Not Modified\r\n\r\n")
          _ = try socket.read(through: "\r\n\r\n")
          try? socket.send(stray + Self.ok)
        }, { try Self.answer($0, 1) })
      let client = try origin.client()
      #expect(try await client.call(CacheRequest()).status == 304)
      #expect(try await client.call(CacheRequest()).body.collect() == "hi")
      #expect(origin.connectionCount == 2)
    }

    // MARK: Shares

    private func call(
      _ client: UpstreamClient, from address: String, _ request: CacheRequest = CacheRequest()
    ) async throws -> CacheResponse {
      try await RequestClient.$current.withValue(RequestClient(ClientAddress(address))) {
        try await client.call(request)
      }
    }

    @Test func `connections that a client holds by not reading go to one that has none`() async throws {
      let script: OriginScript.Script = { socket in
        let head = try socket.read(through: "\r\n\r\n")
        if head.contains("/stream") {
          try socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
          let piece = "10000\r\n" + String(repeating: "x", count: 65_536) + "\r\n"
          while true { try socket.send(piece) }
        } else {
          try socket.send(Self.ok)
          try Self.answer(socket, 10)
        }
      }
      let origin = try OriginScript(script, script, script, script, script, script)
      let client = try origin.client { $0.maximumConnections = 4 }
      // A client that is alone may hold all of them, for as long as it likes.
      var streams: [CacheResponse] = []
      for _ in 0..<4 { streams.append(try await call(client, from: "10.0.0.1", CacheRequest(target: "/stream"))) }
      #expect(client.connectionCounts == (0, 4))
      let response = try await call(client, from: "10.0.0.2")
      #expect(response.status == 200)
      // One was enough: the others go on.
      var ended = 0
      for stream in streams {
        let reader = stream.body.makeReader()
        do {
          for _ in 0..<20 { _ = try await reader.next() }
        } catch {
          #expect((error as? UpstreamError)?.kind == .overloaded)
          ended += 1
        }
        reader.cancel()
      }
      #expect(ended == 1)
    }

    /// No time decides who gets a connection: neither a request that has waited for long, nor one that is given up.
    private static func waitForEver(_ configuration: inout UpstreamClient.Configuration, connections: Int) {
      configuration.maximumConnections = connections
      configuration.poolTimeout = .seconds(3_600)
      configuration.shareTimeout = .seconds(3_600)
    }

    @Test func `the next connection goes to the client that holds the fewest`() async throws {
      let release = Flag()
      let seconds = Guarded<[String]>([])
      let script: OriginScript.Script = { socket in
        for number in 0..<10 {
          let head = try socket.read(through: "\r\n\r\n")
          // The request that has got the connection behind the slow one.
          if number == 1 { seconds.withLock { $0.append(head) } }
          if head.contains("/slow") { release.wait() }
          try socket.send(Self.ok)
        }
      }
      let origin = try OriginScript(script, script)
      let client = try origin.client { Self.waitForEver(&$0, connections: 2) }
      let order = Guarded<[String]>([])
      await withTaskGroup(of: Void.self) { group in
        for _ in 0..<2 {
          group.addTask { _ = try? await self.call(client, from: "10.0.0.1", CacheRequest(target: "/slow")) }
        }
        #expect(await eventually { client.connectionCounts.total == 2 })
        for number in 1...5 {
          group.addTask {
            _ = try? await self.call(client, from: "10.0.0.1", CacheRequest(target: "/attacker"))
            order.withLock { $0.append("attacker \(number)") }
          }
        }
        #expect(await eventually { client.waitingCount == 5 })
        group.addTask {
          _ = try? await self.call(client, from: "10.0.0.2", CacheRequest(target: "/victim"))
          order.withLock { $0.append("victim") }
        }
        #expect(await eventually { client.waitingCount == 6 })
        release.set()
      }
      #expect(seconds.withLock { $0 }.contains { $0.contains("/victim") })
      #expect(order.withLock { $0.count } == 6)
    }
  }
#endif

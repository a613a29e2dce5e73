//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// Requests that are answered where they are read, without the connection's task.
  @Suite(.timeLimit(.minutes(5))) struct ImmediateResponseTests {
    @Test func `pipelined requests are answered in order, whoever answers them`() async throws {
      let targets = (0..<500).map { "/\($0)" }
      let contents = try await withServer(
        immediate: { request in
          // Longer runs than a connection's turn, and then again every other request.
          guard let number = Int(request.target.dropFirst()), number % 7 != 0 || number > 300, number != 499 else {
            return nil
          }
          return CacheResponse(body: Body(request.target))
        },
        handler: { request in
          if request.target == "/21" { try await Task.sleep(for: .milliseconds(20)) }
          return CacheResponse(body: Body(request.target))
        },
        { port in
          let socket = try RawSocket(port: port)
          try socket.send(targets.map { "GET \($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
          return try targets.map { _ in try socket.readResponse().content }
        })
      #expect(contents == targets)
    }

    @Test func `a client that ends its sending behind many requests gets all the answers`() async throws {
      try await withServer(
        immediate: { CacheResponse(body: Body($0.target)) }, handler: { _ in CacheResponse(status: 500) },
        { port in
          let socket = try RawSocket(port: port)
          try socket.send((0..<1_000).map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
          socket.finishSending()
          for number in 0..<1_000 { #expect(try socket.readResponse().content == "/\(number)") }
          #expect(try socket.readToEnd() == "")
        })
    }

    @Test func `what is not at hand, has content, or is no response that can be sent at once, is the handler's`()
      async throws
    {
      try await withServer(
        immediate: { request in
          switch request.target {
          case "/stream": CacheResponse(body: Body(CountedSource("x", count: 1)))
          case "/status": CacheResponse(status: 101)
          case "/absent": nil
          default: CacheResponse(body: "at once")
          }
        },
        handler: { request in CacheResponse(body: Body("handled " + "\(try await request.body.collect())")) },
        { port in
          let socket = try RawSocket(port: port)
          for target in ["/stream", "/status", "/absent"] {
            try socket.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try socket.readResponse().content == "handled ")
          }
          try socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
          #expect(try socket.readResponse().content == "handled hi")
          try socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
          #expect(try socket.readResponse().content == "at once")
        })
    }

    @Test(arguments: [
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    ])
    func `RFC 9112 §9.6: the connection ends behind the response to the request that says so`(_ input: String)
      async throws
    {
      try await withServer(
        immediate: { _ in CacheResponse(body: "at once") }, handler: { _ in CacheResponse(status: 500) },
        { port in
          let socket = try RawSocket(port: port)
          try socket.send(input)
          let response = try socket.readResponse()
          #expect(response.content == "at once")
          #expect(response.head.contains("Connection: close\r\n"))
          #expect(try socket.readToEnd() == "")
        })
    }

    @Test func `a malformed request behind good ones is refused behind their responses`() async throws {
      try await withServer(
        immediate: { _ in CacheResponse(body: "at once") }, handler: { _ in CacheResponse(status: 500) },
        { port in
          let socket = try RawSocket(port: port)
          try socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n\r\n")
          #expect(try socket.readResponse().content == "at once")
          #expect(try socket.readResponse().content == "at once")
          #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 400 "))
          #expect(try socket.readToEnd() == "")
        })
    }

    @Test func `RFC 9110 §9.3.2: HEAD has the fields of the response and no content`() async throws {
      try await withServer(
        immediate: { _ in CacheResponse(fields: ["Content-Length": "7"], body: "at once") },
        handler: { _ in CacheResponse(status: 500) },
        { port in
          let socket = try RawSocket(port: port)
          try socket.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n")
          #expect(try socket.readResponse(isHead: true).head.contains("Content-Length: 7\r\n"))
          #expect(try socket.readResponse().content == "at once")
        })
    }

    @Test func `the address of the client is added to each request once`() async throws {
      for (mode, claimed) in [
        (HTTPServer.Configuration.ForwardedFor.replace, "127.0.0.1"), (.trusting(.none), "127.0.0.1"),
        (.trusting(.loopback), "10.0.0.1, 127.0.0.1"),
      ] {
        try await withServer(
          { $0.forwardedFor = mode },
          immediate: { CacheResponse(body: Body($0.fields[.xForwardedFor] ?? "-")) },
          handler: { _ in CacheResponse(status: 500) },
          { port in
            let socket = try RawSocket(port: port)
            for (fields, expected) in [
              ("", "127.0.0.1"), ("", "127.0.0.1"), ("X-Forwarded-For: 10.0.0.1\r\n", claimed),
              ("X-Forwarded-For: 10.0.0.1\r\n", claimed), ("", "127.0.0.1"),
            ] {
              try socket.send("GET / HTTP/1.1\r\nHost: h\r\n\(fields)\r\n")
              #expect(try socket.readResponse().content == expected)
            }
          })
      }
    }

    @Test func `a client that does not read is given a few responses, and the rest when it does`() async throws {
      let calls = Counter()
      let body = Body(Bytes([UInt8](repeating: 0x61, count: 50_000)))
      try await withServer(
        {
          $0.outputBufferSize = 100_000
          $0.socketSendBufferSize = 20_000
        },
        immediate: { _ in
          calls.increment()
          return CacheResponse(body: body)
        },
        handler: { _ in
          calls.increment()
          return CacheResponse(body: body)
        },
        { port in
          let socket = try RawSocket(port: port, receiveBuffer: 10_000)
          try socket.send(String(repeating: HTTPServerTests.get, count: 300))
          // One answered behind the limit shows that the server has looked at them.
          while calls.value == 0 { onlyWait() }
          onlyWait()
          #expect(calls.value < 20)
          for _ in 0..<300 { #expect(try socket.readResponse().content.utf8.count == 50_000) }
          #expect(calls.value == 300)
        })
    }

    @Test func `large content arrives whole, whether it is sent from memory or from a file`() async throws {
      let text = (0..<60_000).map { "\($0) " }.joined()
      let large = Body(text)
      let answer = { @Sendable (request: CacheRequest) in
        CacheResponse(body: request.target == "/large" ? large : "small")
      }
      try await withServer(
        { $0.socketSendBufferSize = 30_000 },
        // What is behind large content that is still being sent is left to the handler.
        immediate: answer, handler: { answer($0) },
        { port in
          let socket = try RawSocket(port: port, receiveBuffer: 20_000)
          for _ in 0..<4 {
            try socket.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\nGET /small HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try socket.readResponse().content == text)
            #expect(try socket.readResponse().content == "small")
          }
        })
    }

    @Test func `a layer's hits are answered at once`() async throws {
      let calls = Counter()
      let cache = try CacheLayer(
        backend: InMemoryBackend(capacity: 1 << 20), policy: CachePolicy(timeToLive: .seconds(60)))
      let service = Handler { (_: CacheRequest) in
        calls.increment()
        return CacheResponse(body: "made")
      }.layer(cache)
      let heads = try await withServer(
        immediate: cache.immediateResponse, handler: { try await service.call($0) },
        { port in
          let socket = try RawSocket(port: port)
          return try (0..<3).map { _ in
            try socket.send(HTTPServerTests.get)
            let response = try socket.readResponse()
            #expect(response.content == "made")
            return response.head
          }
        })
      #expect(heads.map { $0.contains("; hit") } == [false, true, true])
      #expect(calls.value == 1)
      #expect(cache.statistics.hits == 2)
      #expect(cache.statistics.requests == 3)
    }
  }

  private func onlyWait() { usleep(20_000) }
#endif

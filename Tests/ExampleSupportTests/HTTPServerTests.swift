//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  @Suite(.timeLimit(.minutes(5))) struct HTTPServerTests {
    static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func `RFC 9112 §9.3: a connection serves many requests, the last one being the one that says close`()
      async throws
    {
      let heads = try await withServer { request in
        CacheResponse(body: Body("\(request.target)"))
      } _: { port in
        let socket = try RawSocket(port: port)
        var contents: [String] = []
        for target in ["/1", "/2"] {
          try socket.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
          contents.append(try socket.readResponse().content)
        }
        try socket.send("GET /3 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        let last = try socket.readResponse()
        contents.append(last.content)
        #expect(last.head.contains("Connection: close\r\n"))
        #expect(try socket.readToEnd() == "")
        return contents
      }
      #expect(heads == ["/1", "/2", "/3"])
    }

    @Test func `RFC 9112 §9.3.2: pipelined requests are answered in order, however long each takes`() async throws {
      let contents = try await withServer { request in
        if request.target == "/0" { try await Task.sleep(for: .milliseconds(20)) }
        return CacheResponse(body: Body(request.target))
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send((0..<200).map { "GET /\($0) HTTP/1.1\r\nHost: h\r\n\r\n" }.joined())
        return try (0..<200).map { _ in try socket.readResponse().content }
      }
      #expect(contents == (0..<200).map { "/\($0)" })
    }

    @Test func `a request that arrives octet by octet is answered`() async throws {
      try await withServer { _ in
        CacheResponse(body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        for octet in Self.get { try socket.send(String(octet)) }
        #expect(try socket.readResponse().content == "hi")
      }
    }

    static let refusals: [(String, Int)] = [
      ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400), ("nonsense\r\n\r\n", 400),
      ("\u{16}\u{3}\u{1}", 400),
      ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
      ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
      ("GET / HTTP/3.0\r\nHost: h\r\n\r\n", 505),
      ("GET /\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\n", 414),
      ("GET / HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "a", count: 40_000))\r\n\r\n", 431),
      ("GET / HTTP/1.1\r\nHost: h\r\n\(String(repeating: "A: b\r\n", count: 200))\r\n", 431),
      ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n\(String(repeating: "a", count: 101))", 413),
    ]

    @Test(arguments: refusals)
    func `RFC 9112: a request that is refused is answered once, and the connection ends`(
      _ input: String, _ status: Int
    ) async throws {
      let called = Flag()
      try await withServer {
        $0.limits.body = 100
      } handler: { _ in
        called.set()
        return CacheResponse()
      } _: { port in
        let socket = try RawSocket(port: port)
        // What comes behind must not be taken for another request.
        try socket.send(input + Self.get)
        let response = try socket.readResponse()
        #expect(response.head.hasPrefix("HTTP/1.1 \(status) "))
        #expect(response.head.contains("Connection: close\r\n"))
        #expect(try socket.readToEnd() == "")
      }
      #expect(!called.isSet)
    }

    @Test func `a request in front of a malformed one is still answered`() async throws {
      try await withServer { _ in
        CacheResponse(body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get + "GET / HTTP/1.1\r\nHost : h\r\n\r\n")
        #expect(try socket.readResponse().content == "hi")
        #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 400 "))
        #expect(try socket.readToEnd() == "")
      }
    }

    @Test func `RFC 9110 §15.5.9: a head that trickles is answered with 408`() async throws {
      try await withServer {
        $0.headTimeout = .milliseconds(60)
      } handler: { _ in
        CacheResponse()
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("GET / HT")
        #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 408 "))
        #expect(try socket.readToEnd() == "")
      }
    }

    @Test func `RFC 9110 §15.5.9: content that trickles is answered with 408`() async throws {
      try await withServer {
        $0.bodyTimeout = .milliseconds(60)
      } handler: { request in
        CacheResponse(body: Body(try await request.body.collect()))
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx")
        #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 408 "))
        #expect(try socket.readToEnd() == "")
      }
    }

    @Test func `an idle connection is closed without a word`() async throws {
      try await withServer {
        $0.keepAliveTimeout = .milliseconds(60)
      } handler: { _ in
        CacheResponse(body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get)
        _ = try socket.readResponse()
        #expect(try socket.readToEnd() == "")
      }
    }

    @Test func `RFC 9112 §9.3: HTTP/1.0 is answered, and closed unless it asks otherwise`() async throws {
      try await withServer { _ in
        CacheResponse(body: Body(CountedSource("hi", count: 2)))
      } _: { port in
        var socket = try RawSocket(port: port)
        try socket.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        let head = try socket.read(through: "\r\n\r\n")
        #expect(head.contains("Connection: close\r\n"))
        #expect(!head.contains("chunked"))
        #expect(try socket.readToEnd() == "hihi")
        socket = try RawSocket(port: port)
        try socket.send("HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(try socket.read(through: "\r\n\r\n").contains("Connection: keep-alive\r\n"))
      }
    }

    @Test func `RFC 9110 §9.3.2: HEAD has the fields of the response and no content`() async throws {
      try await withServer { _ in
        CacheResponse(fields: ["Content-Type": "text/plain"], body: "hello")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + Self.get)
        #expect(try socket.readResponse(isHead: true).head.contains("Content-Length: 5\r\n"))
        #expect(try socket.readResponse().content == "hello")
      }
    }

    @Test func `RFC 9110 §15.2: interim responses go ahead of the final one, to HTTP 1.1 only`() async throws {
      try await withServer { request in
        request.onInformational?(InformationalResponse(status: 103, fields: ["Link": "</a.css>"]))
        return CacheResponse(body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get)
        #expect(try socket.read(through: "\r\n\r\n") == "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
        #expect(try socket.readResponse().content == "hi")
        let old = try RawSocket(port: port)
        try old.send("GET / HTTP/1.0\r\n\r\n")
        #expect(try old.readResponse().head.hasPrefix("HTTP/1.1 200 "))
      }
    }

    @Test func `a handler that throws is answered with 500, and the connection goes on`() async throws {
      let reported = Flag()
      try await withServer {
        $0.onError = { _ in reported.set() }
      } handler: { request in
        if request.target == "/throw" { throw TestError() }
        return CacheResponse(body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n" + Self.get)
        #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 500 "))
        #expect(try socket.readResponse().content == "hi")
      }
      #expect(reported.isSet)
    }

    @Test(arguments: [nil, 100])
    func `RFC 9112 §8: a stream that breaks off does not look complete`(_ length: Int?) async throws {
      let source = CountedSource("0123456789", count: 3, failure: TestError())
      try await withServer { _ in
        CacheResponse(body: Body(source, length: length))
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get)
        var received = ""
        do { received = try socket.readToEnd() } catch { received = "reset" }
        #expect(!received.contains("\r\n0\r\n\r\n"))
      }
      #expect(source.isCancelled)
    }

    @Test func `a stream that is longer or shorter than announced is broken off`() async throws {
      try await withServer { request in
        CacheResponse(body: Body(CountedSource("0123456789", count: 3), length: request.target == "/long" ? 25 : 35))
      } _: { port in
        for target in ["/long", "/short"] {
          let socket = try RawSocket(port: port)
          try socket.send("GET \(target) HTTP/1.1\r\nHost: h\r\n\r\n")
          #expect(throws: RawSocket.Failure.self) {
            _ = try socket.readToEnd()
            throw RawSocket.Failure(description: "the end of the stream without a reset is no proper end either")
          }
        }
      }
    }

    @Test func `a slow reader does not make the server buffer without bound`() async throws {
      let source = CountedSource(Bytes(String(repeating: "x", count: 64 << 10)), count: 2_000)
      let produced = try await withServer {
        $0.outputBufferSize = 256 << 10
        $0.socketSendBufferSize = 64 << 10
      } handler: { _ in
        CacheResponse(body: Body(source))
      } _: { port in
        let socket = try RawSocket(port: port, receiveBuffer: 64 << 10)
        try socket.send(Self.get)
        _ = try socket.read(through: "\r\n\r\n")
        // The server goes on until everything between it and this socket is full, and then stops.
        var last = -1
        while source.produced != last {
          last = source.produced
          usleep(50_000)
        }
        let stalled = source.produced
        for _ in 0..<200 { _ = try socket.read(64 << 10) }
        #expect(source.produced > stalled)
        return stalled
      }
      #expect(produced < 40)
      #expect(source.isCancelled)
    }

    @Test func `a client that takes nothing for too long is dropped`() async throws {
      let source = CountedSource(Bytes(String(repeating: "x", count: 64 << 10)), count: 2_000)
      try await withServer {
        $0.writeTimeout = .milliseconds(80)
        $0.socketSendBufferSize = 64 << 10
      } handler: { _ in
        CacheResponse(body: Body(source))
      } _: { port in
        let socket = try RawSocket(port: port, receiveBuffer: 64 << 10)
        try socket.send(Self.get)
        for _ in 0..<12_000 where !source.isCancelled { usleep(5_000) }
        #expect(source.isCancelled)
        _ = socket.descriptor
      }
    }

    @Test(arguments: [true, false])
    func `a client that leaves cancels the handler`(_ byReset: Bool) async throws {
      let started = Flag()
      let cancelled = Flag()
      try await withServer { _ in
        started.set()
        do {
          try await Task.sleep(for: .seconds(30))
        } catch {
          cancelled.set()
          throw error
        }
        return CacheResponse()
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get)
        started.wait()
        if byReset { socket.reset() } else { socket.close() }
        cancelled.wait()
      }
      #expect(cancelled.isSet)
    }

    @Test func `a client that ends its sending still gets what needs no waiting`() async throws {
      try await withServer { _ in
        CacheResponse(body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get + Self.get)
        socket.finishSending()
        #expect(try socket.readResponse().content == "hi")
        #expect(try socket.readResponse().content == "hi")
        #expect(try socket.readToEnd() == "")
      }
    }

    @Test func `framing is the server's business, whatever the handler says`() async throws {
      try await withServer { _ in
        CacheResponse(
          fields: [
            "Connection": "keep-alive", "Transfer-Encoding": "gzip", "Content-Length": "99", "Keep-Alive": "timeout=9",
            "Date": "Sun, 06 Nov 1994 08:49:37 GMT",
          ], body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get)
        let response = try socket.readResponse()
        #expect(
          response.head
            == "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 2\r\n\r\n")
        #expect(response.content == "hi")
      }
    }

    @Test func `RFC 9110 §6.5.1: trailers of content in memory are sent to those who take them`() async throws {
      try await withServer { _ in
        CacheResponse(body: "hi", trailers: ["X-Sum": "1"])
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get + "GET / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\n\r\n")
        #expect(try socket.readResponse().content == "hi")
        #expect(try socket.read(through: "\r\n\r\n").contains("Transfer-Encoding: chunked"))
        #expect(try socket.read(through: "\r\n\r\n") == "2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n")
      }
    }

    @Test func `one connection too many is answered with 503`() async throws {
      try await withServer {
        $0.maximumConnections = 1
      } handler: { _ in
        CacheResponse(body: "hi")
      } _: { port in
        let first = try RawSocket(port: port)
        try first.send(Self.get)
        _ = try first.readResponse()
        let second = try RawSocket(port: port)
        #expect(try second.readResponse().head.hasPrefix("HTTP/1.1 503 "))
      }
    }

    @Test func `handlers run on the event loop of their connection`() async throws {
      let contents = try await withServer { _ in
        let before = EventLoop.current
        try await Task.sleep(for: .milliseconds(1))
        return CacheResponse(body: Body("\(before != nil && before === EventLoop.current)"))
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(Self.get)
        return try socket.readResponse().content
      }
      #expect(contents == "true")
    }

    @Test func `a taken port is an error that says so`() async throws {
      try await withServer { _ in
        CacheResponse()
      } _: { port in
        _ = #expect(throws: SocketError.self) {
          try HTTPServer(configuration: .init(port: port), service: Handler { (_: CacheRequest) in CacheResponse() })
        }
      }
    }
  }
#endif

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// The content of requests: read, refused, thrown away.
  @Suite(.timeLimit(.minutes(5))) struct RequestContentTests {
    static let get = HTTPServerTests.get

    @Test func `RFC 9112 §7.1: chunked content reaches the handler with its trailers, and is echoed chunked`()
      async throws
    {
      try await withServer { request in
        let reader = request.body.makeReader()
        let content = try await request.body.collect()
        return CacheResponse(
          body: Body(CountedSource(Bytes(content), count: 1, trailers: ["X-Sum": reader.trailers?["X-In"] ?? "-"])))
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(
          "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7\r\n, world\r\n0\r\nX-In: 7\r\n\r\n"
        )
        let head = try socket.read(through: "\r\n\r\n")
        #expect(head.contains("Transfer-Encoding: chunked\r\n"))
        #expect(!head.contains("Content-Length"))
        #expect(try socket.read(through: "\r\n\r\n") == "c\r\nhello, world\r\n0\r\nX-Sum: 7\r\n\r\n")
        // And the connection goes on.
        try socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx")
        _ = try socket.read(through: "\r\n\r\n")
        #expect(try socket.read(through: "\r\n\r\n") == "1\r\nx\r\n0\r\nX-Sum: -\r\n\r\n")
      }
    }

    @Test func `RFC 9110 §10.1.1: 100 (Continue) is sent when the handler asks for the content`() async throws {
      try await withServer { request in
        CacheResponse(body: Body(try await request.body.collect()))
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(try socket.read(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
        try socket.send("hi")
        #expect(try socket.readResponse().content == "hi")
      }
    }

    @Test func `RFC 9110 §10.1.1: without 100 (Continue) the final response ends the connection`() async throws {
      try await withServer { _ in
        CacheResponse(status: 403)
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        let head = try socket.readResponse().head
        #expect(head.hasPrefix("HTTP/1.1 403 "))
        #expect(head.contains("Connection: close\r\n"))
        #expect(try socket.readToEnd() == "")
      }
    }

    @Test(arguments: [1_000, 1_024, 2_000, 5_000])
    func `content that arrives at once is complete, however little is read ahead`(_ size: Int) async throws {
      try await withServer {
        $0.inputBufferSize = 1 << 10
      } handler: { request in
        CacheResponse(body: Body(try await request.body.collect()))
      } _: { port in
        let socket = try RawSocket(port: port)
        for _ in 0..<3 {
          try socket.send(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(size)\r\n\r\n\(String(repeating: "x", count: size))")
          #expect(try socket.readResponse().content.count == size)
        }
      }
    }

    @Test func `content nobody reads is thrown away, and the connection goes on`() async throws {
      try await withServer { request in
        CacheResponse(body: Body(request.target))
      } _: { port in
        let socket = try RawSocket(port: port)
        let content = String(repeating: "x", count: 100_000)
        try socket.send(
          "POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n\(content)GET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(try socket.readResponse().content == "/1")
        #expect(try socket.readResponse().content == "/2")
      }
    }

    @Test func `content that is thrown away is not taken for the next request's`() async throws {
      let second = Flag()
      try await withServer { request in
        guard request.target == "/2" else { return CacheResponse(body: "1") }
        second.set()
        return CacheResponse(body: Body(try await request.body.collect()))
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n12345")
        #expect(try socket.readResponse().content == "1")
        try socket.send("67890POST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n")
        second.wait()
        try socket.send("hi")
        #expect(try socket.readResponse().content == "hi")
      }
    }

    @Test func `malformed content that is thrown away ends the connection, without a second response`() async throws {
      try await withServer { _ in
        CacheResponse(body: "1")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("POST /1 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(try socket.readResponse().content == "1")
        try socket.send("oops\r\n" + Self.get)
        #expect(try socket.readToEnd() == "")
      }
    }

    @Test func `content nobody reads ends the connection when there is too much of it`() async throws {
      try await withServer {
        $0.drainedBodySize = 1_000
      } handler: { _ in
        CacheResponse(body: "no")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n")
        let response = try socket.readResponse()
        #expect(response.head.contains("Connection: close\r\n"))
        #expect(response.content == "no")
      }
    }

    @Test func `RFC 9110 §15.5.14: chunked content beyond the limit is refused while it arrives`() async throws {
      try await withServer {
        $0.limits.body = 100
      } handler: { request in
        CacheResponse(body: Body(try await request.body.collect()))
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(
          "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n\(String(repeating: "x", count: 64))\r\n40\r\n"
        )
        #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 413 "))
        #expect(try socket.readToEnd() == "")
      }
    }
  }
#endif

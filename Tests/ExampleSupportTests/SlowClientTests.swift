//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// Clients that are slow, half gone, or too many.
  @Suite(.timeLimit(.minutes(5))) struct SlowClientTests {
    /// Far less than a third of the send buffer between two looks, but never nothing. Over a socket once: what is decided, and
    /// when, is tested by `MinimumRateTests` without a clock.
    @Test(arguments: [true, false])
    func `a client that reads steadily, but slowly, is served on`(_ isStream: Bool) async throws {
      let size = 1 << 20
      let text = String(repeating: "x", count: size)
      try await withServer {
        $0.writeTimeout = .seconds(2)
        $0.socketSendBufferSize = 1 << 20
        $0.sendFileSize = 0
      } handler: { _ in
        isStream
          ? CacheResponse(body: Body(CountedSource(Bytes(String(text.prefix(65_536))), count: 64)))
          : CacheResponse(body: Body(text + text + text + text))
      } _: { port in
        let socket = try RawSocket(port: port, receiveBuffer: 8 << 10)
        try socket.send(HTTPServerTests.get)
        var buffer = [UInt8](repeating: 0, count: 4_096)
        // Six seconds, three times the timeout, at some 20 KB/s; ten reads in each.
        for _ in 0..<30 {
          usleep(200_000)
          let count = recv(socket.descriptor, &buffer, buffer.count, 0)
          guard count > 0 else {
            Issue.record("the client was cut off")
            return
          }
        }
      }
    }

    @Test func `a client that ends its sending gets its response, unless told otherwise`() async throws {
      for treatsAsGone in [false, true] {
        try await withServer {
          $0.treatsHalfCloseAsDisconnect = treatsAsGone
        } handler: { request in
          try await Task.sleep(for: .milliseconds(100))
          return CacheResponse(body: Body(try await request.body.collect()))
        } _: { port in
          for request in [
            "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi",
          ] {
            let socket = try RawSocket(port: port)
            try socket.send(request)
            socket.finishSending()
            let text = try socket.readToEnd()
            #expect(text.hasPrefix("HTTP/1.1 200 ") == !treatsAsGone)
            #expect(text.hasSuffix("\r\n\r\nhi") == (!treatsAsGone && request.hasPrefix("POST")))
          }
        }
      }
    }

    @Test func `a trusted proxy may have more connections than one client`() async throws {
      try await withServer {
        $0.maximumConnectionsPerClient = 1
        $0.forwardedFor = .trusting(.loopback)
      } handler: { _ in
        CacheResponse(body: "hi")
      } _: { port in
        let sockets = try (0..<4).map { _ in try RawSocket(port: port) }
        for socket in sockets {
          try socket.send(HTTPServerTests.get)
          #expect(try socket.readResponse().content == "hi")
        }
      }
    }

    @Test func `one client address has a number of connections, not all`() async throws {
      try await withServer {
        $0.maximumConnectionsPerClient = 2
      } handler: { _ in
        CacheResponse(body: "hi")
      } _: { port in
        for _ in 0..<3 {
          var sockets: [RawSocket] = []
          // What is closed counts no more, once the server has seen it.
          for _ in 0..<12_000 where sockets.count < 2 {
            let socket = try RawSocket(port: port)
            try? socket.send(HTTPServerTests.get)
            if try socket.read(through: "\r\n\r\n").hasPrefix("HTTP/1.1 200 ") {
              sockets.append(socket)
            } else {
              usleep(5_000)
            }
          }
          #expect(sockets.count == 2)
          #expect(try RawSocket(port: port).readToEnd().hasPrefix("HTTP/1.1 503 "))
          for socket in sockets { socket.close() }
        }
      }
    }

    static let clients: [(HTTPServer.Configuration.ForwardedFor, String)] = [
      (.off, "127.0.0.1"), (.replace, "127.0.0.1"), (.trusting(.none), "127.0.0.1"),
      (.trusting(.loopback), "192.0.2.7"),
    ]

    @Test(arguments: clients)
    func `a request's client is known to what it causes, and is the one behind trusted proxies only`(
      _ example: (HTTPServer.Configuration.ForwardedFor, String)
    ) async throws {
      try await withServer {
        $0.forwardedFor = example.0
      } handler: { _ in
        let inherited = await Task { RequestClient.current?.address }.value
        return CacheResponse(body: inherited == ClientAddress(example.1) ? "known" : "unknown")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")
        #expect(try socket.readResponse().content == "known")
      }
    }
  }
#endif

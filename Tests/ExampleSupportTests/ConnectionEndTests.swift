//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Foundation
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// The end of a connection is noticed although it comes while there is no room for what has come before it.
  @Suite(.timeLimit(.minutes(2))) struct ConnectionEndTests {
    static let heads = [
      "HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
    ]

    @Test(arguments: heads, [100_000, 300_000, 600_000, 1_000_000, 2_000_000])
    func `RFC 9112 §6.3: a response ends with its connection, however late it is read`(head: String, size: Int)
      async throws
    {
      let hasEnded = Flag()
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send(head + String(repeating: "x", count: size))
        socket.close()
        hasEnded.set()
      }
      let client = try origin.client { $0.contentTimeout = .seconds(600) }
      let reader = try await client.call(CacheRequest()).body.makeReader()
      // As far as the sockets hold it all; a larger one ends while it is read.
      if size <= 600_000 { _ = await hasEnded.becomesSet() }
      var count = 0
      while let piece = try await reader.next() { count += piece.count }
      #expect(count == size)
    }

    @Test(arguments: [300_000, 1_000_000])
    func `RFC 9112 §8: a response that breaks off is an error at once`(size: Int) async throws {
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + String(repeating: "x", count: size))
      }
      let client = try origin.client { $0.contentTimeout = .seconds(600) }
      let reader = try await client.call(CacheRequest()).body.makeReader()
      await #expect(throws: UpstreamError.self) {
        while try await reader.next() != nil {}
      }
    }

    @Test(arguments: [10_000, 1_000_000, 3_000_000])
    func `a client that ends its side after its request is answered, and its connection closed`(size: Int) async throws
    {
      let received = Guarded(0)
      try await withServer {
        $0.keepAliveTimeout = .seconds(600)
        $0.treatsHalfCloseAsDisconnect = false
      } handler: { request in
        let count = try await request.body.collect(upTo: 4_000_000).count
        received.withLock { $0 = count }
        return CacheResponse(body: "ok")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(size)\r\n\r\n")
        try socket.send(String(repeating: "x", count: size))
        socket.finishSending()
        #expect(try socket.readToEnd().hasPrefix("HTTP/1.1 200"))
      }
      #expect(received.withLock { $0 } == size)
    }

    @Test(arguments: [10_000, 1_000_000, 3_000_000])
    func `content that breaks off is noticed at once`(size: Int) async throws {
      let error = Guarded<(any Error)?>(nil)
      try await withServer {
        $0.bodyTimeout = .seconds(600)
      } handler: { request in
        do { _ = try await request.body.collect(upTo: 10_000_000) } catch let failure {
          error.withLock { $0 = failure }
        }
        return CacheResponse(body: "ok")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 6000000\r\n\r\n")
        try socket.send(String(repeating: "x", count: size))
        socket.finishSending()
        _ = try socket.readToEnd()
      }
      #expect(error.withLock { $0 } != nil)
    }

    @Test(arguments: [10, 1_000, 5_000])
    func `a client that ends its side behind a pipeline has its connection closed`(count: Int) async throws {
      try await withServer {
        $0.keepAliveTimeout = .seconds(600)
      } immediate: { _ in
        CacheResponse(body: "ok")
      } handler: { _ in
        CacheResponse(body: "ok")
      } _: { port in
        let socket = try RawSocket(port: port)
        // What is answered meanwhile fits into the sockets.
        try socket.send(String(repeating: HTTPServerTests.get, count: count))
        socket.finishSending()
        let text = try socket.readToEnd()
        #expect(text.components(separatedBy: "HTTP/1.1 200").count == count + 1)
      }
    }
  }
#endif

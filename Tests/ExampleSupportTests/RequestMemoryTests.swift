//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// The memory that requests take until they are answered.
  @Suite(.timeLimit(.minutes(2))) struct RequestMemoryTests {
    private static let first = ClientAddress("10.0.0.1")
    private static let second = ClientAddress("10.0.0.2")

    @Test func `one client has its part, and all have no more than there is`() throws {
      let memory = RequestMemory(limit: 100, clientLimit: 60)
      let part = try #require(memory.take(50, for: Self.first))
      #expect(memory.take(11, for: Self.first) == nil)
      #expect(memory.take(51, for: Self.second) == nil)
      let other = try #require(memory.take(50, for: Self.second))
      #expect(memory.take(1, for: nil) == nil && memory.take(0, for: nil) != nil)
      memory.giveBack(part)
      // What counts for no client counts among all.
      let rest = try #require(memory.take(50, for: nil))
      #expect(memory.take(1, for: Self.first) == nil)
      for part in [other, rest] { memory.giveBack(part) }
      #expect(memory.counts == (0, 0))
    }

    @Test func `nothing is left of what is given back, however often`() throws {
      let memory = RequestMemory(limit: 1_000, clientLimit: 500)
      for round in 0..<10_000 {
        let client = ClientAddress("10.0.\(round / 250 % 250).\(round % 250)")
        let parts = [memory.take(round % 500, for: client), memory.take(0, for: client)].compactMap { $0 }
        #expect(parts.count == 2)
        for part in parts { memory.giveBack(part) }
      }
      #expect(memory.counts == (0, 0))
    }

    /// The numbers of `sockets` on which something has arrived, once there are `count` of them.
    private static func answered(_ sockets: [RawSocket], _ count: Int) -> Int {
      var quiet = sockets.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
      let isThere = { sockets.count - quiet.count }
      repeat {
        // Only those on which nothing has arrived so far, so that the wait is for the next.
        let patience = isThere() < count ? CInt(60_000) : 0
        guard poll(&quiet, nfds_t(quiet.count), patience) > 0 else { break }
        quiet.removeAll { $0.revents != 0 }
      } while isThere() < count
      return isThere()
    }

    /// Requests that each of 20 connections sends, and how many of them 128 KiB are enough for.
    static let floods: [(String, Int)] = [
      ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + String(repeating: "x", count: 5_000), 7),
      ("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 7),
      ("GET /wait HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "x", count: 20_000) + "\r\n\r\n", 6),
      ("GET /wait HTTP/1.1\r\nHost: h\r\nX: " + String(repeating: "x", count: 20_000), 6),
    ]

    @Test(arguments: floods)
    func `requests beyond one client's part get 503, and another client is served`(
      _ example: (request: String, count: Int)
    ) async throws {
      let isOver = Flag()
      try await withServer {
        $0.inputBufferSize = 16 << 10
        $0.requestMemory = 1 << 20
        $0.requestMemoryPerClient = 128 << 10
        $0.lingerTimeout = .milliseconds(50)
      } handler: { request in
        if request.target == "/wait" { _ = await isOver.becomesSet() }
        return CacheResponse(body: Body(try await request.body.collect()))
      } _: { port in
        defer { isOver.set() }
        // What is over is given back: altogether there is room for the parts of eight clients.
        for round in 0..<12 as Range<UInt32> {
          var sockets: [RawSocket] = []
          for _ in 0..<20 {
            let socket = try RawSocket(port: port, source: 10 + round)
            try? socket.send(example.request)
            sockets.append(socket)
          }
          #expect(Self.answered(sockets, 20 - example.count) == 20 - example.count, "\(round)")
          let other = try RawSocket(port: port, source: 2)
          try other.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi")
          #expect(try other.readResponse().content == "hi")
          // The server has had a turn for all sockets by now.
          #expect(Self.answered(sockets, 0) == 20 - example.count)
          var refusals = 0
          for socket in sockets {
            var polled = pollfd(fd: socket.descriptor, events: Int16(POLLIN), revents: 0)
            poll(&polled, 1, 0)
            if polled.revents != 0, try socket.readResponse().head.hasPrefix("HTTP/1.1 503 ") { refusals += 1 }
            socket.close()
          }
          #expect(refusals == 20 - example.count)
        }
      }
    }

    @Test func `a connection that goes on gives back what each of its requests took`() async throws {
      try await withServer {
        $0.requestMemory = 4 << 10
        $0.requestMemoryPerClient = 4 << 10
        $0.inputBufferSize = 1 << 10
      } handler: { request in
        CacheResponse(body: Body(try await request.body.collect()))
      } _: { port in
        let socket = try RawSocket(port: port)
        for _ in 0..<200 {
          try socket.send(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2000\r\n\r\n\(String(repeating: "x", count: 2_000))")
          #expect(try socket.readResponse().content.count == 2_000)
          try socket.send(HTTPServerTests.get + HTTPServerTests.get)
          for _ in 0..<2 { #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 200 ")) }
        }
      }
    }
  }
#endif

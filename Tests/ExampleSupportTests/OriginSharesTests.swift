//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// Clients that hold many origin connections for long, and those that come with less than their share.
  @Suite(.timeLimit(.minutes(2))) struct OriginSharesTests {
    /// An origin that answers `/quick` at once, `/stream` with a head and nothing else, and anything else never.
    private func makeOrigin() throws -> OriginScript {
      let script: OriginScript.Script = { socket in
        while true {
          let head = try socket.read(through: "\r\n\r\n")
          if head.hasPrefix("POST ") { _ = try socket.read(1) }
          if head.contains(" /quick") {
            try socket.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
          } else {
            if head.contains(" /stream") { try socket.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n") }
            _ = try socket.readToEnd()
            return
          }
        }
      }
      return try OriginScript(script, script, script, script, script, script, script, script, script, script)
    }

    /// Exchanges that go on, by target; and the targets of those that have been ended, in order.
    private final class Exchanges: Sendable {
      let ended = Guarded<[String]>([])
      private let tasks = Guarded<[Task<Void, Never>]>([])
      private let origin: OriginScript
      private let upstream: UpstreamClient

      init(_ origin: OriginScript, _ configure: (inout UpstreamClient.Configuration) -> Void) throws {
        self.origin = origin
        upstream = try origin.client(configure)
      }

      /// Begins an exchange, and returns when it holds a connection.
      func begin(_ target: String, from address: String, body: Body = .empty) async -> RequestClient {
        let client = RequestClient(ClientAddress(address))
        let request = CacheRequest(method: body.isEmpty ? .get : .post, target: target, body: body)
        let hasAnswer = Flag()
        let task = Task {
          await RequestClient.$current.withValue(client) {
            do {
              let response = try await self.upstream.call(request)
              hasAnswer.set()
              _ = try await response.body.collect()
            } catch {
              self.ended.withLock { $0.append(target) }
            }
          }
        }
        tasks.withLock { $0.append(task) }
        #expect(await eventually { client.holdsOriginConnection })
        if target.hasPrefix("/stream") { #expect(await hasAnswer.becomesSet()) }
        return client
      }

      func quick(from address: String, body: Body = .empty) async throws -> Int {
        try await RequestClient.$current.withValue(RequestClient(ClientAddress(address))) {
          let request = CacheRequest(method: body.isEmpty ? .get : .post, target: "/quick", body: body)
          return try await self.upstream.call(request).status
        }
      }

      func finish() async {
        for task in tasks.withLock({ $0 }) {
          task.cancel()
          await task.value
        }
      }
    }

    @Test(arguments: ["/stream", "/slow", "POST"])
    func `whoever comes with less than a share waits for no long response of others with more`(_ kind: String)
      async throws
    {
      let exchanges = try Exchanges(makeOrigin()) {
        $0.maximumConnections = 8
        $0.reservedConnections = 2
        $0.shareTimeout = .milliseconds(100)
      }
      let body: Body = kind == "POST" ? "x" : .empty
      // Two clients together take all there is, the spare connections, too.
      let count = kind == "POST" ? 6 : 8
      for number in 0..<count {
        _ = await exchanges.begin(
          "\(kind == "POST" ? "/post" : kind)\(number)", from: number < count - 1 ? "10.0.0.1" : "10.0.0.2", body: body)
      }
      // As often as they come.
      for _ in 1...3 {
        #expect(try await exchanges.quick(from: "10.0.0.3", body: body) == 200)
        _ = await eventually { exchanges.ended.withLock { !$0.isEmpty } }
      }
      #expect(exchanges.ended.withLock { $0.count } == 1)
      // The one that has been under way longest, of the client with the most.
      #expect(exchanges.ended.withLock { $0.first?.hasSuffix("0") } == true)
      await exchanges.finish()
    }

    @Test func `a client that is alone loses nothing, and one that comes does not wait for it`() async throws {
      let exchanges = try Exchanges(makeOrigin()) {
        $0.maximumConnections = 8
        $0.poolTimeout = .milliseconds(300)
        $0.shareTimeout = .zero
      }
      for number in 0..<7 { _ = await exchanges.begin("/stream\(number)", from: "10.0.0.1") }
      await #expect(throws: UpstreamError.self) { try await exchanges.quick(from: "10.0.0.1") }
      for address in ["10.0.0.2", "10.0.0.3", "10.0.0.2"] {
        #expect(try await exchanges.quick(from: address) == 200)
      }
      #expect(exchanges.ended.withLock { $0.isEmpty })
      await exchanges.finish()
    }

    @Test func `the exchange of a client that has left is ended first, and at once`() async throws {
      let exchanges = try Exchanges(makeOrigin()) {
        $0.maximumConnections = 4
        $0.shareTimeout = .seconds(3_600)
      }
      for number in 0..<4 {
        let client = await exchanges.begin("/slow\(number)", from: "10.0.0.1")
        if number == 2 { client.leave() }
      }
      #expect(try await exchanges.quick(from: "10.0.0.2") == 200)
      #expect(exchanges.ended.withLock { $0 } == ["/slow2"])
      await exchanges.finish()
    }

    @Test func `a stream is ended before a request that has no answer yet`() async throws {
      let exchanges = try Exchanges(makeOrigin()) {
        $0.maximumConnections = 4
        $0.shareTimeout = .milliseconds(100)
      }
      for target in ["/slow0", "/slow1", "/stream2", "/stream3"] { _ = await exchanges.begin(target, from: "10.0.0.1") }
      #expect(try await exchanges.quick(from: "10.0.0.2") == 200)
      #expect(exchanges.ended.withLock { $0 } == ["/stream2"])
      await exchanges.finish()
    }

    @Test(arguments: [true, false])
    func `a client that stops sending has left, and gets its response all the same`(_ isPipelined: Bool) async throws {
      let hasBegun = Flag()
      try await withServer {
        $0.treatsHalfCloseAsDisconnect = false
      } handler: { _ in
        let client = try #require(RequestClient.current)
        hasBegun.set()
        return CacheResponse(body: await eventually { client.hasLeft } ? "left" : "there")
      } _: { port in
        let socket = try RawSocket(port: port)
        try socket.send(HTTPServerTests.get + (isPipelined ? HTTPServerTests.get : ""))
        hasBegun.wait()
        socket.finishSending()
        for _ in 0..<(isPipelined ? 2 : 1) { #expect(try socket.readResponse().content == "left") }
      }
    }
  }
#endif

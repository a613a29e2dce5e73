//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  @Suite(.timeLimit(.minutes(5))) struct ShutdownTests {
    @Test func `shutdown answers what is in flight, closes what is idle, and accepts nothing more`() async throws {
      let started = Flag()
      let release = Flag()
      var configuration = HTTPServer.Configuration(port: 0)
      configuration.lingerTimeout = .milliseconds(200)
      let server = try HTTPServer(
        configuration: configuration,
        service: Handler { (request: CacheRequest) in
          if request.target == "/slow" {
            started.set()
            _ = await release.becomesSet()
          }
          return CacheResponse(body: "done")
        })
      let run = Task { try await server.run() }
      let port = server.address.port

      let idle = try await onThread {
        let socket = try RawSocket(port: port)
        try socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        _ = try socket.readResponse()
        return UncheckedBox(socket)
      }
      let slow = Task {
        try await onThread {
          let socket = try RawSocket(port: port)
          try socket.send("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
          let response = try socket.readResponse()
          #expect(try socket.readToEnd() == "")
          return response
        }
      }
      #expect(await started.becomesSet())
      server.shutdown()
      #expect(try await onThread { try idle.value.readToEnd() } == "")
      await #expect(throws: RawSocket.Failure.self) { try await onThread { _ = try RawSocket(port: port) } }
      release.set()
      let response = try await slow.value
      #expect(response.content == "done")
      #expect(response.head.contains("Connection: close\r\n"))
      try await run.value
      #expect(server.connectionCount == 0)
    }

    @Test(arguments: [
      (SIGTERM, SIGTERM, 0, false), (SIGTERM, SIGTERM, 499, false), (SIGTERM, SIGTERM, 500, true),
      (SIGTERM, SIGTERM, 60_000, true), (SIGTERM, SIGINT, 0, true), (SIGINT, SIGINT, 1, false),
    ])
    func `the same signal again within half a second is no second one`(
      _ first: CInt, _ number: CInt, _ milliseconds: Int64, _ isSecond: Bool
    ) {
      #expect(cel_is_second_signal(first, number, milliseconds) == isSecond)
    }

    @Test func `shutdown does not wait longer than its timeout`() async throws {
      let started = Flag()
      var configuration = HTTPServer.Configuration(port: 0)
      configuration.shutdownTimeout = .milliseconds(50)
      let server = try HTTPServer(
        configuration: configuration,
        service: Handler { (_: CacheRequest) in
          started.set()
          try await Task.sleep(for: .seconds(60))
          return CacheResponse()
        })
      let run = Task { try await server.run() }
      let port = server.address.port
      let client = Task {
        try await onThread {
          let socket = try RawSocket(port: port)
          try socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
          return try socket.readToEnd()
        }
      }
      #expect(await started.becomesSet())
      run.cancel()
      try await run.value
      _ = await client.result
    }
  }
#endif

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
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

    @Test func `the same signal twice at once counts as one`() async throws {
      let started = Flag()
      let release = Flag()
      let server = try HTTPServer(
        configuration: .init(port: 0),
        service: Handler { (_: CacheRequest) in
          started.set()
          _ = await release.becomesSet()
          return CacheResponse(body: "done")
        })
      let run = Task { try await server.runUntilSignalled() }
      let port = server.address.port
      let client = Task {
        try await onThread {
          let socket = try RawSocket(port: port)
          try socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n")
          return try socket.readResponse()
        }
      }
      // Signals are watched for before requests are accepted.
      #expect(await started.becomesSet())
      // A second signal that counted would end this process. The request keeps the server from ending before it comes.
      #expect(kill(getpid(), SIGTERM) == 0)
      #expect(kill(getpid(), SIGTERM) == 0)
      await #expect(throws: RawSocket.Failure.self) {
        // The listener is closed soon, not at once.
        for _ in 0..<1_000 {
          try await onThread { _ = try RawSocket(port: port) }
          try await Task.sleep(for: .milliseconds(5))
        }
      }
      release.set()
      #expect(try await client.value.content == "done")
      try await run.value
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

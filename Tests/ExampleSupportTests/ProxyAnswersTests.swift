//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc
  import HTTPCache
  import Testing

  @testable import ExampleSupport
  @testable import caching_proxy

  /// The answers that caching-proxy makes itself, over sockets, with its own command line.
  @Suite(.timeLimit(.minutes(5))) struct ProxyAnswersTests {
    /// Runs the proxy that `arguments` ask for, before whatever listens on `origin`.
    private func withProxy<Result: Sendable>(
      _ arguments: [String], origin: Int, _ body: @escaping @Sendable (_ port: Int) throws -> Result
    ) async throws -> Result {
      let url = "http://127.0.0.1:\(origin)"
      let settings = try ProxyOptions().settings(
        ["--origin", url, "--listen", "127.0.0.1:0", "--linger-timeout", "100ms", "--shutdown-timeout", "1s"]
          + arguments)
      let proxy = try Proxy(settings, before: OriginURL(url), keepingResponsesIn: InMemoryBackend())
      let run = Task { try await proxy.server.run() }
      let port = proxy.server.address.port
      let result = await Task { try await onThread { try body(port) } }.result
      proxy.server.shutdown()
      try await run.value
      return try result.get()
    }

    /// An origin, and what it does with each connection.
    enum Origin: String, Sendable {
      case answers, isNotThere, saysNothing, closes, speaksNonsense, sendsLargeHead
    }

    struct Example: Sendable, CustomTestStringConvertible {
      var name: String
      var arguments: [String] = []
      var origin = Origin.answers
      var request: String
      var status: Int
      /// What `Cache-Status` is; nil when there is none.
      var cacheStatus: String?

      var testDescription: String { name }
    }

    private static let get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
    private static let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"
    private static let chunked = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
    private static let long = String(repeating: "x", count: 300)

    static let examples: [Example] = [
      // Behind the cache.
      Example(
        name: "no origin", origin: .isNotThere, request: get, status: 502,
        cacheStatus: "swift-http-cache; fwd=miss; detail=origin-unreachable"),
      Example(
        name: "no origin for HEAD", origin: .isNotThere, request: "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n", status: 502,
        cacheStatus: "swift-http-cache; fwd=miss; detail=origin-unreachable"),
      Example(
        name: "no origin for POST", origin: .isNotThere, request: post, status: 502,
        cacheStatus: "swift-http-cache; fwd=method; detail=origin-unreachable"),
      Example(
        name: "a proxy with a name that is no token of structured fields", arguments: ["--name", "9%proxy"],
        origin: .isNotThere,
        request: get, status: 502,
        cacheStatus: "\"9%proxy\"; fwd=miss; detail=origin-unreachable"),
      Example(
        name: "an origin that closes", origin: .closes, request: get, status: 502,
        cacheStatus: "swift-http-cache; fwd=miss; detail=origin-closed"),
      Example(
        name: "an origin that speaks nonsense", origin: .speaksNonsense, request: get, status: 502,
        cacheStatus: "swift-http-cache; fwd=miss; detail=origin-invalid"),
      Example(
        name: "a response head beyond the limit", arguments: ["--maximum-response-head", "64"], origin: .sendsLargeHead,
        request: get, status: 502, cacheStatus: "swift-http-cache; fwd=miss; detail=origin-invalid"),
      Example(
        name: "an origin that says nothing", arguments: ["--origin-timeout", "100ms"], origin: .saysNothing,
        request: get, status: 504, cacheStatus: "swift-http-cache; fwd=miss; detail=origin-timeout"),
      Example(
        name: "the hard timeout", arguments: ["--hard-timeout", "100ms"], origin: .saysNothing, request: get,
        status: 504, cacheStatus: "swift-http-cache; fwd=miss; detail=origin-timeout"),
      Example(
        name: "only-if-cached", request: "GET / HTTP/1.1\r\nHost: h\r\nCache-Control: only-if-cached\r\n\r\n",
        status: 504, cacheStatus: "swift-http-cache; detail=only-if-cached"),
      Example(
        name: "TRACE", request: "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", status: 405),
      // Before the cache.
      Example(
        name: "another host", arguments: ["--hosts", "example.org"], request: get, status: 421,
        cacheStatus: "swift-http-cache; detail=host-not-served"),
      Example(
        name: "a request in circles",
        request:
          "GET / HTTP/1.1\r\nHost: h\r\nVia: \(Array(repeating: "1.1 a", count: 20).joined(separator: ", "))\r\n\r\n",
        status: 508, cacheStatus: "swift-http-cache; detail=loop"),
      Example(
        name: "chunks that are none", request: chunked + "nonsense\r\n", status: 400,
        cacheStatus: "swift-http-cache; detail=request-content"),
      Example(
        name: "a body that does not come", arguments: ["--body-timeout", "100ms"],
        request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nx", status: 408,
        cacheStatus: "swift-http-cache; detail=request-content"),
      Example(
        name: "chunks beyond the limit", arguments: ["--maximum-request-body", "3"],
        request: chunked + "4\r\nlong\r\n0\r\n\r\n", status: 413,
        cacheStatus: "swift-http-cache; detail=request-content"),
      Example(
        name: "no memory left",
        arguments: [
          "--threads", "1", "--request-memory-per-client", "2KiB", "--request-buffer", "1KiB", "--maximum-request-line",
          "64",
          "--maximum-request-head", "960",
        ],
        request: "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx", status: 503,
        cacheStatus: "swift-http-cache; detail=request-memory"),
      // No request.
      Example(name: "nonsense", request: "nonsense\r\n\r\n", status: 400),
      Example(name: "no host", request: "GET / HTTP/1.1\r\n\r\n", status: 400),
      Example(name: "an HTTP of tomorrow", request: "GET / HTTP/3.0\r\nHost: h\r\n\r\n", status: 505),
      Example(name: "a tunnel", request: "CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n", status: 501),
      Example(
        name: "a head that does not end", arguments: ["--head-timeout", "100ms"], request: "GET / HTTP/1.1\r\n",
        status: 408),
      Example(
        name: "an announced length beyond the limit", arguments: ["--maximum-request-body", "1"], request: post,
        status: 413),
      Example(
        name: "a long target", arguments: ["--maximum-request-line", "64"],
        request: "GET /\(long) HTTP/1.1\r\nHost: h\r\n\r\n", status: 414),
      Example(
        name: "a large head", arguments: ["--maximum-request-head", "64"],
        request: "GET / HTTP/1.1\r\nHost: h\r\nX: \(long)\r\n\r\n", status: 431),
      Example(
        name: "many fields", arguments: ["--maximum-request-fields", "1"],
        request: "GET / HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n", status: 431),
    ]

    @Test(arguments: examples)
    func `an answer of the proxy says why in Cache-Status, is short, and names no origin`(_ example: Example)
      async throws
    {
      let origin = try OriginScript(Self.script(example.origin), Self.script(example.origin))
      let closed = try ClosedPort()
      let port = example.origin == .isNotThere ? closed.number : origin.port
      try await withProxy(example.arguments, origin: port) { proxy in
        var others: [RawSocket] = []
        if example.cacheStatus?.contains("request-memory") == true {
          // Another request of the same client holds what there is.
          let socket = try RawSocket(port: proxy)
          try socket.send(example.request)
          others.append(socket)
        }
        let socket = try RawSocket(port: proxy)
        try socket.send(example.request)
        let (head, content) = try socket.readResponse(isHead: example.request.hasPrefix("HEAD "))
        #expect(head.hasPrefix("HTTP/1.1 \(example.status) "), "\(head)")
        let statuses = head.split(separator: "\r\n").filter { $0.hasPrefix("Cache-Status: ") }.map { $0.dropFirst(14) }
        #expect(statuses == (example.cacheStatus.map { [$0[...]] } ?? []))
        #expect(head.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"))
        #expect(head.contains("\r\nCache-Control: no-store\r\n"))
        #expect(head.contains("\r\nRetry-After: 1\r\n") == (example.status == 503))
        if !example.request.hasPrefix("HEAD ") {
          #expect(content.hasSuffix("\n") && content.count < 120 && content.split(separator: "\n").count == 1)
        }
        #expect(!(head + content).contains("127.0.0.1") && !(head + content).contains("\(port)"))
        for other in others { other.close() }
      }
    }

    private static func script(_ origin: Origin) -> OriginScript.Script {
      { socket in
        _ = try socket.read(through: "\r\n\r\n")
        switch origin {
        case .answers: try socket.send(UpstreamClientTests.ok)
        case .closes, .isNotThere: return
        case .speaksNonsense: try socket.send("Content-Length is \"SECRET\"\r\n\r\n")
        case .sendsLargeHead: try socket.send("HTTP/1.1 200 OK\r\nX: \(Self.long)\r\nContent-Length: 0\r\n\r\n")
        case .saysNothing: break
        }
        _ = try? socket.readToEnd()
      }
    }

    @Test func `a request that gets no origin connection in time gets 503, and is told when to come again`()
      async throws
    {
      let started = Flag()
      let script: OriginScript.Script = { socket in
        _ = try socket.read(through: "\r\n\r\n")
        started.set()
        _ = try? socket.readToEnd()
      }
      let origin = try OriginScript(script)
      try await withProxy(["--origin-connections", "1", "--origin-wait", "50ms"], origin: origin.port) { port in
        let holder = try RawSocket(port: port)
        try holder.send(Self.get.replacing("GET /", with: "GET /first"))
        started.wait()
        let socket = try RawSocket(port: port)
        try socket.send(Self.get)
        let (head, content) = try socket.readResponse()
        #expect(head.hasPrefix("HTTP/1.1 503 ") && head.contains("\r\nRetry-After: 1\r\n"))
        #expect(head.contains("\r\nCache-Status: swift-http-cache; fwd=miss; detail=origin-saturated\r\n"))
        #expect(content.contains("Try again later."))
        holder.close()
      }
    }

    @Test(arguments: [["--connections", "1"], ["--connections-per-client", "1"]])
    func `a connection too many gets 503, a text, and the time to come again`(_ arguments: [String]) async throws {
      let origin = try OriginScript(Self.script(.answers))
      try await withProxy(arguments, origin: origin.port) { port in
        let first = try RawSocket(port: port)
        try first.send(Self.get)
        #expect(try first.readResponse().content == "hi")
        let second = try RawSocket(port: port)
        let (head, content) = try second.readResponse()
        #expect(head.hasPrefix("HTTP/1.1 503 ") && head.contains("\r\nRetry-After: 1\r\n"))
        #expect(content == "This server has as many connections as it takes. Try again later.\n")
        #expect(try second.readToEnd() == "")
      }
    }

    @Test(arguments: [true, false])
    func `a client that shuts down its sending side gets its response, unless half-close cancels`(_ cancels: Bool)
      async throws
    {
      let started = Flag()
      let release = Flag()
      let origin = try OriginScript { socket in
        _ = try socket.read(through: "\r\n\r\n")
        started.set()
        release.wait()
        try? socket.send("HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nhi")
      }
      try await withProxy(cancels ? ["--cancel-on-half-close"] : [], origin: origin.port) { port in
        defer { release.set() }
        let socket = try RawSocket(port: port)
        try socket.send(Self.get)
        started.wait()
        socket.finishSending()
        // A request that is cancelled ends without a response, and before the origin has answered.
        if !cancels { release.set() }
        let text = try socket.readToEnd()
        #expect(cancels ? text.isEmpty : text.hasPrefix("HTTP/1.1 200 ") && text.hasSuffix("\r\n\r\nhi"), "\(text)")
      }
    }
  }
#endif

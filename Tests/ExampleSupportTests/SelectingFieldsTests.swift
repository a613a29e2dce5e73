//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// Responses that an origin selects by fields which the proxy removes, changes or adds behind its cache.
  @Suite(.timeLimit(.minutes(2))) struct SelectingFieldsTests {
    /// A field, and what two clients send in it.
    static let fields: [(name: String, values: [String?])] = [
      ("Forwarded", [nil, nil]), ("Forwarded", ["for=192.0.2.1", "for=192.0.2.2"]), ("X-Forwarded-For", [nil, nil]),
      ("X-Forwarded-For", ["192.0.2.1", "192.0.2.2"]), ("Forwarded", [nil, "for=192.0.2.2"]),
      ("X-Forwarded-Host", ["a.example", "b.example"]), ("X-Forwarded-Proto", ["http", "https"]),
      ("X-Real-IP", ["192.0.2.1", "192.0.2.2"]), ("Host", ["a.example", "b.example"]), ("Via", ["1.0 a", "1.0 b"]),
      ("Via", [nil, "1.0 b"]), ("TE", ["trailers", nil]), ("TE", ["trailers, gzip", "gzip"]),
      ("Expect", ["100-continue", nil]), ("Proxy-Authorization", ["Basic YQ==", "Basic Yg=="]),
      ("Connection", ["a", "b"]), ("Keep-Alive", ["a", "b"]), ("Upgrade", ["h2c", nil]),
      ("HTTP2-Settings", ["AA", nil]),
      ("Max-Forwards", ["3", "4"]), ("Client-IP", ["192.0.2.1", "192.0.2.2"]), ("Proxy", ["a", "b"]),
      ("Accept-Language", ["de", "en"]), ("X-Mine", ["a", nil]),
    ]

    @Test(arguments: fields, [TrustedProxies.none, .loopback])
    func `RFC 9111 §4.1: each client gets what the origin selects for it`(
      _ example: (name: String, values: [String?]), _ trusted: TrustedProxies
    ) async throws {
      let name = try #require(HeaderName(example.name))
      // Two addresses of this machine, and both again.
      let ask: @Sendable (Int) throws -> [String] = { port in
        try [0, 1, 0, 1].map { number in
          let socket = try RawSocket(port: port, source: UInt32(number + 1))
          let field = example.values[number].map { "\(example.name): \($0)\r\n" } ?? ""
          let host = example.name == "Host" ? "" : "Host: h.example\r\n"
          let connection = example.name == "TE" ? "Connection: TE\r\n" : ""
          try socket.send("GET / HTTP/1.1\r\n\(host)\(field)\(connection)\r\n")
          return try socket.readResponse().content
        }
      }
      let answer: @Sendable (CacheRequest) -> CacheResponse = { request in
        // `Host` is the origin's own, and the client's is part of the key.
        let value = request.fields[name == .host ? .xForwardedHost : name] ?? "nothing"
        return CacheResponse(fields: ["Cache-Control": "max-age=60", "Vary": example.name], body: Body("got \(value)"))
      }
      var harness = ProxyHarness(trusted: trusted)
      let cached = try await harness.run(origin: answer, ask)
      harness.isCached = false
      let direct = try await harness.run(origin: answer, ask)
      // The cache may give what the origin selects for a client without trailers to one that takes them, not the reverse.
      #expect(cached == (example.name == "TE" ? direct.map { _ in "got nothing" } : direct))
      #expect(cached.allSatisfy { $0.hasPrefix("got ") })
    }

    @Test func `what is not selected by Forwarded is stored once for all clients`() async throws {
      let calls = Counter()
      try await ProxyHarness().run { _ in
        calls.increment()
        return CacheResponse(
          fields: ["Cache-Control": "max-age=60", "Vary": "Accept-Encoding, X-Forwarded-Proto, X-Forwarded-Host"],
          body: "hi")
      } _: { port in
        for source in 1...3 as ClosedRange<UInt32> {
          let socket = try RawSocket(port: port, source: source)
          try socket.send(HTTPServerTests.get)
          let response = try socket.readResponse()
          #expect(response.content == "hi" && !response.head.lowercased().contains("x-forwarded-for"))
        }
      }
      #expect(calls.value == 1)
    }

    @Test(arguments: ["GET", "HEAD", "POST", "DELETE", "OPTIONS"], [true, false])
    func `RFC 9110 §10.1.4: an origin learns that a client takes trailers, with or without a cache`(
      _ method: String, _ isCached: Bool
    ) async throws {
      let seen = Guarded<[String?]>([])
      try await ProxyHarness(isCached: isCached).run { request in
        seen.withLock { $0.append(request.fields[.te]) }
        return CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "hi")
      } _: { port in
        for (path, field) in [("/a", "TE: trailers\r\nConnection: TE\r\n"), ("/b", "")] {
          let socket = try RawSocket(port: port)
          try socket.send("\(method) \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\(field)\r\n")
          #expect(try socket.readResponse(isHead: method == "HEAD").head.hasPrefix("HTTP/1.1 200 "))
        }
      }
      #expect(seen.withLock { $0 } == ["trailers", nil])
    }
  }
#endif

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport
  @testable import caching_proxy

  /// Command lines of caching-proxy, and what the proxy does then: the program's settings, a proxy as the program makes it,
  /// and an origin, all of it over sockets.
  @Suite(.timeLimit(.minutes(2))) struct ProxySettingsTests {
    /// One request after the other, and what each response must have in it.
    struct Step: Sendable {
      /// The target and further fields, of a GET unless said otherwise.
      var request: String
      var has: [String]
      var lacks: [String] = []

      init(
        _ target: String, _ fields: String..., method: String = "GET", has: [String], lacks: [String] = []
      ) {
        let hasHost = fields.contains { $0.hasPrefix("Host:") }
        let lines = ["\(method) \(target) HTTP/1.1"] + (hasHost ? [] : ["Host: site"]) + fields
        request = lines.map { $0 + "\r\n" }.joined() + "\r\n"
        self.has = has
        self.lacks = lacks
      }
    }

    /// Answers with what it was sent. `/page` is fresh for a minute, `/cookie` too, and sets a cookie; `/plain` says nothing.
    @Sendable private static func answer(_ request: CacheRequest) -> CacheResponse {
      var fields = HeaderFields()
      if !request.method.isSafe {
        return CacheResponse(status: request.fields.contains("X-Secret") ? 204 : 405)
      }
      if request.target != "/plain" { fields["Cache-Control"] = "max-age=60" }
      if request.target == "/cookie" { fields["Set-Cookie"] = "sid=1" }
      let names: [HeaderName] = [.xForwardedFor, .xForwardedProto, .xForwardedHost]
      let text = names.map { "\($0.canonical)=\(request.fields[$0] ?? "")\n" }.joined()
      return CacheResponse(fields: fields, body: Body(text))
    }

    private static let miss = "fwd=uri-miss"
    private static let hit = "; hit"

    struct Case: Sendable {
      let arguments: [String]
      let steps: [Step]

      init(_ arguments: [String], _ steps: [Step]) {
        self.arguments = arguments
        self.steps = steps
      }
    }

    static let cases: [Case] = [
      // Cookies that responses set.
      Case(
        [],
        [
          Step("/cookie", has: [miss, "Set-Cookie: sid=1", "stored"]),
          Step("/cookie", has: [hit, "Set-Cookie: sid=1"]),
        ]
      ),
      Case(
        ["--set-cookie", "store"],
        [Step("/cookie", has: [miss, "stored"]), Step("/cookie", has: [hit, "Set-Cookie: sid=1"])]
      ),
      Case(
        ["--set-cookie", "strip"],
        [Step("/cookie", has: [miss, "stored"]), Step("/cookie", has: [hit], lacks: ["Set-Cookie"])]
      ),
      Case(
        ["--set-cookie", "refuse"],
        [
          Step("/cookie", has: [miss, "Set-Cookie: sid=1", "detail=set-cookie"], lacks: ["stored"]),
          Step("/cookie", has: ["Set-Cookie: sid=1"], lacks: [hit]), Step("/page", has: ["stored"]),
        ]
      ),
      // A lifetime that the proxy gives, and requests with cookies.
      Case(
        [], [Step("/plain", has: ["detail=no-lifetime"], lacks: ["stored"]), Step("/plain", has: [], lacks: [hit])]),
      Case(
        ["--ttl", "1m"],
        [
          Step("/plain", "Cookie: sid=1", has: ["detail=cookie"], lacks: ["stored"]),
          Step("/plain", has: ["stored"]), Step("/plain", has: [hit]),
          Step("/plain", "Cookie: sid=2", has: [], lacks: [hit]),
          Step("/plain", "Cookie: _ga=2", has: [], lacks: [hit]),
        ]
      ),
      Case(
        ["--ttl", "1m", "--cookies", "pass"],
        [Step("/plain", has: ["stored"]), Step("/plain", "Cookie: sid=2", has: [], lacks: [hit])]
      ),
      Case(
        ["--ttl", "1m", "--cookies", "ignore"],
        [Step("/plain", "Cookie: sid=1", has: ["stored"]), Step("/plain", "Cookie: sid=2", has: [hit])]
      ),
      Case(
        ["--ttl", "1m", "--ignore-cookies", "_ga,_ga_*"],
        [
          Step("/plain", "Cookie: _ga=1; _ga_X=2", has: ["stored"]), Step("/plain", "Cookie: _ga_Y=3", has: [hit]),
          Step("/plain", "Cookie: _ga=1; sid=2", has: [], lacks: [hit]), Step("/plain", has: [hit]),
        ]
      ),
      // Hosts.
      Case([], [Step("/page", "Host: anything.test", has: ["HTTP/1.1 200"])]),
      Case(
        ["--hosts", "example.org,*.example.net"],
        [
          Step("/page", "Host: example.org", has: ["HTTP/1.1 200"]),
          Step("/page", "Host: a.b.example.net", has: ["HTTP/1.1 200"]),
          Step("/page", "Host: www.example.org", has: ["HTTP/1.1 421", "detail=host-not-served"]),
          Step("/page", "Host: example.net", has: ["HTTP/1.1 421"]),
          Step("/page", "Host: example.org:4444", has: ["HTTP/1.1 421"]),
        ]
      ),
      // What is believed of forwarded fields.
      Case(
        [],
        [
          Step(
            "/page", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test",
            has: ["x-forwarded-for=127.0.0.1\n", "x-forwarded-proto=http\n", "x-forwarded-host=site\n"])
        ]
      ),
      Case(
        ["--trusted-proxies", "192.0.2.0/24"],
        [Step("/page", "X-Forwarded-For: 192.0.2.7", has: ["x-forwarded-for=127.0.0.1\n"])]
      ),
      Case(
        ["--trusted-proxies", "loopback"],
        [
          Step(
            "/page", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: https", "X-Forwarded-Host: shop.test",
            has: ["x-forwarded-for=192.0.2.7", "x-forwarded-proto=https\n", "x-forwarded-host=shop.test\n"])
        ]
      ),
      // Requests with Authorization, and a lifetime that the proxy gives, or the origin.
      Case(
        ["--ttl", "1m"],
        [
          Step("/plain", has: ["stored"]),
          Step("/plain", "Authorization: Basic x", has: ["detail=authorization"], lacks: [hit]),
          Step("/page", has: ["stored"]), Step("/page", "Authorization: Basic x", has: [hit]),
        ]
      ),
      // A cookie that is stripped reaches the client that caused the call.
      Case(
        ["--set-cookie", "strip"],
        [
          Step("/cookie", has: [miss, "Set-Cookie: sid=1", "stored"]),
          Step("/cookie", has: [hit], lacks: ["Set-Cookie"]),
        ]
      ),
      // Removing a URL.
      Case(
        [],
        [
          Step("/page", has: [miss]), Step("/page", method: "DELETE", has: ["HTTP/1.1 405"]), Step("/page", has: [hit]),
          Step("/page", "X-Secret: 1", method: "DELETE", has: ["HTTP/1.1 204"]), Step("/page", has: [miss]),
          Step("/page", "X-Secret: 1", method: "PURGE", has: ["HTTP/1.1 204"]), Step("/page", has: [miss]),
        ]
      ),
      // The proxy's own answer to TRACE.
      Case(
        [], [Step("/page", method: "TRACE", has: ["HTTP/1.1 405", "Allow: GET", "does not forward"], lacks: ["fwd="])]),
      // What clients may demand.
      Case([], [Step("/page", has: ["stored"]), Step("/page", "Cache-Control: no-cache", has: [hit])]),
      Case(
        ["--ignore-client-directives"],
        [Step("/page", has: ["stored"]), Step("/page", "Cache-Control: max-age=0", has: [hit])]
      ),
      Case(
        ["--respect-client-directives"],
        [
          Step("/page", has: ["stored"]), Step("/page", "Cache-Control: no-cache", has: ["fwd=request"], lacks: [hit]),
          Step("/page", "Cache-Control: max-age=0", has: [], lacks: [hit]),
          Step("/page", "Pragma: no-cache", has: [], lacks: [hit]),
          Step("/page", has: [hit]),
        ]
      ),
    ]

    @Test(arguments: cases)
    func `the proxy does what its command line says`(_ test: Case) async throws {
      let origin = try HTTPServer(configuration: .init(port: 0), service: Handler { request in Self.answer(request) })
      let originRun = Task { try await origin.run() }
      let url = OriginURL(host: "127.0.0.1", port: origin.address.port)
      let arguments = [
        "--origin", "http://127.0.0.1:\(url.port)", "--listen", "127.0.0.1:0", "--shutdown-timeout", "0",
      ]
      let settings = try ProxyOptions().settings(arguments + test.arguments)
      let proxy = try Proxy(settings, before: url, keepingResponsesIn: InMemoryBackend())
      let server = proxy.server
      let run = Task { try await server.run() }
      let steps = test.steps
      try await onThread { try Self.take(steps, port: server.address.port) }
      server.shutdown()
      origin.shutdown()
      try await run.value
      try await originRun.value
    }

    private static func take(_ steps: [Step], port: Int) throws {
      let socket = try RawSocket(port: port)
      for step in steps {
        try socket.send(step.request)
        let response = try socket.readResponse()
        let text = response.head + response.content
        let missing = step.has.filter { !text.contains($0) }
        let unwanted = step.lacks.filter { text.contains($0) }
        #expect(missing.isEmpty && unwanted.isEmpty, "\(step.request)\(text)")
      }
    }
  }
#endif

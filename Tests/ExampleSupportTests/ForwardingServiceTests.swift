//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  @Suite struct ForwardingServiceTests {
    static let origin = OriginURL(host: "origin.example", port: 8080)

    /// What arrives upstream, and what comes back, when `request` is forwarded.
    func forward(
      _ request: CacheRequest, answer: CacheResponse = CacheResponse(),
      _ configure: (inout ForwardingService<Handler>.Configuration) -> Void = { _ in }
    ) async throws -> (request: CacheRequest?, response: CacheResponse) {
      let seen = Guarded<CacheRequest?>(nil)
      var configuration = ForwardingService<Handler>.Configuration()
      configure(&configuration)
      let upstream = Handler { (request: CacheRequest) in
        seen.withLock { $0 = request }
        request.onInformational?(
          InformationalResponse(
            status: 103,
            fields: [
              "Connection": "X-Hop", "X-Hop": "1", "Link": "l", "Content-Length": "38", "Transfer-Encoding": "chunked",
              "Set-Cookie": "a=b", "Trailer": "X", "WWW-Authenticate": "Basic", "Content-Range": "bytes 0-1/2",
            ]))
        return answer
      }
      let service = ForwardingService(to: Self.origin, through: upstream, configuration: configuration)
      // The request kept here holds on to the service, which holds on to this.
      defer { seen.withLock { $0 = nil } }
      let response = try await service.call(request)
      return (seen.withLock { $0 }, response)
    }

    @Test func `RFC 9110 §7.6.1: hop-by-hop fields do not go through, nor those that Connection names`() async throws {
      let hop: HeaderFields = [
        "Connection": "close, X-Hop, Host", "X-Hop": "1", "Keep-Alive": "timeout=5", "Proxy-Connection": "keep-alive",
        "Transfer-Encoding": "chunked", "Upgrade": "h2c", "TE": "gzip", "Expect": "100-continue", "X-Kept": "1",
        "Host": "client.example",
      ]
      let (request, response) = try await forward(CacheRequest(fields: hop), answer: CacheResponse(fields: hop))
      let names = try #require(request).fields.map(\.name.canonical)
      #expect(names == ["x-kept", "host", "x-forwarded-proto", "x-forwarded-host", "forwarded", "via"])
      #expect(response.fields.map(\.name.canonical) == ["expect", "x-kept", "host", "via"])
    }

    @Test func `RFC 9110 §10.1.4: of TE only trailers goes through`() async throws {
      #expect(try await forward(CacheRequest(fields: ["TE": "gzip, Trailers"])).request?.fields["TE"] == "trailers")
    }

    @Test func `RFC 9110 §7.6.3: both ways are signed in Via`() async throws {
      let (request, response) = try await forward(
        CacheRequest(fields: ["Via": "1.0 first"]), answer: CacheResponse(fields: ["Via": "2 far"])
      ) { $0.identity.name = "here" }
      let via = try #require(request?.fields[.via])
      #expect(via.hasPrefix("1.0 first, 1.1 here-") && via.count == "1.0 first, 1.1 here-".count + 16)
      #expect(response.fields[.via] == "2 far, 1.1 here")
    }

    @Test func `RFC 9110 §7.6.3: a request that goes in circles is ended`() async throws {
      let (request, response) = try await forward(CacheRequest(fields: ["Via": "1.1 a, 1.1 a, 1.1 a"])) {
        $0.maximumHops = 3
      }
      #expect(request == nil)
      #expect(response.status == 508)
    }

    @Test(arguments: [
      ("192.0.2.1", "for=192.0.2.1;proto=http;host=\"client.example\""),
      (
        "2001:db8::1, 198.51.100.9",
        "for=\"[2001:db8::1]\";proto=http;host=\"client.example\", for=198.51.100.9"
      ),
      ("a\"b;c", "for=unknown;proto=http;host=\"client.example\""),
    ])
    func `RFC 7239 §4: Forwarded says who asked`(_ client: String, _ expected: String) async throws {
      let (request, _) = try await forward(
        CacheRequest(authority: "client.example", fields: ["Host": "client.example", "X-Forwarded-For": client]))
      #expect(request?.fields[.forwarded] == expected)
      #expect(request?.fields["X-Forwarded-For"] == client)
      #expect(request?.fields["X-Forwarded-Host"] == "client.example")
      #expect(request?.fields["X-Forwarded-Proto"] == "http")
    }

    @Test func `RFC 9112 §3.2: Host is the origin's, unless the client's is to be kept`() async throws {
      let request = CacheRequest(authority: "client.example", fields: ["Host": "client.example"])
      #expect(try await forward(request).request?.fields[.host] == "origin.example:8080")
      #expect(try await forward(request) { $0.preservesHost = true }.request?.fields[.host] == "client.example")
    }

    @Test func `RFC 9110 §7.6.2: Max-Forwards is counted down for OPTIONS and TRACE, and ends at zero`() async throws {
      let options = CacheRequest(method: .options, fields: ["Max-Forwards": "2"])
      #expect(try await forward(options).request?.fields["Max-Forwards"] == "1")
      #expect(try await forward(CacheRequest(fields: ["Max-Forwards": "0"])).request?.fields["Max-Forwards"] == "0")
      let last = try await forward(CacheRequest(method: .options, fields: ["Max-Forwards": "0"]))
      #expect(last.request == nil)
      #expect(last.response.fields["Allow"] != nil)
      let trace = try await forward(
        CacheRequest(
          method: .trace, target: "/x",
          fields: [
            "Max-Forwards": "0", "Cookie": "secret", "X-Api-Key": "k", "Authorization": "a", "X-CSRF-Token": "t",
            "X-Forwarded-For": "192.0.2.1", "A": "b",
          ])
      ) { $0.allowsTrace = true }
      #expect(try await trace.response.body.collect() == "TRACE /x HTTP/1.1\r\nMax-Forwards: 0\r\nA: b\r\n\r\n")
    }

    @Test func `RFC 9110 §9.3.8: TRACE is refused, unless it is allowed, and takes no credentials along`() async throws
    {
      for hops in ["0", "5"] {
        let refused = try await forward(CacheRequest(method: .trace, fields: ["Max-Forwards": hops]))
        #expect(refused.request == nil && refused.response.status == 405)
        #expect(refused.response.fields["Allow"]?.contains("GET") == true)
      }
      let allowed = try await forward(
        CacheRequest(method: .trace, fields: ["Cookie": "c", "Authorization": "a", "B": "1"])
      ) {
        $0.allowsTrace = true
      }
      #expect(allowed.request?.fields["B"] == "1")
      #expect(allowed.request?.fields["Cookie"] == nil && allowed.request?.fields["Authorization"] == nil)
      let content = try await forward(CacheRequest(method: .trace, body: "content")) { $0.allowsTrace = true }
      #expect(content.request == nil && content.response.status == 400)
    }

    @Test func `RFC 9110 §15.2: interim responses go the same way as final ones`() async throws {
      let seen = Guarded<[InformationalResponse]>([])
      var request = CacheRequest()
      request.onInformational = { informational in seen.withLock { $0.append(informational) } }
      _ = try await forward(request) { $0.identity.name = "here" }
      #expect(seen.withLock { $0 } == [InformationalResponse(status: 103, fields: ["Link": "l", "Via": "1.1 here"])])
    }

    @Test(arguments: [
      (UpstreamError.Kind.cannotConnect, 502), (.timedOut, 504), (.badResponse, 502), (.closed, 502),
      (.overloaded, 503),
      (.invalidRequest, 400),
    ])
    func `RFC 9110 §15.6: a failure upstream has its status, and tells clients nothing of the origin`(
      _ kind: UpstreamError.Kind, _ status: Int
    ) async throws {
      let error = UpstreamError(kind, origin: "10.1.2.3:8080", "Content-Length is \"SECRET\", errno 111")
      let response = ProxyResponses(cacheName: "proxy").response(to: error, for: CacheRequest())
      #expect(response.status == status)
      let text = try await response.body.collect()
      for secret in ["10.1.2.3", "8080", "SECRET", "errno", "Content-Length is"] {
        #expect(!String(decoding: text, as: UTF8.self).contains(secret))
      }
      #expect("\(error)".contains("10.1.2.3:8080") && "\(error)".contains("SECRET"))
    }

    @Test func `a whole proxy: server, forwarding, client, origin`() async throws {
      let content = String(repeating: "0123456789", count: 50_000)
      let origin = try HTTPServer(
        configuration: .init(port: 0),
        service: Handler { (request: CacheRequest) in
          let fields: HeaderFields = [
            "X-For": request.fields["X-Forwarded-For"] ?? "", "X-Via": request.fields[.via] ?? "",
          ]
          return CacheResponse(fields: fields, body: Body(EchoSource(request.body)))
        })
      let run = Task { try await origin.run() }
      let url = OriginURL(host: "127.0.0.1", port: origin.address.port)
      let forwarding = ForwardingService(to: url, through: UpstreamClient(origin: url))
      try await withServer {
        $0.forwardedFor = .replace
        $0.onError = { Issue.record($0) }
      } handler: { request in
        // From another executor, as a cache does it.
        try await Task.detached { try await forwarding.call(request) }.value
      } _: { port in
        let socket = try RawSocket(port: port)
        for _ in 0..<3 {
          try socket.send(
            "POST / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\nContent-Length: \(content.utf8.count)\r\n\r\n\(content)"
          )
          let head = try socket.read(through: "\r\n\r\n")
          #expect(head.contains("X-For: 127.0.0.1\r\n"))
          #expect(head.contains("X-Via: 1.1 swift-http-cache-"))
          var received = ""
          while true {
            let size = Int(try socket.read(through: "\r\n").dropLast(1), radix: 16) ?? 0
            received += try socket.read(size)
            _ = try socket.read(2)
            if size == 0 { break }
          }
          #expect(received == content)
        }
      }
      origin.shutdown()
      try await run.value
    }
  }
#endif

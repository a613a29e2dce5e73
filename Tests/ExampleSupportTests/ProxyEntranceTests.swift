//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// What a proxy neither answers from its cache nor forwards.
  @Suite(.timeLimit(.minutes(5))) struct ProxyEntranceTests {
    @Test(arguments: [
      ("example.org", "example.org", true), ("example.org", "example.org:4711", true),
      ("example.org", "other.org", false),
      ("example.org", "example.org:81", false), ("example.org", "www.example.org", false),
      ("example.org", "example.org.", false),
      ("Example.ORG", "example.org", true), ("example.org:81", "example.org:81", true),
      ("example.org:81", "example.org", false),
      ("example.org:80", "example.org", true), ("*.example.org", "a.example.org", true),
      ("*.example.org", "a.b.example.org", true),
      ("*.example.org", "example.org", false), ("*.example.org", ".example.org", false),
      ("*.example.org", "aexample.org", false),
      ("*.example.org:81", "a.example.org:81", true), ("*.example.org:81", "a.example.org", false),
      ("a.org,b.org", "b.org", true), ("[::1]", "[::1]:4711", true), ("127.0.0.1", "127.0.0.1:4711", true),
      ("127.0.0.1", "127.0.0.2:4711", false), ("example.org", "", false), ("example.org", "ex%61mple.org", false),
    ])
    func `a host is permitted by name and port`(_ list: String, _ authority: String, _ isPermitted: Bool) throws {
      #expect(try PermittedHosts(list).contain(authority, scheme: "http", ownPort: 4711) == isPermitted)
      #expect(PermittedHosts.any.contain(authority, scheme: "http", ownPort: 4711))
    }

    @Test(arguments: [
      "", ",", "a,", "*", "*.", "a.*.org", "*a.org", "http://a.org", "a.org/", "a b", "a:b", "a:99999", "*.[::1]",
      "u@a", "*..a",
    ])
    func `a list of hosts with a mistake in it is refused`(_ text: String) {
      #expect(throws: CommandLineError.self) { try PermittedHosts(text) }
    }

    @Test func `RFC 9110 §15.5.20: requests for other hosts get 421, and fill nothing`() async throws {
      let calls = Counter()
      try await ProxyHarness(hosts: PermittedHosts("example.org,*.example.org")).run { _ in
        calls.increment()
        return CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        for method in ["GET", "POST", "OPTIONS"] {
          for number in 0..<20 {
            try socket.send("\(method) / HTTP/1.1\r\nHost: h\(number).evil.example\r\nContent-Length: 0\r\n\r\n")
            #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 421 "))
          }
        }
        try socket.send("GET http://evil.example/ HTTP/1.1\r\nHost: example.org\r\n\r\n")
        #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 421 "))
        #expect(calls.value == 0)
        for host in ["example.org", "EXAMPLE.org", "example.org:80", "a.example.org"] {
          try socket.send("GET / HTTP/1.1\r\nHost: \(host)\r\n\r\n")
          #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 200 "))
        }
        #expect(calls.value == 2)
      }
    }

    @Test func `RFC 9110 §7.6.3: a request that comes back to the proxy is ended at once, whatever its method`()
      async throws
    {
      let next = Guarded<(any Service<CacheRequest, CacheResponse>)?>(nil)
      let cache = try CacheLayer(backend: InMemoryBackend())
      let calls = Counter()
      try await withServer { request in
        calls.increment()
        guard let service = next.withLock({ $0 }) else { return CacheResponse(status: 500) }
        return try await service.call(request)
      } _: { port in
        let url = OriginURL(host: "127.0.0.1", port: port)
        let identity = ProxyIdentity(name: "same")
        var configuration = ForwardingService<UpstreamClient>.Configuration()
        configuration.identity = identity
        let forwarding = ForwardingService(to: url, through: UpstreamClient(origin: url), configuration: configuration)
        next.withLock { $0 = ProxyEntrance(identity: identity, before: forwarding.layer(cache)) }
        defer { next.withLock { $0 = nil } }
        let socket = try RawSocket(port: port)
        let methods = ["GET", "HEAD", "POST", "OPTIONS", "DELETE", "GET"]
        for method in methods {
          try socket.send("\(method) / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
          #expect(try socket.readResponse(isHead: method == "HEAD").head.hasPrefix("HTTP/1.1 508 "), "\(method)")
        }
        // Each has come to the server twice: from here, and from the proxy.
        #expect(calls.value == 2 * methods.count)
      }
    }

    @Test func `two proxies of one name are no loop, and one mark is no other's`() {
      let (first, second) = (ProxyIdentity(name: "p"), ProxyIdentity(name: "p"))
      var fields = HeaderFields()
      first.sign(request: &fields)
      #expect(first.isLooping(fields, maximumHops: 20) && !second.isLooping(fields, maximumHops: 20))
      second.sign(request: &fields)
      #expect(second.isLooping(fields, maximumHops: 20) && !ProxyIdentity(name: "p").isLooping(fields, maximumHops: 20))
      #expect(ProxyIdentity(name: "p").isLooping(fields, maximumHops: 2))
      #expect(first.mark.utf8.count == 16 && first.mark != second.mark)
    }

    @Test func `a request that has come through too many proxies takes nothing out of the cache`() async throws {
      let calls = Counter()
      try await ProxyHarness().run { _ in
        calls.increment()
        return CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "hi")
      } _: { port in
        let socket = try RawSocket(port: port)
        let via = Array(repeating: "1.1 a", count: 21).joined(separator: ", ")
        for round in 0..<5 {
          try socket.send("GET /hot HTTP/1.1\r\nHost: h\r\n\r\n")
          #expect(try socket.readResponse().content == "hi")
          try socket.send("GET /hot HTTP/1.1\r\nHost: h\r\nCache-Control: no-cache\r\nVia: \(via)\r\n\r\n")
          #expect(try socket.readResponse().head.hasPrefix("HTTP/1.1 508 "), "\(round)")
        }
        #expect(calls.value == 1)
      }
    }
  }
#endif

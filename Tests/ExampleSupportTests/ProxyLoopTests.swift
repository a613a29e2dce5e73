//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache
  import Testing

  @testable import ExampleSupport

  /// Requests that come back to the proxy through another that changes `Via` as it may.
  @Suite(.timeLimit(.minutes(2))) struct ProxyLoopTests {
    /// A name, and what the other proxy makes of `Via`.
    static let examples: [(String, @Sendable (String) -> String)] = [
      ("same", { $0 }),
      ("same", withoutComments),
      ("proxy.example:8080", withoutComments),
      ("same", { $0.uppercased() }),
      ("same", { $0.replacing("1.1 ", with: "HTTP/1.1  ") + " (another comment)" }),
    ]

    /// RFC 9110 §7.6.3: a comment is optional, and may be removed by any recipient.
    @Sendable private static func withoutComments(_ via: String) -> String {
      var depth = 0
      let text = via.filter { character in
        if character == "(" { depth += 1 }
        defer { if character == ")" { depth -= 1 } }
        return depth == 0
      }
      return text.split(separator: ",").map { $0.split(separator: " ").joined(separator: " ") }.joined(separator: ", ")
    }

    @Test(arguments: 0..<examples.count)
    func `RFC 9110 §7.6.3: a loop through a proxy that changes Via is ended at once`(_ index: Int) async throws {
      let (name, change) = Self.examples[index]
      let next = Guarded<(any Service<CacheRequest, CacheResponse>)?>(nil)
      let cache = try CacheLayer(backend: InMemoryBackend())
      try await withServer { request in
        guard let service = next.withLock({ $0 }) else { return CacheResponse(status: 500) }
        var request = request
        let via = request.fields.values(of: .via).joined(separator: ", ")
        request.fields[.via] = (via.isEmpty ? "" : change(via) + ", ") + "1.1 middle"
        return try await service.call(request)
      } _: { port in
        let url = OriginURL(host: "127.0.0.1", port: port)
        let identity = ProxyIdentity(name: name)
        var configuration = ForwardingService<UpstreamClient>.Configuration()
        configuration.identity = identity
        let forwarding = ForwardingService(to: url, through: UpstreamClient(origin: url), configuration: configuration)
        next.withLock { $0 = ProxyEntrance(identity: identity, before: forwarding.layer(cache)) }
        defer { next.withLock { $0 = nil } }
        let socket = try RawSocket(port: port)
        let clock = ContinuousClock()
        let start = clock.now
        for method in ["GET", "HEAD", "POST", "OPTIONS", "DELETE", "GET"] {
          try socket.send("\(method) / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
          #expect(try socket.readResponse(isHead: method == "HEAD").head.hasPrefix("HTTP/1.1 508 "), "\(method)")
        }
        // A request that joins its own flight would wait for 10 s.
        #expect(clock.now - start < .seconds(9))
      }
    }

    @Test func `RFC 9110 §7.6.3: a signature is a name that stands without its comment`() {
      for (name, expected) in [("p", "1.1 p-"), ("p.example:80", "1.1 "), ("[::1]", "1.1 "), ("", "1.1 ")] {
        let identity = ProxyIdentity(name: name)
        var fields = HeaderFields()
        identity.sign(request: &fields)
        #expect(fields[.via] == expected + identity.mark)
      }
      let identity = ProxyIdentity(name: "p")
      for via in ["1.1 \(identity.mark)x", "1.1 p", "1.1 p (\(identity.mark)", identity.mark, "", ","] {
        #expect(!identity.isLooping(["Via": "\(via)"], maximumHops: 20), "\(via)")
      }
    }
  }
#endif

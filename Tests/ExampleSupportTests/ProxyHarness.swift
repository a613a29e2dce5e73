//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  @testable import ExampleSupport

  /// A whole proxy, as caching-proxy has it: a server, a cache in memory, forwarding, a client; and an origin, which answers
  /// with the head that it was sent. All of it over sockets.
  struct ProxyHarness: Sendable {
    var trusted = TrustedProxies.none
    var hosts = PermittedHosts.any
    var isCached = true
    var forwarding = ForwardingService<UpstreamClient>.Configuration()

    /// Runs `body`, which may block, with the port of the proxy.
    func run<Result: Sendable>(
      origin answer: (@Sendable (CacheRequest) async throws -> CacheResponse)? = nil,
      _ body: @escaping @Sendable (_ port: Int) throws -> Result
    ) async throws -> Result {
      let origin = try HTTPServer(configuration: .init(port: 0), service: Handler(answer ?? { Self.echo($0) }))
      let run = Task { try await origin.run() }
      let url = OriginURL(host: "127.0.0.1", port: origin.address.port)
      var client = UpstreamClient.Configuration()
      client.limits.trailers = .standard
      let forwarding = ForwardingService(
        to: url, through: UpstreamClient(origin: url, configuration: client), configuration: self.forwarding)
      let cache = try CacheLayer(backend: InMemoryBackend())
      let identity = self.forwarding.identity
      let cached = ProxyEntrance(identity: identity, hosts: hosts, port: 4711, before: forwarding.layer(cache))
      let isCached = isCached
      let trusted = trusted
      let result = try await withServer {
        $0.forwardedFor = .trusting(trusted)
        $0.limits.trailers = .standard
        $0.errorResponse = ProxyResponses(cacheName: "swift-http-cache").response(to:for:)
      } immediate: { request in
        isCached ? cache.immediateResponse(to: request) : nil
      } handler: { request in
        isCached ? try await cached.call(request) : try await forwarding.call(request)
      } _: { port in
        try body(port)
      }
      origin.shutdown()
      try await run.value
      return result
    }

    /// The head of the request as content.
    @Sendable static func echo(_ request: CacheRequest) -> CacheResponse {
      var text = "\(request.method) \(request.target)\n"
      for field in request.fields { text += "\(field.name.canonical): \(field.value)\n" }
      return CacheResponse(fields: ["Cache-Control": "no-store"], body: Body(text))
    }
  }
#endif

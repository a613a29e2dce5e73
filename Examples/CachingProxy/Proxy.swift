//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import HTTPCache

/// A caching proxy: the server, the cache, and the client of the origin, put together as the settings say.
struct Proxy {
  let cache: CacheLayer
  let server: HTTPServer
  /// Serves the metrics, if that is wanted. On a loop of its own: also when the others have too much to do.
  let metricsServer: HTTPServer?

  /// Listens, and begins to serve when the server runs.
  ///
  /// - Parameters:
  ///   - origin: The server to cache. The settings may leave it open.
  ///   - backend: The store for responses.
  /// - Throws: Errors whose descriptions are for whoever started the program.
  init(_ settings: Settings, before origin: OriginURL, keepingResponsesIn backend: some CacheBackend) throws {
    let cache = try CacheLayer(backend: backend, policy: settings.policy, name: settings.name)
    self.cache = cache
    let loops: EventLoopGroup
    do {
      loops = try EventLoopGroup(count: settings.threads)
    } catch {
      throw CommandLineError("cannot start \(settings.threads) threads: \(error)")
    }

    metricsServer = try settings.metrics.map { try Self.metricsServer(at: $0, of: cache) }

    var clientConfiguration = settings.client
    clientConfiguration.loops = loops
    clientConfiguration.limits.trailers = settings.trailers
    var forwarding = ForwardingService<UpstreamClient>.Configuration()
    forwarding.preservesHost = settings.preservesHost
    forwarding.identity = ProxyIdentity(name: settings.name)
    forwarding.allowsTrace = settings.allowsTrace
    let client = UpstreamClient(origin: origin, configuration: clientConfiguration)
    let upstream = ForwardingService(to: origin, through: client, configuration: forwarding)

    var configuration = settings.server
    configuration.host = settings.listen.host
    configuration.port = settings.listen.port
    configuration.loops = loops
    configuration.forwardedFor = .trusting(settings.trustedProxies)
    configuration.limits.allowsUnderscores = settings.allowsUnderscores
    configuration.limits.trailers = settings.trailers
    let responses = ProxyResponses(cacheName: settings.name)
    configuration.errorResponse = responses.response(to:for:)
    configuration.refusalResponse = responses.refusal(of:for:)

    let service = ProxyEntrance(
      identity: forwarding.identity, maximumHops: forwarding.maximumHops, hosts: settings.hosts,
      port: settings.listen.port, allowsTrace: settings.allowsTrace,
      before: FairCollapsing(before: upstream.layer(cache), sharing: client))
    server = try Self.listening(on: settings.listen) {
      settings.logs
        ? try HTTPServer(configuration: configuration, service: AccessLog(inner: service))
        : try HTTPServer(configuration: configuration, service: service, immediate: cache.immediateResponse)
    }
  }

  private static func metricsServer(at endpoint: Endpoint, of cache: CacheLayer) throws -> HTTPServer {
    var configuration = HTTPServer.Configuration(host: endpoint.host, port: endpoint.port)
    configuration.loops = try EventLoopGroup(count: 1)
    configuration.maximumConnections = 100
    let metrics = MetricsService(cache)
    let service = Handler { request in
      request.path == "/metrics" ? try await metrics.call(request) : CacheResponse(status: 404)
    }
    return try listening(on: endpoint) { try HTTPServer(configuration: configuration, service: service) }
  }

  /// Makes a server.
  ///
  /// - Throws: ``CommandLineError`` when it cannot listen.
  private static func listening(on endpoint: Endpoint, _ make: () throws -> HTTPServer) throws -> HTTPServer {
    do {
      return try make()
    } catch let error as SocketError {
      throw CommandLineError("\(error)")
    } catch {
      throw CommandLineError("cannot listen on \(endpoint): \(error)")
    }
  }
}

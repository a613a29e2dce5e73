//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleBackends
import ExampleSupport
import Foundation
import HTTPCache

/// The cache in front of any HTTP/1.1 origin.
@main
struct CachingProxy {
  static func main() async throws {
    let settings = Settings.parse()
    var demo: HTTPServer?
    let origin: OriginURL
    if let url = settings.origin {
      origin = url
    } else {
      let server = try DemoOrigin.makeServer()
      demo = server
      origin = OriginURL(host: "127.0.0.1", port: server.address.port)
    }

    let opened: OpenedBackend
    let cache: CacheLayer
    do {
      opened = try settings.backend.open(
        capacity: settings.capacity, namespace: settings.namespace, tiers: settings.tiers,
        watchesKeys: settings.watchesKeys)
      cache = try CacheLayer(backend: opened.backend, policy: settings.policy, name: settings.name)
    } catch {
      fail("\(error)")
    }
    let loops: EventLoopGroup
    do {
      loops = try EventLoopGroup(count: settings.threads)
    } catch {
      fail("cannot start \(settings.threads) threads: \(error)")
    }
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
    configuration.loops = loops
    configuration.forwardedFor = .trusting(settings.trustedProxies)
    configuration.limits.allowsUnderscores = settings.allowsUnderscores
    configuration.limits.trailers = settings.trailers
    configuration.errorResponse = { error, _ in ForwardingService<UpstreamClient>.errorResponse(to: error) }
    let service = ProxyEntrance(
      identity: forwarding.identity, maximumHops: forwarding.maximumHops, hosts: settings.hosts,
      port: settings.listen.port, before: FairCollapsing(before: upstream.layer(cache), sharing: client))
    let server: HTTPServer
    do {
      server =
        settings.logs
        ? try HTTPServer(configuration: configuration, service: AccessLog(inner: service))
        : try HTTPServer(configuration: configuration, service: service, immediate: cache.immediateResponse)
    } catch {
      fail("cannot listen on \(settings.listen): \(error)")
    }
    if !settings.isQuiet { announce(server, origin, isDemo: demo != nil, settings.backend) }
    // Nobody waits for that: a server that is down has nothing, and requests go on to the origin.
    Task { for problem in await opened.problems() { Console.complain("caching-proxy: \(problem)") } }

    if let demo {
      async let origin: Void = demo.run()
      try await server.runUntilSignalled(caching: cache)
      demo.shutdown()
      try await origin
    } else {
      try await server.runUntilSignalled(caching: cache)
    }
    await opened.shutdown()
    if !settings.isQuiet { Console.print(summary(cache.statistics)) }
  }

  private static func announce(_ server: HTTPServer, _ origin: OriginURL, isDemo: Bool, _ backend: BackendChoice) {
    let url = "http://\(server.address)"
    Console.print("caching-proxy listens on \(url), in front of \(isDemo ? "the demo origin, " : "")\(origin)")
    Console.print("responses are kept in \(backend)")
    guard isDemo else { return }
    Console.print(
      """

      Try, in another terminal:

        curl -i \(url)/       a miss the first time; look at Cache-Status
        curl -i \(url)/       within 5 s a hit, with its Age; then stale for 10 s while it is refreshed
        sleep 16; curl -i \(url)/    expired: the origin confirms it with a 304
        curl -i \(url)/slow   takes a second, then none
        curl -i \(url)/private   never stored
        curl -so /dev/null -w '%{time_total}s\\n' \(url)/big   4 MiB of unknown length, stored while it streams

      Put it in front of a server of yours: scripts/serve.sh --origin http://HOST:PORT
      Stop it with Ctrl-C.
      """)
  }

  private static func summary(_ statistics: CacheStatistics) -> String {
    let share = String(format: "%.1f", statistics.hitRatio * 100)
    return "\(statistics.requests) requests, \(share) % answered from the cache, \(statistics.stores) responses stored"
  }

  private static func fail(_ message: String) -> Never {
    Console.complain("caching-proxy: \(message)")
    exit(2)
  }
}

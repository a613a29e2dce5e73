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
    let options = ProxyOptions()
    let settings = options.options.parseOrExit { values throws(CommandLineError) in try options.settings(values) }
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
    let proxy: Proxy
    do {
      opened = try settings.backend.open(
        capacity: settings.capacity, namespace: settings.namespace, tiers: settings.tiers,
        watchesKeys: settings.watchesKeys)
      proxy = try Proxy(settings, before: origin, keepingResponsesIn: opened.backend)
    } catch {
      fail("\(error)")
    }
    if let limit = HTTPServer.raiseOpenFileLimit(), let warning = settings.warning(ofOpenFileLimit: limit) {
      Console.complain("caching-proxy: \(warning)")
    }
    if !settings.isQuiet { announce(proxy, origin, isDemo: demo != nil, settings.backend) }
    // Nobody waits for that: a server that is down has nothing, and requests go on to the origin.
    Task { for problem in await opened.problems() { Console.complain("caching-proxy: \(problem)") } }

    async let metrics: Void? = proxy.metricsServer?.run()
    if let demo {
      async let origin: Void = demo.run()
      try await proxy.server.runUntilSignalled(caching: proxy.cache)
      demo.shutdown()
      try await origin
    } else {
      try await proxy.server.runUntilSignalled(caching: proxy.cache)
    }
    // The last: somebody may want to know how the rest has ended.
    proxy.metricsServer?.shutdown()
    try await metrics
    await opened.shutdown()
    if !settings.isQuiet { Console.print(summary(proxy.cache.statistics)) }
  }

  private static func announce(_ proxy: Proxy, _ origin: OriginURL, isDemo: Bool, _ backend: BackendChoice) {
    let url = "http://\(proxy.server.address)"
    Console.print("caching-proxy listens on \(url), in front of \(isDemo ? "the demo origin, " : "")\(origin)")
    Console.print("responses are kept in \(backend)")
    if let server = proxy.metricsServer { Console.print("metrics are at http://\(server.address)/metrics") }
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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleBackends
import ExampleSupport
import Foundation
import HTTPCache
import HTTPCacheMemcached

/// A slow handler with a cache in memcached servers in front of it, shared by all programs that use the same.
@main
struct MemcachedServer {
  static func main() async throws {
    var options = CommandLineOptions(
      program: "memcached-server", summary: "A slow handler with a cache in memcached servers in front of it.")
    let listen = options.option(
      "listen", .endpoint, "HOST:PORT", "where to listen", default: Endpoint("127.0.0.1", 8086))
    let memcached = options.option(
      "memcached", .memcached, "URL", "memcached://HOST[:PORT][,HOST[:PORT]…]", default: MemcachedConfiguration())
    let lifetime = options.option("ttl", .duration, "TIME", "how long a report is fresh", default: .seconds(60))
    let work = options.option("work", .duration, "TIME", "how long it takes to make one", default: .seconds(1))
    let values = options.parseOrExit()

    let reports = Reports(taking: values[work])
    let server: HTTPServer
    let cache: CacheLayer
    let backend: MemcachedBackend
    do {
      backend = try MemcachedBackend(configuration: values[memcached])
      // By the target alone: whatever this program is called, it is the same site.
      cache = try CacheLayer(
        backend: backend, policy: CachePolicy(timeToLive: values[lifetime], key: .custom { $0.target }))
      server = try HTTPServer(
        configuration: .init(host: values[listen].host, port: values[listen].port),
        service: Handler(reports.answer).layer(cache))
    } catch {
      Console.complain("memcached-server: \(error)")
      exit(2)
    }
    Console.print(
      """
      memcached-server listens on http://\(server.address)

      \(Reports.usage("http://\(server.address)"))

      Stop it with Ctrl-C.
      """)
    try await server.runUntilSignalled(caching: cache)
    await backend.shutdown()
    Console.print("\(reports.count) reports were made; \(summary(backend.statistics))")
  }

  private static func summary(_ statistics: [MemcachedHostStatistics]) -> String {
    statistics.map { "\($0.roundTrips) round trips to \($0.host), \($0.failures) failures" }.joined(separator: "; ")
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleBackends
import ExampleSupport
import Foundation
import HTTPCache
import HTTPCacheRedis

/// A slow handler with a cache in a Redis server in front of it, shared by all programs that use the same.
@main
struct RedisServer {
  static func main() async throws {
    var options = CommandLineOptions(
      program: "redis-server", summary: "A slow handler with a cache in a Redis server in front of it.")
    let listen = options.option(
      "listen", .endpoint, "HOST:PORT", "where to listen", default: Endpoint("127.0.0.1", 8085))
    let redis = options.option(
      "redis", .redis, "URL", "redis://[user:password@]HOST[:PORT][/DATABASE] or unix:///PATH",
      default: RedisConfiguration())
    let lifetime = options.option("ttl", .duration, "TIME", "how long a report is fresh", default: .seconds(60))
    let work = options.option("work", .duration, "TIME", "how long it takes to make one", default: .seconds(1))
    let values = options.parseOrExit()

    let reports = Reports(taking: values[work])
    let server: HTTPServer
    let cache: CacheLayer
    let backend: RedisBackend
    do {
      backend = try RedisBackend(configuration: values[redis])
      // By the target alone: whatever this program is called, it is the same site.
      cache = try CacheLayer(
        backend: backend, policy: CachePolicy(timeToLive: values[lifetime], key: .custom { $0.target }))
      server = try HTTPServer(
        configuration: .init(host: values[listen].host, port: values[listen].port),
        service: Handler(reports.answer).layer(cache))
    } catch {
      Console.complain("redis-server: \(error)")
      exit(2)
    }
    Console.print(
      """
      redis-server listens on http://\(server.address)

      \(Reports.usage("http://\(server.address)"))

      Stop it with Ctrl-C.
      """)
    try await server.runUntilSignalled(caching: cache)
    await backend.shutdown()
    Console.print("\(reports.count) reports were made; \(summary(backend.statistics))")
  }

  private static func summary(_ statistics: RedisStatistics) -> String {
    let failures = statistics.failures.sorted { $0.value > $1.value }.map { "\($0.value) × \($0.key)" }
    return
      "\(statistics.commands) commands to Redis, \(failures.isEmpty ? "none failed" : failures.joined(separator: ", "))"
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import Testing

@testable import HTTPCacheMemcached

extension MemcachedIntegrationTests {
  /// The metrics that memcached contributes to those of a cache.
  @Suite(.timeLimit(.minutes(5))) struct MetricsTests {
    @Test func `what the statistics say, and times, with all series from the start`() async throws {
      let nodes = try Backend.Nodes()
      let cache = try CacheLayer(backend: nodes.first)
      let before = cache.metrics
      #expect(before.value("http_cache_memcached_duration_seconds") == 0)
      #expect(
        before.value("http_cache_memcached_availability", ["state": "up"]) == Double(nodes.first.statistics.count))
      let service = Handler { _ in CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "x") }.layer(cache)
      _ = try await service.call(CacheRequest(authority: "example.com", target: "/"))
      while cache.statistics.stores == 0 { await Task.yield() }
      for _ in 0..<2 { _ = try await service.call(CacheRequest(authority: "example.com", target: "/")) }
      await cache.invalidate(CacheInvalidation(.anyTag(["a"])))
      let metrics = cache.metrics
      #expect(
        metrics.value("http_cache_memcached_round_trips")
          == Double(nodes.first.statistics.reduce(0) { $0 + $1.roundTrips }))
      #expect(metrics.value("http_cache_memcached_duration_seconds", ["operation": "lookup"]) == 3)
      #expect(metrics.value("http_cache_memcached_duration_seconds", ["operation": "store"]) == 1)
      #expect(metrics.value("http_cache_memcached_duration_seconds", ["operation": "invalidate"]) == 1)
      #expect(metrics.value("http_cache_requests", ["outcome": "miss"]) == 1)
      #expect(metrics.value("http_cache_requests") == 3)
      #expect(metrics.samples.map(\.name) == before.samples.map(\.name))
      await nodes.shutdown()
    }

    @Test func `the article lists all of them`() throws {
      let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let article = try String(
        contentsOf: folder.appending(path: "Sources/HTTPCache/Documentation.docc/Observing.md"), encoding: .utf8)
      let backend = try MemcachedBackend(
        configuration: MemcachedConfiguration(hosts: [MemcachedHost("127.0.0.1", port: 1)]))
      let names = Set(backend.metrics.samples.map(\.name))
      for name in names { #expect(article.contains("| `\(name)` |"), "\(name)") }
      #expect(article.matches(of: /\| `http_cache_memcached_/).count == names.count)
    }
  }
}

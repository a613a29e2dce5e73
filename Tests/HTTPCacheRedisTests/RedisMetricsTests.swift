//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  /// The metrics that Redis contributes to those of a cache.
  @Suite(.timeLimit(.minutes(5))) struct MetricsTests {
    @Test func `what the statistics say, and times, with all series from the start`() async throws {
      let server = try RedisServerProcess()
      let backend = try RedisBackend(configuration: RedisConfiguration(mode: .single(server.endpoint)))
      let cache = try CacheLayer(backend: backend)
      let before = cache.metrics
      #expect(before.samples.count { $0.name == "http_cache_redis_failures" } == RedisError.Code.allCases.count)
      #expect(before.value("http_cache_redis_duration_seconds") == 0)
      try await backend.waitUntilReady()
      let service = Handler { _ in CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "x") }.layer(cache)
      _ = try await service.call(CacheRequest(authority: "example.com", target: "/"))
      while cache.statistics.stores == 0 { await Task.yield() }
      for _ in 0..<2 { _ = try await service.call(CacheRequest(authority: "example.com", target: "/")) }
      await cache.invalidate(CacheInvalidation(.anyTag(["a"])))
      let metrics = cache.metrics
      #expect(metrics.value("http_cache_redis_commands") == Double(backend.statistics.commands))
      #expect(metrics.value("http_cache_redis_connections") == Double(backend.statistics.connectionsMade))
      #expect(metrics.value("http_cache_redis_duration_seconds", ["operation": "lookup"]) == 3)
      #expect(metrics.value("http_cache_redis_duration_seconds", ["operation": "store"]) == 1)
      #expect(metrics.value("http_cache_redis_duration_seconds", ["operation": "invalidate"]) == 1)
      let lookups = metrics.samples.first { $0.name == "http_cache_redis_duration_seconds" }
      #expect((lookups?.value ?? 0) > 0)
      #expect(metrics.value("http_cache_requests", ["outcome": "miss"]) == 1)
      #expect(metrics.value("http_cache_requests") == 3)
      #expect(
        metrics.samples.map(\.name).filter { $0.contains("redis") }
          == before.samples.map(\.name).filter { $0.contains("redis") })
      await backend.shutdown()
    }

    @Test func `the article lists all of them`() throws {
      let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
      let article = try String(
        contentsOf: folder.appending(path: "Sources/HTTPCache/Documentation.docc/Observing.md"), encoding: .utf8)
      let backend = try RedisBackend()
      let names = Set(backend.metrics.samples.map(\.name))
      for name in names { #expect(article.contains("| `\(name)` |"), "\(name)") }
      #expect(article.matches(of: /\| `http_cache_redis_/).count == names.count)
    }
  }
}

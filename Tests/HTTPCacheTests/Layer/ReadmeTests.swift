//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

/// What the README shows, as it stands there.
@Suite(.timeLimit(.minutes(5))) struct ReadmeTests {
  @Test func `fifteen lines`() async throws {
    let cache = try CacheLayer(
      backend: InMemoryBackend(capacity: 256 << 20),
      policy: CachePolicy(timeToLive: .seconds(60), staleWhileRevalidate: .seconds(30)))

    let service = Handler { request in
      CacheResponse(fields: ["Content-Type": "text/plain"], body: Body("Hello from \(request.path)"))
    }.layer(cache)

    let miss = try await service.call(CacheRequest(target: "/greeting"))
    let hit = try await service.call(CacheRequest(target: "/greeting"))
    #expect(miss.outcome == .miss(.absent))
    // The clock is the real one, and a busy machine may take its time.
    #expect(hit.fields[.cacheStatus]?.hasPrefix("swift-http-cache; hit; ttl=") == true)
  }

  @Test func `cookies that tell no users apart`() async throws {
    var policy = CachePolicy(timeToLive: .seconds(60), staleWhileRevalidate: .seconds(30))
    policy.cookies = .personal(except: ["_ga", "_ga_*"])
    let service = CountingOrigin().layer(try CacheLayer(backend: InMemoryBackend(), policy: policy))
    _ = try await service.call(.get("/"))
    #expect(try await service.call(.get("/", ["Cookie": "_ga=1; _ga_X=2"])).outcome == .hit)
    for session in ["sid", "JSESSIONID", "connect.sid"] {
      #expect(try await service.call(.get("/", ["Cookie": "_ga=1; \(session)=2"])).outcome != .hit)
    }
  }

  @Test func `tags, and a soft purge`() async throws {
    var policy = CachePolicy(timeToLive: .seconds(300), staleWhileRevalidate: .seconds(30))
    policy.tags.extract = { request, _ in ["section:\(request.path.split(separator: "/").first ?? "home")"] }
    policy.purging = PurgePolicy(.secret("sixteen octets or more"))
    let cache = try CacheLayer(backend: InMemoryBackend(), policy: policy)
    let service = CountingOrigin().layer(cache)
    for _ in 0..<2 { _ = try await service.call(.get("/news/1")) }
    await cache.invalidate(allOf: ["section:news", "lang:de"])
    #expect(try await service.call(.get("/news/1")).outcome == .hit)
    await cache.invalidate(tag: "section:news", mode: .soft)
    #expect(try await service.call(.get("/news/1")).outcome == .stale(.whileRevalidating))
    await cache.invalidate(tag: "section:news")
    #expect(try await service.call(.get("/news/1")).outcome == .miss(.absent))
  }

  @Test func `ambient tags`() async throws {
    let cache = try CacheLayer(backend: InMemoryBackend())
    @Sendable func product(_ id: Int) -> String {
      CacheTags.add("product:\(id)")
      return "product \(id)"
    }
    let service = Handler { request in
      if request.method == .put {
        CacheTags.invalidate("product:42")
        return CacheResponse(status: 204)
      }
      return CacheResponse(body: Body(product(42)))
    }.layer(cache)
    _ = try await service.call(.get("/shop"))
    #expect(try await service.call(.get("/shop")).outcome == .hit)
    _ = try await service.call(CacheRequest(method: .put, authority: "example.com", target: "/products/42"))
    #expect(try await service.call(.get("/shop")).outcome != .hit)
  }

  @Test func `automatic refresh, and the shield`() async throws {
    let policy = CachePolicy()
    let refreshed = try CacheLayer(
      backend: InMemoryBackend(), policy: policy,
      autoRefresh: AutoRefreshPolicy(minimumRequestsPerMinute: 30, window: .seconds(20)))
    let shielded = try CacheLayer(
      backend: InMemoryBackend(), policy: policy,
      originLimit: .adaptive(minimum: 8, maximum: 200, queueDeadline: .seconds(3)))
    for cache in [refreshed, shielded] {
      let service = CountingOrigin().layer(cache)
      for _ in 0..<40 { _ = try await service.call(.get("/")) }
      #expect(cache.statistics.hits == 39)
    }
    #expect(refreshed.hotRequests().map(\.target) == ["/"])
  }

  @Test func metrics() async throws {
    let cache = try CacheLayer(backend: InMemoryBackend())
    let site = CountingOrigin().layer(cache)
    let metrics = MetricsService(cache)
    let service = Handler { request in
      request.path == "/metrics" ? try await metrics.call(request) : try await site.call(request)
    }
    for _ in 0..<3 { _ = try await service.call(.get("/")) }
    let text = try await service.call(.get("/metrics")).text()
    #expect(text.contains("outcome=\"hit\",reason=\"\"} 2\n"))
    #expect(cache.metrics.value("http_cache_requests", ["outcome": "hit"]) == 2)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Everything that happens is counted once, and nothing else is.
@Suite struct MetricsTests {
  /// Every outcome with its reason, as labels.
  private static let outcomes: [(outcome: String, reason: String)] =
    [("hit", ""), ("revalidated", ""), ("collapsed", "")]
    + ["stale-while-revalidate", "stale-if-error", "max-stale", "soft-timeout", "retry-pending", "origin-saturated"]
    .map { ("stale", $0) }
    + ["uri-miss", "vary-miss", "stale", "request", "partial"].map { ("miss", $0) }
    + ["method", "policy", "no-key", "uncacheable", "wait-limit"].map { ("bypass", $0) }
    + ["only-if-cached", "origin-timeout", "origin-failed", "origin-saturated"].map { ("failed", $0) }

  private static let policies = PolicyRouter(
    default: CachePolicy().named("pages"),
    routes: [
      .prefix("/api/", CachePolicy(timeToLive: .seconds(5)).named("api")),
      .prefix("/more/", CachePolicy().named("pages")), .prefix("/plain/", CachePolicy()), .prefix("/admin/", nil),
    ])

  private func series(_ snapshot: MetricsSnapshot) -> Set<String> {
    Set(
      snapshot.samples.map { sample in
        sample.name + sample.labels.map { "{\($0.name)=\($0.value)}" }.sorted().joined()
      })
  }

  // MARK: Series

  @Test func everySeriesIsThereFromTheStart() async throws {
    let cache = try CacheLayer(
      backend: MultiTierBackend(near: InMemoryBackend(), far: InMemoryBackend()), policies: Self.policies, name: "site",
      originLimit: .fixed(4))
    let before = cache.metrics
    for policy in ["pages", "api", "default", "none"] {
      for (outcome, reason) in Self.outcomes {
        for name in ["http_cache_requests", "http_cache_served_bytes"] {
          let found = before.samples.filter {
            $0.name == name
              && $0.labels == [
                .init("cache", "site"), .init("policy", policy), .init("outcome", outcome), .init("reason", reason),
              ]
          }
          #expect(found.map(\.value) == [0], "\(name) \(policy) \(outcome) \(reason)")
        }
      }
    }
    #expect(before.samples.count { $0.name == "http_cache_requests" } == 4 * Self.outcomes.count)
    #expect(
      Set(before.samples.filter { $0.name == "http_cache_stores" }.compactMap { $0.labels.last?.value })
        == Set(StoreRefusal.allCases.map(\.rawValue) + [""]))
    #expect(before.samples.count { $0.name == "http_cache_invalidations" } == 12)
    for kind in ["hit", "stale", "revalidated", "miss", "collapsed", "bypass", "failed"] {
      #expect(
        before.samples.contains { $0.name == "http_cache_request_duration_seconds" && $0.labels.last?.value == kind })
    }
    for tier in ["near", "far"] {
      for operation in ["lookup", "store", "invalidate", "lease"] {
        #expect(
          before.samples.contains {
            $0.name == "http_cache_tier_duration_seconds"
              && $0.labels.suffix(2) == [.init("tier", tier), .init("operation", operation)]
          })
      }
      #expect(before.value("http_cache_breaker_state", ["tier": tier, "state": "closed"]) == 1)
    }
    // Nothing has happened; and whatever happens, there is no other series.
    #expect(before.samples.allSatisfy { $0.kind != .counter || $0.value == 0 })
    let service = CountingOrigin(["Cache-Control": "max-age=60"]).layer(cache)
    for target in ["/", "/", "/api/1?secret", "/more/2", "/plain/3", "/admin/4"] {
      _ = try await service.call(.get(target))
    }
    _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/api/1"))
    await cache.invalidate(CacheInvalidation(.anyTag(["secret"]), mode: .soft))
    #expect(series(cache.metrics) == series(before))
    #expect(cache.metrics.value("http_cache_requests") == 7)
    #expect(cache.metrics.value("http_cache_invalidations", ["kind": "any-tag", "mode": "soft"]) == 1)
    for sample in cache.metrics.samples {
      #expect(sample.labels.allSatisfy { !$0.value.contains("secret") && !$0.value.contains("/") })
      #expect(!sample.help.isEmpty)
    }
  }

  @Test(arguments: [MetricsFormat.prometheusText, .openMetrics])
  func theTextHasWhatTheSnapshotHas(_ format: MetricsFormat) async throws {
    let cache = try CacheLayer(
      backend: MultiTierBackend(near: InMemoryBackend(), far: InMemoryBackend()), policies: Self.policies)
    let service = CountingOrigin(["Cache-Control": "max-age=60"]).layer(cache)
    for _ in 0..<3 { _ = try await service.call(.get("/")) }
    let snapshot = cache.metrics
    let text = try MetricsText(snapshot.text(as: format), isOpenMetrics: format == .openMetrics)
    for sample in snapshot.samples {
      let labels = Dictionary(uniqueKeysWithValues: sample.labels.map { ($0.name, $0.value) })
      let name = sample.name + (sample.kind == .counter ? "_total" : sample.kind == .histogram ? "_sum" : "")
      #expect(text.value(name, labels) == sample.value, "\(name) \(labels)")
    }
    // Units are the last word of a name, in both directions.
    for sample in snapshot.samples {
      #expect(sample.name.hasSuffix("_seconds") == (sample.unit == .seconds))
      #expect(sample.name.hasSuffix("_bytes") == (sample.unit == .bytes))
    }
  }

  /// The article lists what there is, and nothing else. What Redis and memcached contribute, their own tests look after.
  @Test func everyMetricIsInTheArticle() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let article = try String(
      contentsOf: folder.appending(path: "Sources/HTTPCache/Documentation.docc/Observing.md"), encoding: .utf8)
    var all: [String: [String]] = [:]
    for line in article.split(separator: "\n") where line.hasPrefix("| `http_cache_") {
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      let labels = cells[1].isEmpty ? [] : cells[1].split(separator: ", ").map(String.init)
      #expect(all.updateValue(labels, forKey: String(cells[0].dropFirst().dropLast())) == nil)
    }
    let rows = all.filter { !$0.key.hasPrefix("http_cache_redis_") && !$0.key.hasPrefix("http_cache_memcached_") }
    let cache = try CacheLayer(
      backend: MultiTierBackend(near: InMemoryBackend(), far: FaultyBackend(InMemoryBackend())), originLimit: .fixed(1))
    for sample in cache.metrics.samples {
      // `cache` and, for stores, `tier` are said once.
      let labels = sample.labels.map(\.name).filter { $0 != "cache" }
      let row = try #require(rows[sample.name], "\(sample.name)")
      #expect(labels == row || labels == ["tier"] + row, "\(sample.name)")
    }
    let names = Set(cache.metrics.samples.map(\.name))
    #expect(rows.keys.filter { !names.contains($0) }.isEmpty, "\(rows.keys.filter { !names.contains($0) })")
  }

  // MARK: Counts

  /// Where responses are kept, and who else looks: what hits come by differs.
  enum Setting: CaseIterable, Sendable {
    case memory, observedMemory, refreshedMemory, remote, tiers
  }

  private func cache(_ setting: Setting, _ clock: ManualClock, _ policies: PolicyRouter) throws -> CacheLayer {
    let clock = CacheClock(clock)
    let memory = try InMemoryBackend(configuration: .init(capacity: 8 << 20, clock: clock))
    return switch setting {
    case .memory: try CacheLayer(backend: memory, policies: policies)
    case .observedMemory: try CacheLayer(backend: memory, policies: policies, observers: [EventRecorder()])
    case .refreshedMemory: try CacheLayer(backend: memory, policies: policies, autoRefresh: AutoRefreshPolicy())
    case .remote: try CacheLayer(backend: FaultyBackend(memory, clock: clock), policies: policies)
    case .tiers:
      try CacheLayer(
        backend: MultiTierBackend(
          near: memory,
          far: FaultyBackend(InMemoryBackend(configuration: .init(capacity: 8 << 20, clock: clock)), clock: clock),
          configuration: TierConfiguration(clock: clock)), policies: policies)
    }
  }

  @Test(arguments: Setting.allCases, [false, true])
  func requestsAndBytesAreWhatADriverHasCounted(_ setting: Setting, _ hasRoutes: Bool) async throws {
    let clock = ManualClock()
    let policy = CachePolicy(staleWhileRevalidate: .seconds(60)).named(hasRoutes ? "pages" : nil)
    let policies =
      hasRoutes
      ? PolicyRouter(
        default: policy,
        routes: [.prefix("/api/", CachePolicy(timeToLive: .seconds(10)).named("api")), .prefix("/admin/", nil)])
      : PolicyRouter(default: policy)
    let cache = try cache(setting, clock, policies)
    let service = CountingOrigin { request, number in
      if request.target.hasSuffix("fails") { throw OriginError() }
      if request.fields.contains("If-None-Match"), number % 3 == 0 { return CacheResponse(status: 304) }
      return CacheResponse(
        status: request.target.hasSuffix("error") ? 503 : 200,
        fields: ["ETag": "\"\(number % 2)\"", "Vary": request.target.hasSuffix("varies") ? "X-Variant" : "Accept"],
        body: Body(String(repeating: "x", count: 1000 + number % 7)))
    }.layer(cache)
    var counts: [String: Int] = [:]
    var bytes: [String: Int] = [:]
    var random = SplitMix64(seed: 7)
    for _ in 0..<4000 {
      let area = ["/", "/api/", "/admin/"].randomElement(using: &random)!
      let name = ["1", "2", "3", "varies", "error", "fails"].randomElement(using: &random)!
      var fields = HeaderFields()
      switch Int.random(in: 0..<8, using: &random) {
      case 0: fields.append("Range", "bytes=0-9")
      case 1: fields.append("If-None-Match", "\"0\"")
      case 2: fields.append("Cache-Control", "no-cache")
      case 3: fields.append("Cache-Control", "only-if-cached")
      case 4: fields.append("X-Variant", "v\(Int.random(in: 0..<3, using: &random))")
      case 5: fields.append("Cookie", "a=b")
      default: break
      }
      let method: RequestMethod = [.get, .get, .get, .get, .head, .post].randomElement(using: &random)!
      if Int.random(in: 0..<20, using: &random) == 0 { clock.advance(by: .seconds(7)) }
      let request = CacheRequest(method: method, authority: "example.com", target: area + name, fields: fields)
      let policyName = hasRoutes ? area == "/" ? "pages" : area == "/api/" ? "api" : "none" : "default"
      let outcome: CacheOutcome
      do {
        let response = try await service.call(request)
        outcome = try #require(response.outcome)
        bytes["\(policyName) \(outcome)", default: 0] += method == .head ? 0 : response.body.length ?? 0
      } catch is OriginError {
        outcome = .failed(.originFailed)
      }
      counts["\(policyName) \(outcome)", default: 0] += 1
    }
    // Refreshes may still be under way.
    await cache.waitForLandings()
    let metrics = cache.metrics
    var sum = 0.0
    for policyName in hasRoutes ? ["pages", "api", "none"] : ["default"] {
      for outcome in CacheCounters.outcomes {
        let key = "\(policyName) \(outcome)"
        let labels: KeyValuePairs = [
          "policy": policyName, "outcome": "\(outcome.kind)", "reason": outcome.reason ?? "",
        ]
        #expect(metrics.value("http_cache_requests", labels) == Double(counts[key] ?? 0), "\(key)")
        #expect(metrics.value("http_cache_served_bytes", labels) == Double(bytes[key] ?? 0), "\(key)")
        sum += metrics.value("http_cache_requests", labels)
      }
    }
    #expect(sum == 4000)
    #expect(metrics.value("http_cache_requests") == 4000)
    // Those kinds have come by, so that the agreement says something.
    for kind in ["hit", "miss", "bypass", "failed", "stale", "revalidated"] {
      #expect(metrics.value("http_cache_requests", ["outcome": kind]) > 0, "\(kind)")
    }
    let statistics = cache.statistics
    #expect(statistics.requests == 4000)
    #expect(Double(statistics.hits) == metrics.value("http_cache_requests", ["outcome": "hit"]))
    #expect(Double(statistics.misses[.absent] ?? 0) == metrics.value("http_cache_requests", ["reason": "uri-miss"]))
    #expect(Double(statistics.stores) == metrics.value("http_cache_stores", ["result": "stored"]))
    #expect(
      Double(statistics.refusals.values.reduce(0, +)) == metrics.value("http_cache_stores", ["result": "refused"]))
    #expect(Double(statistics.invalidations) == metrics.value("http_cache_invalidations"))
    #expect(Double(statistics.refreshes) == metrics.value("http_cache_refreshes"))
  }

  @Test func twoThreadsLoseNoCount() async throws {
    let cache = try CacheLayer(backend: InMemoryBackend())
    let service = CountingOrigin { _, _ in
      CacheResponse(fields: ["Cache-Control": "max-age=3600"], body: Body(String(repeating: "x", count: 100)))
    }.layer(cache)
    for number in 0..<64 { _ = try await service.call(.get("/\(number)")) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<2 {
        group.addTask { @concurrent in
          for number in 0..<20_000 { _ = try await service.call(.get("/\(number % 64)")) }
        }
      }
      try await group.waitForAll()
    }
    #expect(cache.metrics.value("http_cache_requests", ["outcome": "hit"]) == 40_000)
    #expect(cache.metrics.value("http_cache_served_bytes", ["outcome": "hit"]) == 4_000_000)
    #expect(cache.statistics.hits == 40_000)
  }

  @Test func contentOfUnknownLengthIsCountedWhileItIsRead() async throws {
    let cache = try CacheLayer(backend: InMemoryBackend())
    let service = CountingOrigin { request, _ in
      let channel = BodyChannel()
      Task {
        for _ in 0..<3 { _ = await channel.write(Bytes("12345")) }
        channel.finish()
      }
      return CacheResponse(fields: ["Cache-Control": "max-age=3600"], body: channel.body)
    }.layer(cache)
    #expect(try await service.call(.get("/")).text() == "123451234512345")
    #expect(cache.metrics.value("http_cache_served_bytes", ["outcome": "miss"]) == 15)
    let post = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/other"))
    #expect(cache.metrics.value("http_cache_served_bytes", ["outcome": "bypass"]) == 0)
    #expect(try await post.text() == "123451234512345")
    #expect(cache.metrics.value("http_cache_served_bytes", ["outcome": "bypass"]) == 15)
    await cache.waitForLandings()
    #expect(try await service.call(.get("/")).text() == "123451234512345")
    #expect(cache.metrics.value("http_cache_served_bytes", ["outcome": "hit"]) == 15)
  }

  @Test func invalidationsAreCountedByWhatTheyNameAndHow() async throws {
    let cache = try CacheLayer(backend: InMemoryBackend())
    let targets: [(CacheInvalidation.Target, String)] = [
      (.key(CacheKey(scheme: "http", authority: "a", target: "/")), "key"), (.anyTag(["a"]), "any-tag"),
      (.allTags(["a"]), "all-tags"),
      (.pathPrefix("/a"), "path-prefix"), (.matching { _, _ in false }, "matching"), (.everything, "everything"),
    ]
    for (position, (target, _)) in targets.enumerated() {
      for _ in 0...position { await cache.invalidate(CacheInvalidation(target)) }
      await cache.invalidate(CacheInvalidation(target, mode: .soft))
    }
    for (position, (_, kind)) in targets.enumerated() {
      #expect(cache.metrics.value("http_cache_invalidations", ["kind": kind, "mode": "hard"]) == Double(position + 1))
      #expect(cache.metrics.value("http_cache_invalidations", ["kind": kind, "mode": "soft"]) == 1)
    }
    #expect(cache.statistics.invalidations == 27)
  }

  // MARK: Times

  @Test func timesAreThoseOfTheClock() async throws {
    let clock = ManualClock()
    let cache = try cache(.memory, clock, PolicyRouter(default: CachePolicy(staleIfError: .seconds(600))))
    let isDown = Locked(false)
    let service = CountingOrigin { request, _ in
      clock.advance(by: .milliseconds(200))
      if isDown.withLock({ $0 }) { return CacheResponse(status: 503) }
      if request.fields.contains("If-None-Match") { return CacheResponse(status: 304) }
      return CacheResponse(fields: ["Cache-Control": "max-age=60", "ETag": "\"1\""], body: "x")
    }.layer(cache)
    _ = try await service.call(.get("/"))
    for _ in 0..<3 { _ = try await service.call(.get("/")) }
    clock.advance(by: .seconds(61))
    _ = try await service.call(.get("/"))
    clock.advance(by: .seconds(61))
    isDown.withLock { $0 = true }
    _ = try await service.call(.get("/"))
    let metrics = cache.metrics
    for outcome in ["miss", "revalidated", "stale"] {
      let sample = try #require(
        metrics.samples.first {
          $0.name == "http_cache_request_duration_seconds" && $0.labels.last == .init("outcome", outcome)
        })
      #expect(sample.count == 1, "\(outcome)")
      #expect(sample.value == 0.2, "\(outcome)")
      #expect(sample.buckets.first { $0.count == 1 }?.upperBound == 0.25)
    }
    #expect(metrics.value("http_cache_origin_duration_seconds", ["result": "response"]) == 2)
    #expect(metrics.value("http_cache_origin_duration_seconds", ["result": "server-error"]) == 1)
    // Three hits and a stale answer, each of a response that took 0.2 s to make or to confirm.
    #expect(metrics.value("http_cache_origin_saved_seconds") == 0.8)
  }

  @Test func hitsInMemoryAreTimedAsASampleAndScaled() async throws {
    let cache = try CacheLayer(backend: InMemoryBackend())
    let service = CountingOrigin(["Cache-Control": "max-age=3600"]).layer(cache)
    _ = try await service.call(.get("/"))
    let weight = 1 << CacheLayer.hitSamplingShift
    let count = 400 * weight
    for _ in 0..<count { _ = try await service.call(.get("/")) }
    let timed = cache.metrics.value("http_cache_request_duration_seconds", ["outcome": "hit"])
    #expect(timed.truncatingRemainder(dividingBy: Double(weight)) == 0)
    // Six standard deviations of 400.
    #expect(abs(timed - Double(count)) < 120 * Double(weight))
    let sum = cache.metrics.samples.first { $0.name == "http_cache_request_duration_seconds" }?.value ?? 0
    #expect(sum > 0)
  }

  @Test func durationsFallIntoTheFirstBucketThatHoldsThem() {
    let histograms = DurationHistograms(seriesCount: 2)
    for (nanoseconds, bound) in [
      (-5, 1e-7), (0, 1e-7), (100, 1e-7), (101, 2.5e-7), (1_000_000, 0.001), (1_000_001, 0.0025), (30_000_000_000, 30),
      (30_000_000_001, .infinity), (Int64.max, .infinity),
    ] as [(Int64, Double)] {
      let before = histograms.sample(1, "a", help: "", labels: [])
      histograms.record(1, nanoseconds: nanoseconds, stripe: UInt64(bitPattern: nanoseconds))
      let after = histograms.sample(1, "a", help: "", labels: [])
      let grown = zip(before.buckets, after.buckets).filter { $0.count < $1.count }.map(\.1.upperBound)
      #expect(grown.first == bound && grown.last == .infinity)
      #expect(after.count == before.count + 1)
    }
    #expect(histograms.sample(0, "a", help: "", labels: []).count == 0)
  }

  // MARK: At this moment

  @Test func whatWaitsIsSeen() async throws {
    var policy = CachePolicy().named("api")
    policy.originLimit = .fixed(1)
    let fixture = try Fixture(PolicyRouter(default: CachePolicy(), routes: [.prefix("/api/", policy)]))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let first = Task { try await service.call(.get("/api/1")) }
    let call = await origin.nextCall()
    let second = Task { try await service.call(.get("/api/2")) }
    await eventually { fixture.cache.metrics.value("http_cache_origin_queue") > 0 }
    let metrics = fixture.cache.metrics
    #expect(metrics.value("http_cache_flights") == 2)
    #expect(metrics.value("http_cache_waiters") == 2)
    let labels: KeyValuePairs = ["scope": "policy", "policy": "api"]
    #expect(metrics.value("http_cache_origin_calls_in_flight", labels) == 1)
    #expect(metrics.value("http_cache_origin_queue", labels) == 1)
    #expect(metrics.value("http_cache_origin_limit", labels) == 1)
    call.respond(CacheResponse(body: "1"))
    await origin.nextCall().respond(CacheResponse(body: "2"))
    _ = try await (first.value, second.value)
    await fixture.cache.waitForLandings()
    #expect(fixture.cache.metrics.value("http_cache_waiters") == 0)
    #expect(fixture.cache.metrics.value("http_cache_origin_queue") == 0)
  }

  @Test func memorySaysWhatItHoldsAndWhatHasLeftIt() async throws {
    let fixture = try Fixture(CachePolicy())
    let service = CountingOrigin().layer(fixture.cache)
    for number in 0..<10 { _ = try await service.call(.get("/\(number)")) }
    let metrics = fixture.cache.metrics
    #expect(metrics.value("http_cache_entries") == 10)
    #expect(metrics.value("http_cache_stored_bytes") == Double(fixture.backend.statistics.byteCount))
    #expect(metrics.value("http_cache_capacity_bytes") == Double(64 << 20))
    #expect(metrics.value("http_cache_evictions") == 0)
    fixture.advance(4000)
    fixture.backend.sweep(at: CacheClock(fixture.clock).now)
    #expect(fixture.cache.metrics.value("http_cache_entries") == 0)
    #expect(fixture.cache.metrics.value("http_cache_evictions", ["cause": "expiry"]) == 10)
    #expect(fixture.cache.metrics.value("http_cache_evictions", ["cause": "capacity"]) == 0)
  }

  @Test func tiersSayWhatFailsAndHowLongItTakes() async throws {
    let clock = ManualClock()
    let far = FaultyBackend(
      try InMemoryBackend(configuration: .init(capacity: 1 << 20, clock: CacheClock(clock))), clock: CacheClock(clock))
    var configuration = TierConfiguration(timeout: nil, clock: CacheClock(clock))
    configuration.failureThreshold = 2
    let backend = try MultiTierBackend(
      near: InMemoryBackend(configuration: .init(capacity: 1 << 20, clock: CacheClock(clock))), far: far,
      configuration: configuration)
    let cache = try CacheLayer(backend: backend)
    let service = CountingOrigin(["Cache-Control": "max-age=3600"]).layer(cache)
    _ = try await service.call(.get("/1"))
    _ = try await service.call(.get("/1"))
    #expect(cache.metrics.value("http_cache_tier_lookups", ["result": "near"]) == 1)
    #expect(cache.metrics.value("http_cache_tier_lookups", ["result": "miss"]) == 1)
    #expect(cache.metrics.value("http_cache_tier_duration_seconds", ["tier": "far", "operation": "lookup"]) == 1)
    #expect(cache.metrics.value("http_cache_tier_duration_seconds", ["tier": "far", "operation": "store"]) == 1)
    #expect(cache.metrics.value("http_cache_entries", ["tier": "near"]) == 1)
    far.always(.error(CacheError(.unavailable, "down")))
    for number in 2..<6 { _ = try await service.call(.get("/\(number)")) }
    #expect(cache.metrics.value("http_cache_breaker_state", ["tier": "far", "state": "open"]) == 1)
    #expect(cache.metrics.value("http_cache_breaker_state", ["tier": "far", "state": "closed"]) == 0)
    #expect(cache.metrics.value("http_cache_breaker_state", ["tier": "near", "state": "closed"]) == 1)
    #expect(cache.metrics.value("http_cache_tier_suspensions", ["tier": "far"]) == 1)
    #expect(cache.metrics.value("http_cache_tier_failures", ["tier": "far"]) >= 2)
  }
}

extension CachePolicy {
  fileprivate func named(_ name: String?) -> CachePolicy {
    var policy = self
    policy.name = name
    return policy
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// A hit of a variant is found by the octets of the selecting fields, and is the one that their meaning selects (RFC 9111 §4.1).
@Suite struct VariantHitTests {
  private static let names: [HeaderName] = ["Accept-Encoding", "X-Device"]

  /// Says in each body which fields have selected it.
  private static let origin = CountingOrigin { request, _ in
    CacheResponse(
      fields: ["Vary": "accept-encoding, X-Device", "Cache-Control": "max-age=60"],
      body: Body(RFC9111.selection(VarySelection(names), in: request.fields)))
  }

  private static let encodings: [[String]] = [
    [], [""], ["gzip"], ["gzip, br"], ["gzip", "br"], ["br, gzip"], ["GZIP"], ["gzip;q=1.0"], ["gzip , br"],
    [String(repeating: "gzip,", count: 40)], ["x"], ["y"],
  ]
  private static let devices: [[String]] = [[], ["a"], ["A"], ["a", "b"], ["a, b"], ["\u{E9}"]]

  private static func key(_ target: String) -> CacheKey {
    CacheKey(scheme: "http", authority: "example.com", target: target)
  }

  private static func entries(of backend: InMemoryBackend) -> [CacheEntry] {
    var entries: [CacheEntry] = []
    for shard in 0..<backend.shards.count {
      backend.shards.lock(shard).pointee.forEachEntry { entries.append($0) }
      backend.shards.unlock(shard)
    }
    return entries
  }

  private static func request(_ random: inout SplitMix64) -> CacheRequest {
    var fields = HeaderFields()
    for value in devices[Int.random(in: 0..<devices.count, using: &random)] { fields.append("X-Device", value) }
    for value in encodings[Int.random(in: 0..<encodings.count, using: &random)] {
      fields.append("ACCEPT-ENCODING", value)
    }
    // What a field of the connection names is not for the origin, and selects nothing (RFC 9110 §7.6.1).
    if Int.random(in: 0..<8, using: &random) == 0 { fields.append("Connection", "keep-alive, accept-encoding") }
    return .get("/\(Int.random(in: 0..<3, using: &random))", fields)
  }

  @Test(arguments: 1...4 as ClosedRange<UInt64>, [false, true])
  func `every answer is for the fields of its request`(seed: UInt64, isSmall: Bool) async throws {
    let clock = ManualClock()
    let backend = InMemoryBackend(capacity: isSmall ? 24 << 10 : 8 << 20, clock: CacheClock(clock))
    let cache = try CacheLayer(backend: backend, clock: CacheClock(clock))
    let service = Self.origin.layer(cache)
    var random = SplitMix64(seed: seed)
    var hits = 0
    for step in 0..<3000 {
      let request = Self.request(&random)
      let response = try await service.call(request)
      #expect(
        try await response.text()
          == RFC9111.selection(VarySelection(Self.names), in: ConnectionFields.removed(from: request.fields)),
        "step \(step)")
      if response.outcome == .hit { hits += 1 }
      switch Int.random(in: 0..<200, using: &random) {
      case 0: clock.advance(by: .seconds(20))
      case 1: _ = await cache.invalidate(CacheInvalidation(.key(Self.key("/0"))))
      case 2: _ = await cache.invalidate(CacheInvalidation(.key(Self.key("/1")), mode: .soft))
      default: break
      }
    }
    #expect(hits > (isSmall ? 500 : 1500))
    #expect(backend.inconsistency() == nil)
  }

  @Test func `one list of variants in two stores`() async throws {
    let clock = CacheClock(ManualClock())
    let first = InMemoryBackend(capacity: 1 << 20, clock: clock)
    let second = InMemoryBackend(capacity: 1 << 20, clock: clock)
    let requests = ["gzip", "br"].map { CacheRequest.get("/", ["Accept-Encoding": $0]) }
    let services = try [first, second].map { Self.origin.layer(try CacheLayer(backend: $0, clock: clock)) }
    for request in requests { _ = try await services[0].call(request) }
    for entry in Self.entries(of: first) { second.storeNow(entry) }
    for _ in 0..<3 {
      for (service, request) in services.flatMap({ service in requests.map { (service, $0) } }) {
        let response = try await service.call(request)
        #expect(response.outcome == .hit)
        #expect(try await response.text() == RFC9111.selection(VarySelection(Self.names), in: request.fields))
      }
    }
    #expect(first.inconsistency() == nil && second.inconsistency() == nil)
  }

  @Test func `variants share a shard, and have places of their own where requests are counted`() {
    let variants = (0..<64).map { Self.key("/").variant("\($0)").digest }
    #expect(variants.allSatisfy { $0.high & 0xFFFF == Self.key("/").digest.high & 0xFFFF })
    let now = CacheInstant(nanoseconds: 600_000_000_000)
    var hits = HitMemory(period: nil)
    let rates = RequestRates(capacity: 16_384)
    for _ in 0..<3 {
      for variant in variants {
        _ = hits.record(variant, at: now)
        _ = rates.record(variant, at: now)
      }
    }
    // Few have to share a place with another, whatever the seed.
    #expect(variants.filter { hits.record($0, at: now) == 4 }.count > 48)
    #expect(variants.filter { rates.perMinute($0, at: now) == 3 }.count > 60)
  }

  @Test func `automatic refresh counts the variant, not the list`() async throws {
    let clock = ManualClock()
    let backend = InMemoryBackend(capacity: 1 << 20, clock: CacheClock(clock))
    let cache = try CacheLayer(
      backend: backend, policies: PolicyRouter(default: CachePolicy(timeToLive: .seconds(60))),
      autoRefresh: AutoRefreshPolicy(minimumRequestsPerMinute: 100), clock: CacheClock(clock))
    let service = Self.origin.layer(cache)
    let request = CacheRequest.get("/", ["Accept-Encoding": "gzip"])
    for _ in 0..<90 { _ = try await service.call(request) }
    let entries = Self.entries(of: backend)
    let variant = try #require(entries.first { $0.variantIndex == nil })
    let list = try #require(entries.first { $0.variantIndex != nil })
    let rates = try #require(cache.refresher).rates
    #expect(rates.perMinute(variant.digest, at: cache.clock.now) >= 80)
    #expect(rates.perMinute(list.digest, at: cache.clock.now) <= 10)
  }

  @Test func `what is remembered of selecting fields is bounded, and counted`() async throws {
    let backend = InMemoryBackend(capacity: 8 << 20)
    let cache = try CacheLayer(backend: backend)
    let service = Self.origin.layer(cache)
    _ = try await service.call(.get("/", ["Accept-Encoding": "gzip"]))
    let before = backend.statistics.byteCount
    // White space around commas means nothing: each is a hit of the same variant.
    for count in 0..<500 {
      let value = "gzip" + String(repeating: " ", count: count % 50) + ","
      let response = try await service.call(.get("/", ["Accept-Encoding": value, "X-Other": "\(count)"]))
      #expect(response.outcome == .hit)
    }
    let heads = 2 * 1024
    #expect(backend.statistics.byteCount - before <= RecentVariants.byteCount + heads)
    #expect(backend.statistics.byteCount - before >= RecentVariants.byteCount)
    await backend.removeAll()
    #expect(backend.inconsistency() == nil)
    #expect(backend.statistics.byteCount < before)
  }
}

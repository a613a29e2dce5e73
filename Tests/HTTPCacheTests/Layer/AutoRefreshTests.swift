//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Hot entries are refreshed in their window before they expire: those, then, and no more than so many at a time.
@Suite(.timeLimit(.minutes(5))) struct AutoRefreshTests {
  private struct Refreshed {
    let clock = ManualClock()
    let cache: CacheLayer

    init(_ autoRefresh: AutoRefreshPolicy, _ policy: CachePolicy) throws {
      let clock = CacheClock(self.clock)
      cache = try CacheLayer(
        backend: InMemoryBackend(clock: clock), policy: policy, autoRefresh: autoRefresh, clock: clock)
    }

    /// Moves the clock, and returns when what that sets off is done.
    func step(_ duration: Duration, sleepers: Int) async {
      clock.advance(by: duration)
      await clock.waitForSleepers(sleepers)
      await eventually { cache.refresher?.load.running == 0 && clock.sleeperCount >= sleepers }
    }
  }

  @Test func `a hot entry never goes cold, a rare one is left alone`() async throws {
    let refreshed = try Refreshed(
      AutoRefreshPolicy(minimumRequestsPerMinute: 10, window: .seconds(10)), CachePolicy(timeToLive: .seconds(60)))
    let origin = CountingOrigin()
    let rareOrigin = CountingOrigin()
    let hot = origin.layer(refreshed.cache)
    let rare = rareOrigin.layer(refreshed.cache)
    var misses = 0
    for step in 0..<300 {
      if try await hot.call(.get("/hot")).outcome != .hit { misses += 1 }
      if step % 20 == 0 { _ = try await rare.call(.get("/rare")) }
      await refreshed.step(.seconds(2), sleepers: step < 10 ? 1 : 2)
    }
    // Ten minutes: the first call, and one refresh in each of the lifetimes of 50 seconds after that.
    #expect(misses == 1)
    #expect((11...13).contains(origin.count.value))
    #expect(rareOrigin.count.value <= 10)
    #expect(refreshed.cache.statistics.refreshes == origin.count.value - 1)
  }

  @Test func `a day of entries with three lifetimes: one call in a lifetime, each in its window`() async throws {
    let refreshed = try Refreshed(
      AutoRefreshPolicy(minimumRequestsPerMinute: 10, window: .seconds(20)), CachePolicy(timeToLive: nil))
    let lifetimes = ["/60": 60, "/600": 600, "/3600": 3600]
    let clock = refreshed.clock
    let calls = Locked([String: [CacheInstant]]())
    let origin = CountingOrigin { request, _ in
      calls.withLock { $0[request.target, default: []].append(clock.now) }
      return CacheResponse(fields: ["Cache-Control": "max-age=\(lifetimes[request.target] ?? 0)"])
    }
    let service = origin.layer(refreshed.cache)
    // As if there had been traffic before: ten requests a minute make an entry hot.
    for _ in 0..<12 { for target in lifetimes.keys { _ = try await service.call(.get(target)) } }
    for _ in 0..<(86_400 / 5) {
      for target in lifetimes.keys { #expect(try await service.call(.get(target)).outcome == .hit) }
      await refreshed.step(.seconds(5), sleepers: 2)
    }
    for (target, lifetime) in lifetimes {
      let moments = calls.withLock { $0[target] ?? [] }
      // The predecessor made a call every ten seconds whatever the lifetime: 8,640 each.
      let expected = 86_400 / (lifetime - 20)
      #expect(abs(moments.count - expected) <= expected / 10 + 2, "\(target): \(moments.count) calls")
      for (earlier, later) in zip(moments, moments.dropFirst()) {
        let age = later.duration(since: earlier)
        #expect(age >= .seconds(lifetime - 20) && age < .seconds(lifetime))
      }
    }
  }

  @Test(arguments: [.seconds(10), .zero] as [Duration])
  func `a refresh that has failed is tried again after the retry interval, and nothing is looked up in between`(
    _ retryInterval: Duration
  ) async throws {
    let clock = ManualClock()
    let backend = RefreshRestTests.DecodingBackend(store: DictionaryBackend(clock: CacheClock(clock)))
    var policy = CachePolicy(timeToLive: .seconds(100))
    policy.retryInterval = retryInterval
    let cache = try CacheLayer(
      backend: backend, policy: policy,
      autoRefresh: AutoRefreshPolicy(minimumRequestsPerMinute: 2, window: .seconds(50)), clock: CacheClock(clock))
    let origin = CountingOrigin { _, number in CacheResponse(status: number == 1 ? 200 : 503) }
    let service = origin.layer(cache)
    for _ in 0..<10 { _ = try await service.call(.get("/")) }
    for _ in 0..<95 {
      await eventually { cache.refresher?.load.running == 0 && clock.sleeperCount == 1 }
      clock.advance(by: .seconds(1))
      #expect(try await service.call(.get("/")).outcome == .hit)
    }
    // From the fiftieth second on, every ten seconds; never more than one in a second.
    let attempts = origin.count.value - 1
    #expect(retryInterval > .zero ? attempts == 5 : (40...45).contains(attempts))
    // Each attempt looks up what is there, before and after; each request does.
    #expect(backend.lookups.value <= 10 + 95 + attempts * 4 + 10)
  }

  @Test func `never more refreshes at a time than allowed`() async throws {
    let refreshed = try Refreshed(
      AutoRefreshPolicy(minimumRequestsPerMinute: 2, window: .seconds(30), maximumConcurrentRefreshes: 3),
      CachePolicy(timeToLive: .seconds(60)))
    let origin = ScriptedService()
    let service = origin.layer(refreshed.cache)
    for number in 0..<8 {
      async let first = service.call(.get("/\(number)"))
      await origin.nextCall().respond(CacheResponse(body: "v1"))
      _ = try await first
      for _ in 0..<5 { _ = try await service.call(.get("/\(number)")) }
    }
    #expect(refreshed.cache.refresher?.load.tracked == 8)
    await refreshed.clock.waitForSleepers(2)
    refreshed.clock.advance(by: .seconds(31))
    for done in 0..<8 {
      let call = await origin.nextCall()
      #expect(origin.callCount <= 8 + done + 3)
      #expect(refreshed.cache.refresher?.load.running ?? 9 <= 3)
      call.respond(CacheResponse(body: "v2"))
    }
    await eventually { refreshed.cache.refresher?.load.running == 0 }
    for number in 0..<8 { #expect(try await service.call(.get("/\(number)")).text() == "v2") }
    #expect(origin.callCount == 16)
  }

  @Test
  func `the request that made it hot is sent, without its conditions, and variants are looked after each by itself`()
    async throws
  {
    let refreshed = try Refreshed(
      AutoRefreshPolicy(minimumRequestsPerMinute: 2, window: .seconds(10)), CachePolicy(timeToLive: .seconds(60)))
    let seen = Locked([String]())
    let origin = CountingOrigin { request, _ in
      let language = request.fields["Accept-Language"] ?? "-"
      let hasConditions = request.fields[.ifNoneMatch] != nil || request.fields[.range] != nil
      seen.withLock { $0.append("\(language) \(hasConditions)") }
      return CacheResponse(fields: ["Vary": "Accept-Language"], body: Body("in \(language)"))
    }
    let service = origin.layer(refreshed.cache)
    for _ in 0..<10 {
      for language in ["de", "fr"] {
        _ = try await service.call(
          .get("/", ["Accept-Language": language, "Range": "bytes=0-0", "If-None-Match": "\"x\""]))
      }
    }
    #expect(refreshed.cache.refresher?.load.tracked == 2)
    await refreshed.clock.waitForSleepers(2)
    refreshed.clock.advance(by: .seconds(51))
    await eventually { seen.withLock { $0.count } == 4 && refreshed.cache.refresher?.load.running == 0 }
    #expect(seen.withLock { $0.suffix(2).sorted() } == ["de false", "fr false"])
    #expect(try await service.call(.get("/", ["Accept-Language": "fr"])).text() == "in fr")
    #expect(refreshed.cache.hotRequests().count == 2)
  }

  @Test func `after run() has been cancelled nothing is refreshed any more`() async throws {
    let refreshed = try Refreshed(
      AutoRefreshPolicy(minimumRequestsPerMinute: 2, window: .seconds(10)), CachePolicy(timeToLive: .seconds(60)))
    let origin = CountingOrigin()
    let service = origin.layer(refreshed.cache)
    let running = Task { await refreshed.cache.run() }
    for _ in 0..<5 { _ = try await service.call(.get("/")) }
    await refreshed.clock.waitForSleepers(2)
    running.cancel()
    await running.value
    refreshed.clock.advance(by: .seconds(55))
    for _ in 0..<5 { #expect(try await service.call(.get("/")).outcome == .hit) }
    #expect(origin.count.value == 1)
  }

  @Test func `giving up the layer ends its schedule`() async throws {
    let clock = ManualClock()
    weak var refresher: AutoRefresher?
    do {
      let cache = try CacheLayer(
        backend: InMemoryBackend(clock: CacheClock(clock)), policy: CachePolicy(timeToLive: .seconds(60)),
        autoRefresh: AutoRefreshPolicy(minimumRequestsPerMinute: 1), clock: CacheClock(clock))
      refresher = cache.refresher
      let service = CountingOrigin().layer(cache)
      for _ in 0..<3 { _ = try await service.call(.get("/")) }
      #expect(refresher?.load.tracked == 1)
    }
    await eventually { refresher == nil && clock.sleeperCount == 0 }
  }

  @Test func `early refresh: at random before the end, in the background, and once at a time`() async throws {
    var policy = CachePolicy(timeToLive: .seconds(10))
    policy.earlyRefreshBeta = 1
    let fixture = try Fixture(policy)
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/"))
    let call = await origin.nextCall()
    // The origin takes a second: that is the measure.
    fixture.advance(1)
    call.respond(CacheResponse(body: "v1"))
    _ = try await first
    var requests = 0
    fixture.advance(8)
    while fixture.cache.statistics.refreshes == 0, requests < 10_000 {
      #expect(try await service.call(.get("/")).outcome == .hit)
      requests += 1
    }
    // Two seconds before the end, with a cost of one: the dice come up once in e² requests.
    #expect(requests < 200)
    let refresh = await origin.nextCall()
    for _ in 0..<100 { #expect(try await service.call(.get("/")).outcome == .hit) }
    #expect(origin.callCount == 2)
    refresh.respond(CacheResponse(body: "v2"))
    try await eventually { try await service.call(.get("/")).text() == "v2" }
    for _ in 0..<100 { #expect(try await service.call(.get("/")).text() == "v2") }
  }
}

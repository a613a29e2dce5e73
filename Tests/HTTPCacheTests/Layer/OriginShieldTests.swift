//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// So many calls to the origin at a time, across all keys; hits never wait for it.
@Suite(.timeLimit(.minutes(5))) struct OriginShieldTests {
  private struct Shielded {
    let clock = ManualClock()
    let origin = ScriptedService()
    let cache: CacheLayer
    let service: Layered<CacheLayer, ScriptedService>

    init(_ limit: OriginLimit?, _ policy: CachePolicy = CachePolicy()) throws {
      let clock = CacheClock(self.clock)
      cache = try CacheLayer(
        backend: InMemoryBackend(clock: clock), policy: policy, originLimit: limit, clock: clock)
      service = origin.layer(cache)
    }
  }

  @Test func `calls beyond the limit wait for their turn, and hits do not`() async throws {
    let shielded = try Shielded(.fixed(2))
    let (service, origin) = (shielded.service, shielded.origin)
    async let stored = service.call(.get("/stored"))
    await origin.nextCall().respond(CacheResponse(body: "stored"))
    _ = try await stored
    let responses = (0..<5).map { number in Task { try await service.call(.get("/\(number)")).text() } }
    let first = [await origin.nextCall(), await origin.nextCall()]
    await eventually { shielded.cache.originLoad?.waiting == 3 }
    #expect(origin.callCount == 3)
    #expect(try await service.call(.get("/stored")).outcome == .hit)
    for call in first { call.respond(CacheResponse(body: Body(call.request.target))) }
    for _ in 0..<3 {
      let call = await origin.nextCall()
      #expect(shielded.cache.originLoad?.running ?? 9 <= 2)
      call.respond(CacheResponse(body: Body(call.request.target)))
    }
    for (number, response) in responses.enumerated() { #expect(try await response.value == "/\(number)") }
    #expect(shielded.cache.originLoad?.running == 0)
  }

  @Test func `whoever finds no room gets 503 with Retry-After, or what is stored and stale`() async throws {
    let shielded = try Shielded(
      .fixed(1, queueLimit: 0), CachePolicy(timeToLive: .seconds(10), staleIfError: .seconds(100)))
    let (service, origin) = (shielded.service, shielded.origin)
    async let stored = service.call(.get("/stored"))
    await origin.nextCall().respond(CacheResponse(body: "stored"))
    _ = try await stored
    shielded.clock.advance(by: .seconds(20))
    async let busy = service.call(.get("/busy"))
    let call = await origin.nextCall()
    let shed = try await service.call(.get("/other"))
    #expect(shed.status == 503)
    #expect(shed.outcome == .failed(.originSaturated))
    #expect(shed.fields[.retryAfter] == "5")
    #expect(shed.fields[.cacheControl] == "no-store")
    let stale = try await service.call(.get("/stored"))
    #expect(stale.outcome == .stale(.originSaturated))
    #expect(try await stale.text() == "stored")
    let post = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/x"))
    #expect(post.status == 503)
    call.respond(CacheResponse(body: "done"))
    #expect(try await busy.text() == "done")
    #expect(shielded.cache.statistics.failures == [.originSaturated: 2])
  }

  @Test func `waiting is bounded`() async throws {
    let shielded = try Shielded(.fixed(1, queueDeadline: .seconds(2)))
    let (service, origin) = (shielded.service, shielded.origin)
    async let busy = service.call(.get("/busy"))
    let call = await origin.nextCall()
    async let waiting = service.call(.get("/waiting"))
    await eventually { shielded.cache.originLoad?.waiting == 1 }
    await shielded.clock.waitForSleepers(1)
    shielded.clock.advance(by: .seconds(2))
    #expect(try await waiting.status == 503)
    call.respond(CacheResponse(body: "done"))
    #expect(try await busy.text() == "done")
  }

  @Test func `a client that leaves the queue gives up its place, and the turn is not lost`() async throws {
    let shielded = try Shielded(.fixed(1))
    let (service, origin) = (shielded.service, shielded.origin)
    async let busy = service.call(.get("/busy"))
    let call = await origin.nextCall()
    let leaving = Task { try await service.call(.get("/leaving")) }
    await eventually { shielded.cache.originLoad?.waiting == 1 }
    async let last = service.call(.get("/last"))
    await eventually { shielded.cache.originLoad?.waiting == 2 }
    leaving.cancel()
    await eventually { shielded.cache.originLoad?.waiting == 1 }
    call.respond(CacheResponse(body: "done"))
    _ = try await busy
    let next = await origin.nextCall()
    #expect(next.request.target == "/last")
    next.respond(CacheResponse(body: "last"))
    #expect(try await last.text() == "last")
    await #expect(throws: CancellationError.self) { try await leaving.value }
    await eventually { shielded.cache.originLoad?.running == 0 }
  }

  @Test func `a turn lasts until the body has ended, also one that is not stored`() async throws {
    let shielded = try Shielded(.fixed(1))
    let (service, origin) = (shielded.service, shielded.origin)
    let channel = BodyChannel()
    async let streaming = service.call(.get("/stream"))
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "private"], body: channel.body))
    let response = try await streaming
    #expect(shielded.cache.originLoad?.running == 1)
    async let text = response.text()
    #expect(await channel.write("a"))
    channel.finish()
    #expect(try await text == "a")
    await eventually { shielded.cache.originLoad?.running == 0 }
    async let abandoned = service.call(.get("/abandoned"))
    let endless = BodyChannel()
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "private"], body: endless.body))
    try await abandoned.body.cancel()
    await eventually { shielded.cache.originLoad?.running == 0 }
  }

  @Test func `a route's own limit does not hold up the others`() async throws {
    var slow = CachePolicy()
    slow.originLimit = .fixed(1)
    let origin = ScriptedService()
    // By a clock that stands still: nobody waits for a turn for too long, however slow the machine is.
    let clock = CacheClock(ManualClock())
    let cache = try CacheLayer(
      backend: InMemoryBackend(clock: clock),
      policies: PolicyRouter(default: CachePolicy(), routes: [.prefix("/slow", slow)]), originLimit: .fixed(3),
      clock: clock)
    let service = origin.layer(cache)
    let slowOnes = (0..<3).map { number in Task { try await service.call(.get("/slow/\(number)")).text() } }
    let first = await origin.nextCall()
    async let other = service.call(.get("/other"))
    let call = await origin.nextCall()
    #expect(call.request.target == "/other")
    call.respond(CacheResponse(body: "other"))
    _ = try await other
    first.respond(CacheResponse(body: "slow"))
    for _ in 0..<2 { await origin.nextCall().respond(CacheResponse(body: "slow")) }
    for slow in slowOnes { #expect(try await slow.value == "slow") }
  }

  @Test func `a refresh in the background does not wait for a turn, and the stale response goes on being served`()
    async throws
  {
    let shielded = try Shielded(.fixed(1), CachePolicy(timeToLive: .seconds(10), staleWhileRevalidate: .seconds(60)))
    let (service, origin) = (shielded.service, shielded.origin)
    async let stored = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(body: "v1"))
    _ = try await stored
    shielded.clock.advance(by: .seconds(15))
    async let busy = service.call(.get("/busy"))
    let call = await origin.nextCall()
    #expect(try await service.call(.get("/")).outcome == .stale(.whileRevalidating))
    await eventually { shielded.cache.statistics.failedRefreshes == 1 }
    #expect(try await service.call(.get("/")).outcome == .stale(.retryPending))
    call.respond(CacheResponse(body: "done"))
    _ = try await busy
    shielded.clock.advance(by: .seconds(11))
    _ = try await service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(body: "v2"))
    try await eventually { try await service.call(.get("/")).text() == "v2" }
  }

  @Test(arguments: [OriginLimit.fixed(0), .fixed(-1), .adaptive(minimum: 5, maximum: 4), .fixed(1, queueLimit: -1)])
  func `nonsense is refused`(limit: OriginLimit) {
    #expect(throws: CacheConfigurationError.self) {
      try CacheLayer(backend: InMemoryBackend(), originLimit: limit)
    }
  }

  /// An origin that takes a moment, and falls over when it has more calls than it can take.
  private final class FragileOrigin: Service {
    let running = Locked((now: 0, most: 0, collapses: 0, calls: 0))
    let limit: Int
    let duration: Duration

    init(limit: Int, duration: Duration) {
      self.limit = limit
      self.duration = duration
    }

    func call(_ request: CacheRequest) async throws -> CacheResponse {
      let hasCollapsed = running.withLock { running in
        running.now += 1
        running.calls += 1
        running.most = max(running.most, running.now)
        if running.now > limit { running.collapses += 1 }
        return running.now > limit
      }
      defer { running.withLock { $0.now -= 1 } }
      try await Task.sleep(for: duration)
      return hasCollapsed ? CacheResponse(status: 500) : CacheResponse(body: Body(request.target))
    }
  }

  @Test func `a herd over ten thousand URLs does not topple the origin, and hits go on meanwhile`() async throws {
    let origin = FragileOrigin(limit: 50, duration: .milliseconds(100))
    let cache = try CacheLayer(
      backend: InMemoryBackend(), policy: CachePolicy(timeToLive: .seconds(600), staleIfError: .seconds(600)),
      originLimit: .fixed(50, queueLimit: 500, queueDeadline: .seconds(60)))
    let service = origin.layer(cache)
    _ = try await service.call(.get("/hot"))
    // Of one in a hundred something stale is stored.
    let filler = Handler { _ in CacheResponse(body: "old") }.layer(cache)
    for number in stride(from: 0, to: 10_000, by: 100) { _ = try await filler.call(.get("/\(number)")) }
    await cache.invalidate(mode: .soft) { key, _ in key.text != "http://example.com/hot" }
    let counts = try await withThrowingTaskGroup(of: CacheResponse.self) { group in
      for number in 0..<10_000 { group.addTask { try await service.call(.get("/\(number)")) } }
      for _ in 0..<100 { #expect(try await service.call(.get("/hot")).outcome == .hit) }
      return try await group.reduce(into: [CacheOutcome?: Int]()) { counts, response in
        counts[response.outcome, default: 0] += 1
        if response.status == 503 { #expect(response.fields["Retry-After"] != nil) }
      }
    }
    #expect(origin.running.withLock { $0.collapses } == 0)
    let (made, shed) = (counts[.miss(.absent)] ?? 0, counts[.failed(.originSaturated)] ?? 0)
    let (stale, renewed) = (counts[.stale(.originSaturated)] ?? 0, counts[.miss(.stale)] ?? 0)
    #expect(made + renewed >= 550)
    #expect(stale + renewed == 100)
    #expect(made + shed == 9_900)
    #expect(shed > 0 && stale > 0)
  }
}

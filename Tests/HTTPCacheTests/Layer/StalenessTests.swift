//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

/// DESIGN: stale beats down.
@Suite(.timeLimit(.minutes(5))) struct StalenessTests {
  /// A cache with "v1" stored under "/", `age` seconds ago.
  private func stored(
    _ policy: CachePolicy, _ fields: HeaderFields = [:], age: Int
  ) async throws -> (Fixture, ScriptedService, Layered<CacheLayer, ScriptedService>) {
    let fixture = try Fixture(policy)
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(fields: fields, body: "v1"))
    _ = try await first.text()
    fixture.advance(age)
    return (fixture, origin, service)
  }

  @Test(arguments: [500, 502, 503, 504])
  func `stale-if-error holds for those whom an uncacheable answer has released (RFC 5861 §4)`(status: Int) async throws
  {
    let (fixture, origin, service) = try await stored(
      CachePolicy(timeToLive: nil), ["Cache-Control": "max-age=10, stale-if-error=600"], age: 20)
    async let first = service.call(.get("/"))
    let call = await origin.nextCall()
    async let second = service.call(.get("/"))
    await fixture.cache.waitForWaiters(2)
    call.respond(CacheResponse(fields: ["Cache-Control": "private"], body: "for one"))
    #expect(try await first.text() == "for one")
    await origin.nextCall().respond(CacheResponse(status: status))
    let response = try await second
    #expect(response.outcome == .stale(.ifError))
    #expect(try await response.text() == "v1")
  }

  @Test func `stale-while-revalidate: nobody waits, one refresh runs (RFC 5861 §3)`() async throws {
    let (fixture, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), staleWhileRevalidate: .seconds(30)), age: 15)
    for _ in 0..<50 {
      let response = try await service.call(.get("/"))
      #expect(response.outcome == .stale(.whileRevalidating))
      #expect(response.fields[.age] == "15")
      #expect(try await response.text() == "v1")
    }
    let refresh = await origin.nextCall()
    #expect(origin.callCount == 2)
    refresh.respond(CacheResponse(body: "v2"))
    try await eventually { try await service.call(.get("/")).outcome == .hit }
    #expect(try await service.call(.get("/")).text() == "v2")
    #expect(origin.callCount == 2)
    #expect(fixture.cache.statistics.refreshes == 1)
  }

  @Test func `what the origin says to a refresh for one client only is for none that joins it`() async throws {
    let (fixture, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), staleWhileRevalidate: .seconds(30), cookies: .nonePersonal), age: 15)
    #expect(try await service.call(.get("/", ["Cookie": "a"])).outcome == .stale(.whileRevalidating))
    let refresh = await origin.nextCall()
    // Beyond the window the next one has to wait for the answer.
    fixture.advance(60)
    async let other = service.call(.get("/", ["Cookie": "b"]))
    await fixture.cache.waitForWaiters(1)
    refresh.respond(CacheResponse(fields: ["Cache-Control": "private"], body: "for a"))
    let own = await origin.nextCall()
    #expect(own.request.fields["Cookie"] == "b")
    own.respond(CacheResponse(fields: ["Cache-Control": "private"], body: "for b"))
    #expect(try await other.text() == "for b")
  }

  @Test func `past its window a stale response is fetched anew`() async throws {
    let (_, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), staleWhileRevalidate: .seconds(30)), age: 40)
    async let response = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(body: "v2"))
    #expect(try await response.text() == "v2")
  }

  @Test func `a refresh that fails is repeated after the retry interval, not before`() async throws {
    let (fixture, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), staleWhileRevalidate: .seconds(300)), age: 15)
    _ = try await service.call(.get("/"))
    await origin.nextCall().fail(OriginError())
    await fixture.events.waitFor(.refreshFailed)
    for _ in 0..<20 { #expect(try await service.call(.get("/")).outcome == .stale(.retryPending)) }
    #expect(origin.callCount == 2)
    fixture.advance(10)
    #expect(try await service.call(.get("/")).outcome == .stale(.whileRevalidating))
    await origin.nextCall().respond(CacheResponse(body: "v2"))
    try await eventually { try await service.call(.get("/")).outcome == .hit }
    #expect(origin.callCount == 3)
  }

  @Test(arguments: [500, 502, 503, 504, nil] as [Int?])
  func `stale-if-error: an origin that fails is covered (RFC 5861 §4)`(status: Int?) async throws {
    let (fixture, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), staleIfError: .seconds(60)), age: 15)
    async let response = service.call(.get("/"))
    let call = await origin.nextCall()
    if let status { call.respond(CacheResponse(status: status, body: "error")) } else { call.fail(OriginError()) }
    let stale = try await response
    #expect(stale.outcome == .stale(.ifError))
    #expect(try await stale.text() == "v1")
    // The cache finds out whether it fails for all, and leaves it alone for a while then.
    let own = await origin.nextCall()
    if let status { own.respond(CacheResponse(status: status, body: "error")) } else { own.fail(OriginError()) }
    await fixture.cache.waitForLandings()
    #expect(try await service.call(.get("/")).outcome == .stale(.retryPending))
    #expect(origin.callCount == 3)
    fixture.advance(10)
    async let recovered = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(body: "v2"))
    #expect(try await recovered.text() == "v2")
  }

  @Test func `outside the window the failure is the answer`() async throws {
    let (_, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), staleIfError: .seconds(60)), age: 71)
    let response = Task { try await service.call(.get("/")) }
    await origin.nextCall().fail(OriginError())
    await #expect(throws: OriginError()) { try await response.value }
  }

  @Test func `a 404 is no failure: it replaces what is stored`() async throws {
    let (_, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), staleIfError: .seconds(60)), age: 15)
    async let response = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(status: 404, body: "gone"))
    #expect(try await response.status == 404)
    #expect(try await service.call(.get("/")).status == 404)
  }

  @Test func `must-revalidate forbids stale use, whatever the policy says (RFC 9111 §5.2.2.2)`() async throws {
    let (_, origin, service) = try await stored(
      CachePolicy(staleWhileRevalidate: .seconds(60), staleIfError: .seconds(60)),
      ["Cache-Control": "max-age=10, must-revalidate"], age: 15)
    let response = Task { try await service.call(.get("/")) }
    await origin.nextCall().fail(OriginError())
    await #expect(throws: OriginError()) { try await response.value }
  }

  @Test func `the soft timeout serves what is stale, and stores the answer when it comes`() async throws {
    let (fixture, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), softTimeout: .seconds(1)), age: 15)
    async let response = service.call(.get("/"))
    let call = await origin.nextCall()
    await fixture.clock.waitForSleepers()
    fixture.advance(1)
    #expect(try await response.outcome == .stale(.softTimeout))
    #expect(!call.isCancelled)
    call.respond(CacheResponse(body: "v2"))
    try await eventually { try await service.call(.get("/")).outcome == .hit }
    #expect(try await service.call(.get("/")).text() == "v2")
  }

  @Test func `the hard timeout cancels the call; without anything stale the answer is 504`() async throws {
    let fixture = try Fixture(CachePolicy(hardTimeout: .seconds(5)))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let response = service.call(.get("/"))
    let call = await origin.nextCall()
    await fixture.clock.waitForSleepers()
    fixture.advance(5)
    #expect(try await response.status == 504)
    #expect(try await response.outcome == .failed(.originTimeout))
    await call.waitForCancellation()
  }

  @Test func `the hard timeout is an error that stale-if-error covers`() async throws {
    let (fixture, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(10), staleIfError: .seconds(60), hardTimeout: .seconds(5)), age: 15)
    async let response = service.call(.get("/"))
    _ = await origin.nextCall()
    await fixture.clock.waitForSleepers()
    fixture.advance(5)
    #expect(try await response.outcome == .stale(.ifError))
  }

  @Test func `a response is refreshed before it expires, in the background`() async throws {
    let (fixture, origin, service) = try await stored(
      CachePolicy(timeToLive: .seconds(100), refreshBeforeExpiration: .seconds(20)), age: 79)
    #expect(try await service.call(.get("/")).outcome == .hit)
    #expect(fixture.cache.statistics.refreshes == 0)
    fixture.advance(1)
    #expect(try await service.call(.get("/")).outcome == .hit)
    await origin.nextCall().respond(CacheResponse(body: "v2"))
    try await eventually { try await service.call(.get("/")).text() == "v2" }
    #expect(origin.callCount == 2)
    #expect(fixture.cache.statistics.refreshes == 1)
  }

  @Test func `the response's own windows rule`() async throws {
    let (_, origin, service) = try await stored(
      CachePolicy(), ["Cache-Control": "max-age=10, stale-while-revalidate=5, stale-if-error=50"], age: 14)
    #expect(try await service.call(.get("/")).outcome == .stale(.whileRevalidating))
    await origin.nextCall().fail(OriginError())
  }

  @Test func `setting the wall clock neither expires nor revives anything`() async throws {
    let (fixture, _, service) = try await stored(CachePolicy(timeToLive: .seconds(60)), age: 10)
    fixture.clock.setUnixTime(UnixTime(seconds: 4_000_000_000))
    #expect(try await service.call(.get("/")).fields[.age] == "10")
    fixture.clock.setUnixTime(UnixTime(seconds: 0))
    #expect(try await service.call(.get("/")).outcome == .hit)
  }

  @Test func `what a slow store has found is as old as it is by then`() async throws {
    let clock = ManualClock()
    let store = StoppedLookups(try SharedStore(clock: CacheClock(clock)))
    let cache = try CacheLayer(
      backend: store, policy: CachePolicy(timeToLive: .seconds(10), staleWhileRevalidate: .seconds(5)),
      clock: CacheClock(clock))
    let service = Handler { _ in CacheResponse(body: "x") }.layer(cache)
    _ = try await service.call(.get("/")).text()
    await eventually { store.base.contains(CacheKey(scheme: "http", authority: "example.com", target: "/")) }
    for (age, outcome) in [("9", .hit), (nil, .miss(.stale))] as [(String?, CacheOutcome)] {
      store.gate.close()
      async let response = service.call(.get("/"))
      await eventually { store.gate.waitingCount == 1 }
      clock.advance(by: .seconds(9))
      store.gate.open()
      let (fields, found) = try await (response.fields, response.outcome)
      #expect(found == outcome)
      #expect(fields[.age] == age)
    }
  }
}

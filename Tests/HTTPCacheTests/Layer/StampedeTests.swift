//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Many requests for one URL at once: one call, whose response is complete or nothing.
@Suite(.timeLimit(.minutes(5))) struct StampedeTests {
  @Test func `a thousand clients on one cold URL make one call and get the same bytes`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let tasks = await fixture.crowd(1000, origin.layer(fixture.cache))
    await origin.nextCall().respond(CacheResponse(body: "once"))
    for task in tasks { #expect(try await task.value == "200 once") }
    #expect(origin.callCount == 1)
    #expect(fixture.cache.statistics.misses == [.absent: 1])
    #expect(fixture.cache.statistics.collapsed == 999)
    #expect(fixture.cache.statistics.stores == 1)
  }

  /// Whoever has found nothing in a store that takes waiting, and comes when the flight has ended already.
  @Test func `a lookup that a whole flight overtakes makes no second call`() async throws {
    let store = try SharedStore()
    let backend = StoppedLookups(store)
    let cache = try CacheLayer(backend: backend)
    let origin = ScriptedService()
    let service = origin.layer(cache)
    async let first = service.call(.get("/"))
    let call = await origin.nextCall()
    backend.gate.close()
    async let second = service.call(.get("/"))
    await eventually { backend.gate.waitingCount == 1 }
    call.respond(CacheResponse(body: "once"))
    #expect(try await first.text() == "once")
    await eventually { cache.flights.isEmpty }
    backend.gate.open()
    let response = try await second
    #expect(response.outcome == .hit)
    #expect(try await response.text() == "once")
    #expect(origin.callCount == 1)
  }

  @Test func `a leader that leaves harms nobody`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let leader = Task { try await service.call(.get("/")) }
    let call = await origin.nextCall()
    let followers = await fixture.crowd(100, service, request: { _ in .get("/") })
    leader.cancel()
    await #expect(throws: CancellationError.self) { try await leader.value }
    call.respond(CacheResponse(body: "kept"))
    for task in followers { #expect(try await task.value == "200 kept") }
    #expect(origin.callCount == 1)
    #expect(!call.isCancelled)
  }

  @Test func `when all have left, the call is cancelled and nothing is stored`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let tasks = await fixture.crowd(3, service)
    let call = await origin.nextCall()
    for task in tasks { task.cancel() }
    await call.waitForCancellation()
    for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
    #expect(fixture.cache.statistics.stores == 0)
    async let next = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(body: "again"))
    #expect(try await next.text() == "again")
  }

  @Test func `a policy can have abandoned calls finished and stored`() async throws {
    var policy = CachePolicy()
    policy.finishesAbandonedFlights = true
    let fixture = try Fixture(policy)
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let task = Task { try await service.call(.get("/")) }
    let call = await origin.nextCall()
    task.cancel()
    _ = await task.result
    call.respond(CacheResponse(body: "finished"))
    await fixture.events.waitFor(.stored)
    #expect(try await service.call(.get("/")).text() == "finished")
    #expect(origin.callCount == 1)
  }

  @Test func `a call that fails once is repeated once, for everybody`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let tasks = await fixture.crowd(100, origin.layer(fixture.cache))
    await origin.nextCall().fail(OriginError())
    await origin.nextCall().respond(CacheResponse(body: "second try"))
    for task in tasks { #expect(try await task.value == "200 second try") }
    #expect(origin.callCount == 2)
  }

  @Test func `a call that fails twice fails for everybody: no herd`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let tasks = await fixture.crowd(100, origin.layer(fixture.cache))
    await origin.nextCall().fail(OriginError(code: 1))
    await origin.nextCall().fail(OriginError(code: 2))
    for task in tasks { await #expect(throws: OriginError(code: 2)) { try await task.value } }
    #expect(origin.callCount == 2)
  }

  @Test func `a hundred clients on a failing origin make two calls, not a hundred`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let tasks = await fixture.crowd(100, origin.layer(fixture.cache))
    for _ in 0..<2 {
      await origin.nextCall().respond(
        CacheResponse(status: 503, fields: ["Retry-After": "7"], body: "private details"))
    }
    var bodies: [String] = []
    for task in tasks { bodies.append(try await task.value) }
    #expect(bodies.allSatisfy { $0.hasPrefix("503") })
    #expect(!bodies.contains { $0.contains("private details") }, "an error page is for whoever asked for it")
    #expect(origin.callCount == 2)
  }

  @Test(arguments: ["private", "no-store"])
  func `an uncacheable response releases all at once, and is remembered`(directive: String) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let tasks = await fixture.crowd(20, service)
    let leader = await origin.nextCall()
    leader.respond(CacheResponse(fields: ["Cache-Control": directive], body: "mine"))
    // All the others ask at once, none after another.
    var calls: [ScriptedService.Call] = []
    for _ in 0..<19 { calls.append(await origin.nextCall()) }
    for call in calls { call.respond(CacheResponse(fields: ["Cache-Control": directive], body: "mine")) }
    for task in tasks { #expect(try await task.value == "200 mine") }
    #expect(fixture.cache.statistics.bypasses == [.uncacheable: 19])
    // Later requests do not queue either, until the memory fades.
    async let one = service.call(.get("/"))
    async let two = service.call(.get("/"))
    let first = await origin.nextCall()
    let second = await origin.nextCall()
    first.respond(CacheResponse(fields: ["Cache-Control": directive], body: "1"))
    second.respond(CacheResponse(fields: ["Cache-Control": directive], body: "2"))
    #expect(try await one.outcome == .bypass(.uncacheable))
    #expect(try await two.outcome == .bypass(.uncacheable))
    fixture.advance(121)
    async let three = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(body: "3"))
    #expect(try await three.outcome == .miss(.absent))
  }

  @Test func `nobody can switch off caching for others by sending credentials (RFC 9111 §3.5)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { request, number in
      CacheResponse(body: Body("\(request.fields[.authorization] ?? "anybody") \(number)"))
    }.layer(fixture.cache)
    #expect(try await service.call(.get("/", ["Authorization": "me"])).text() == "me 1")
    #expect(try await service.call(.get("/")).text() == "anybody 2")
    #expect(try await service.call(.get("/")).outcome == .hit)
    // With what is stored expired, credentials neither remove it nor are answered with it.
    fixture.advance(61)
    #expect(try await service.call(.get("/", ["Authorization": "me"])).text() == "me 3")
    #expect(try await service.call(.get("/")).text() == "anybody 4")
    #expect(try await service.call(.get("/")).outcome == .hit)
  }

  @Test func `a resource that becomes cacheable is cached again`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { _, number in
      CacheResponse(fields: ["Cache-Control": number == 1 ? "private" : "max-age=60"], body: Body("\(number)"))
    }.layer(fixture.cache)
    let outcomes: [CacheOutcome] = [.miss(.absent), .bypass(.uncacheable), .hit, .hit]
    for outcome in outcomes { #expect(try await service.call(.get("/")).outcome == outcome) }
  }

  @Test func `waiting is bounded`() async throws {
    let fixture = try Fixture(CachePolicy(waitLimit: .seconds(3)))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let tasks = await fixture.crowd(2, service)
    let slow = await origin.nextCall()
    await fixture.clock.waitForSleepers()
    fixture.advance(3)
    await origin.nextCall().respond(CacheResponse(body: "impatient"))
    slow.respond(CacheResponse(body: "slow"))
    let texts = [try await tasks[0].value, try await tasks[1].value]
    #expect(Set(texts) == ["200 slow", "200 impatient"])
    #expect(origin.callCount == 2)
  }

  @Test func `followers whom Vary excludes make flights of their own, one for each variant`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let languages = ["de", "en", "fr"]
    let tasks = await fixture.crowd(30, origin.layer(fixture.cache)) { number in
      .get("/", ["Accept-Language": languages[number % 3]])
    }
    for _ in 0..<3 {
      let call = await origin.nextCall()
      let language = call.request.fields[.acceptLanguage] ?? ""
      call.respond(CacheResponse(fields: ["Vary": "Accept-Language"], body: Body(language)))
    }
    for (number, task) in tasks.enumerated() { #expect(try await task.value == "200 \(languages[number % 3])") }
    #expect(origin.callCount == 3)
  }

  @Test func `informational responses reach the client whose request is being answered, and nobody else who waits`()
    async throws
  {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let seen = Locked<[Int]>([])
    let tasks = await fixture.crowd(3, service) { number in
      var request = CacheRequest.get("/")
      request.fields["X-Number"] = "\(number)"
      request.onInformational = { _ in seen.withLock { $0.append(number) } }
      return request
    }
    let call = await origin.nextCall()
    let leader = Int(call.request.fields["X-Number"] ?? "")
    call.request.onInformational?(InformationalResponse(status: 103, fields: ["Link": "</style.css>"]))
    call.respond(CacheResponse(body: ""))
    for task in tasks { _ = try await task.value }
    #expect(seen.withLock { $0 } == [leader])
  }

  @Test func `an invalidation during a fill wins: delivered, but not stored`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let tasks = await fixture.crowd(3, service)
    let call = await origin.nextCall()
    await fixture.cache.removeEntry(for: .get("/"))
    // Who asks after the invalidation does not get an answer that was begun before it.
    async let later = service.call(.get("/"))
    let second = await origin.nextCall()
    call.respond(CacheResponse(body: "old"))
    for task in tasks { #expect(try await task.value == "200 old") }
    second.respond(CacheResponse(body: "new"))
    #expect(try await later.text() == "new")
    #expect(try await service.call(.get("/")).text() == "new")
    #expect(fixture.cache.statistics.refusals == [.invalidated: 1])
  }
}

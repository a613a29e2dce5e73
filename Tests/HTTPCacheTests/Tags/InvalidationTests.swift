//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Every way to invalidate, hard and soft, against everything that may be under way.
@Suite(.timeLimit(.minutes(5))) struct InvalidationTests {
  /// A way to invalidate `/p/1`, which has the tags x and y.
  struct Way: Sendable, CustomTestStringConvertible {
    var name: String
    /// Whether it says what it concerns by tags, so that it is not known before the answer is there.
    var isByTags = false
    var invalidate: @Sendable (CacheLayer, CacheInvalidation.Mode) async -> InvalidationReceipt
    var testDescription: String { name }
  }

  static let key = CacheKey(scheme: "http", authority: "example.com", target: "/p/1")

  static let ways: [Way] = [
    Way(name: "request") { await $0.invalidate(CacheRequest.get("/p/1"), mode: $1) },
    Way(name: "key") { await $0.invalidate(key: key, mode: $1) },
    Way(name: "tag", isByTags: true) { await $0.invalidate(tag: "x", mode: $1) },
    Way(name: "any tag", isByTags: true) { await $0.invalidate(anyOf: ["z", "y"], mode: $1) },
    Way(name: "all tags", isByTags: true) { await $0.invalidate(allOf: ["y", "x"], mode: $1) },
    Way(name: "path prefix") { await $0.invalidate(pathPrefix: "/p/", mode: $1) },
    Way(name: "predicate on the key") { await $0.invalidate(mode: $1) { other, _ in other.primary == key } },
    Way(name: "predicate on the tags", isByTags: true) {
      await $0.invalidate(mode: $1) { _, tags in tags.contains("y") }
    },
    Way(name: "everything") { await $0.invalidateAll(mode: $1) },
  ]

  /// Ways that do not concern it.
  static let others: [Way] = [
    Way(name: "another request") { await $0.invalidate(CacheRequest.get("/p/2"), mode: $1) },
    Way(name: "another tag") { await $0.invalidate(tag: "z", mode: $1) },
    Way(name: "a tag too many") { await $0.invalidate(allOf: ["x", "z"], mode: $1) },
    Way(name: "another prefix") { await $0.invalidate(pathPrefix: "/q", mode: $1) },
    Way(name: "another predicate") { await $0.invalidate(mode: $1) { _, _ in false } },
  ]

  static let modes: [CacheInvalidation.Mode] = [.hard, .soft]

  static func response(_ text: String, _ fields: HeaderFields = [:]) -> CacheResponse {
    var response = CacheResponse(fields: ["Cache-Tag": "x, y", "Cache-Control": "max-age=60"], body: Body(text))
    for field in fields { response.fields[field.name] = field.value }
    return response
  }

  private static let windows: HeaderFields = [
    "Cache-Control": "max-age=60, stale-while-revalidate=30, stale-if-error=60"
  ]

  private func filled(_ fields: HeaderFields = [:]) async throws -> (
    Fixture, ScriptedService, Layered<CacheLayer, ScriptedService>
  ) {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/p/1"))
    await origin.nextCall().respond(Self.response("old", fields))
    _ = try await first.text()
    return (fixture, origin, service)
  }

  // MARK: What is stored

  @Test(arguments: ways) func `hard: what is stored is gone`(_ way: Way) async throws {
    let (fixture, origin, service) = try await filled(Self.windows)
    let receipt = await way.invalidate(fixture.cache, .hard)
    #expect(receipt.isComplete)
    #expect(receipt.entryCount == 1 || way.isByTags && receipt.entryCount == nil)
    async let next = service.call(.get("/p/1"))
    await origin.nextCall().respond(Self.response("new"))
    #expect(try await next.outcome == .miss(.absent))
    #expect(try await next.text() == "new")
    #expect(try await service.call(.get("/p/1")).text() == "new")
  }

  @Test(arguments: ways) func `soft: what is stored is stale since then, and still good for what stale is good for`(
    _ way: Way
  ) async throws {
    let (fixture, origin, service) = try await filled(Self.windows)
    fixture.advance(10)
    _ = await way.invalidate(fixture.cache, .soft)
    // In the window, while it is refreshed.
    let stale = try await service.call(.get("/p/1"))
    #expect(stale.outcome == .stale(.whileRevalidating))
    #expect(try await stale.text() == "old")
    await origin.nextCall().fail(OriginError())
    await fixture.events.waitFor(.refreshFailed)
    // The window began when it was invalidated, not when it would have expired.
    fixture.advance(29)
    #expect(try await service.call(.get("/p/1")).outcome == .stale(.whileRevalidating))
    await origin.nextCall().fail(OriginError())
    await eventually { fixture.cache.statistics.failedRefreshes == 2 }
    fixture.advance(12)
    // Beyond it, it still helps against an error.
    async let failed = service.call(.get("/p/1"))
    await origin.nextCall().fail(OriginError())
    #expect(try await failed.outcome == .stale(.ifError))
    // The cache asks for itself whether the origin fails for all.
    await origin.nextCall().fail(OriginError())
    await eventually { fixture.cache.statistics.failedRefreshes == 3 }
    fixture.advance(20)
    async let next = service.call(.get("/p/1"))
    await origin.nextCall().respond(Self.response("new"))
    #expect(try await next.text() == "new")
    #expect(try await service.call(.get("/p/1")).outcome == .hit)
  }

  @Test(arguments: others, modes) func `nothing else is concerned`(_ way: Way, mode: CacheInvalidation.Mode)
    async throws
  {
    let (fixture, _, service) = try await filled()
    _ = await way.invalidate(fixture.cache, mode)
    #expect(try await service.call(.get("/p/1")).outcome == .hit)
  }

  @Test(arguments: ways, modes) func `all variants go with their resource`(
    _ way: Way, mode: CacheInvalidation.Mode
  ) async throws {
    let (fixture, origin, service) = try await filled(["Vary": "Accept-Language"])
    async let german = service.call(.get("/p/1", ["Accept-Language": "de"]))
    await origin.nextCall().respond(Self.response("alt", ["Vary": "Accept-Language"]))
    _ = try await german
    _ = await way.invalidate(fixture.cache, mode)
    for (language, text) in [("de", "neu"), ("", "new")] {
      let request = CacheRequest.get("/p/1", language.isEmpty ? [:] : ["Accept-Language": language])
      async let next = service.call(request)
      await origin.nextCall().respond(Self.response(text, ["Vary": "Accept-Language"]))
      #expect(try await next.text() == text)
      #expect(try await service.call(request).outcome == .hit)
    }
  }

  // MARK: What is under way

  @Test(arguments: ways, modes) func `a fill in flight is delivered to those who waited, and to nobody else`(
    _ way: Way, mode: CacheInvalidation.Mode
  ) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let leader = service.call(.get("/p/1"))
    let call = await origin.nextCall()
    async let follower = service.call(.get("/p/1"))
    await fixture.cache.waitForWaiters(2)
    let receipt = await way.invalidate(fixture.cache, mode)
    #expect(receipt.flightCount == (way.isByTags ? 0 : 1))
    // Comes later: waits with the others if it cannot be known yet, but does not get what they get.
    async let late = service.call(.get("/p/1"))
    let second: ScriptedService.Call
    if way.isByTags {
      await fixture.cache.waitForWaiters(3)
      call.respond(Self.response("old"))
      second = await origin.nextCall()
    } else {
      second = await origin.nextCall()
      call.respond(Self.response("old"))
    }
    #expect(try await leader.text() == "old")
    #expect(try await follower.text() == "old")
    second.respond(Self.response("new"))
    #expect(try await late.text() == "new")
    #expect(try await service.call(.get("/p/1")).text() == "new")
    #expect(origin.callCount == 2)
  }

  @Test(arguments: others, modes) func `a fill in flight is shared when an invalidation does not concern it`(
    _ way: Way, mode: CacheInvalidation.Mode
  ) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let leader = service.call(.get("/p/1"))
    let call = await origin.nextCall()
    _ = await way.invalidate(fixture.cache, mode)
    async let late = service.call(.get("/p/1"))
    await fixture.cache.waitForWaiters(2)
    call.respond(Self.response("old"))
    #expect(try await leader.text() == "old")
    #expect(try await late.text() == "old")
    #expect(try await service.call(.get("/p/1")).outcome == .hit)
    #expect(origin.callCount == 1)
  }

  @Test(arguments: ways, modes) func `a body under way goes to its readers, is not joined any more, and not stored`(
    _ way: Way, mode: CacheInvalidation.Mode
  ) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let answered = service.call(.get("/p/1"))
    let channel = BodyChannel()
    var head = Self.response("")
    head.body = channel.body
    await origin.nextCall().respond(head)
    let leader = try await answered
    _ = await channel.write("ol")
    let follower = try await service.call(.get("/p/1"))
    #expect(follower.outcome == .collapsed)
    _ = await way.invalidate(fixture.cache, mode)
    async let late = service.call(.get("/p/1"))
    await origin.nextCall().respond(Self.response("new"))
    #expect(try await late.text() == "new")
    _ = await channel.write("d")
    channel.finish()
    #expect(try await leader.text() == "old")
    #expect(try await follower.text() == "old")
    await fixture.events.waitFor(.refused(.invalidated))
    // What came later stays, although what was invalidated has ended after it.
    let stored = try await service.call(.get("/p/1"))
    #expect(stored.outcome == .hit)
    #expect(try await stored.text() == "new")
  }

  @Test func `while tags may still come, a body under way is not joined after any invalidation; else it is`()
    async throws
  {
    for ambience in [TagPolicy.Ambience.untilBodyEnds, .untilBodyBegins, .none] {
      var policy = CachePolicy()
      policy.tags.ambience = ambience
      let fixture = try Fixture(policy)
      let origin = ScriptedService()
      let service = origin.layer(fixture.cache)
      async let answered = service.call(.get("/p/1"))
      let channel = BodyChannel()
      var head = Self.response("")
      head.body = channel.body
      await origin.nextCall().respond(head)
      let leader = try await answered
      await fixture.cache.invalidate(tag: "z")
      async let late = service.call(.get("/p/1"))
      if ambience == .untilBodyEnds {
        await origin.nextCall().respond(Self.response("own"))
        #expect(try await late.text() == "own")
      } else {
        #expect(try await late.outcome == .collapsed)
      }
      channel.finish()
      _ = try await (leader.text(), late.text())
    }
  }

  @Test(arguments: ways, modes) func `a revalidation in flight confirms nothing that was invalidated meanwhile`(
    _ way: Way, mode: CacheInvalidation.Mode
  ) async throws {
    let (fixture, origin, service) = try await filled(["ETag": "\"1\""])
    fixture.advance(61)
    async let leader = service.call(.get("/p/1"))
    let call = await origin.nextCall()
    #expect(call.request.fields[.ifNoneMatch] == "\"1\"")
    _ = await way.invalidate(fixture.cache, mode)
    async let late = service.call(.get("/p/1"))
    if way.isByTags { await fixture.cache.waitForWaiters(2) }
    call.respond(CacheResponse(status: 304, fields: ["ETag": "\"1\""]))
    #expect(try await leader.outcome == .revalidated)
    await origin.nextCall().respond(Self.response("new"))
    #expect(try await late.text() == "new")
    #expect(try await service.call(.get("/p/1")).text() == "new")
  }

  @Test(arguments: ways, modes) func `an answer to HEAD in flight confirms nothing that was invalidated meanwhile`(
    _ way: Way, mode: CacheInvalidation.Mode
  ) async throws {
    let (fixture, origin, service) = try await filled(["ETag": "\"1\""])
    fixture.advance(61)
    var request = CacheRequest.get("/p/1")
    request.method = .head
    let asked = request
    async let head = service.call(asked)
    let call = await origin.nextCall()
    _ = await way.invalidate(fixture.cache, mode)
    call.respond(CacheResponse(fields: ["ETag": "\"1\"", "Cache-Control": "max-age=60"]))
    _ = try await head
    async let next = service.call(.get("/p/1"))
    await origin.nextCall().respond(Self.response("new"))
    #expect(try await next.text() == "new")
  }

  @Test func `an answer to HEAD without validators revives nothing that was said to be stale`() async throws {
    let (fixture, origin, service) = try await filled()
    await fixture.cache.invalidate(tag: "x", mode: .soft)
    var request = CacheRequest.get("/p/1")
    request.method = .head
    let asked = request
    async let head = service.call(asked)
    await origin.nextCall().respond(CacheResponse(fields: ["Content-Length": "3", "Cache-Control": "max-age=60"]))
    _ = try await head
    async let next = service.call(.get("/p/1"))
    await origin.nextCall().respond(Self.response("new"))
    #expect(try await next.text() == "new")
  }

  @Test func `a HEAD that is answered stale has the response refreshed for everybody`() async throws {
    let (fixture, origin, service) = try await filled(Self.windows)
    await fixture.cache.invalidate(tag: "x", mode: .soft)
    var request = CacheRequest.get("/p/1")
    request.method = .head
    #expect(try await service.call(request).outcome == .stale(.whileRevalidating))
    let call = await origin.nextCall()
    #expect(call.request.method == .get)
    call.respond(Self.response("new"))
    try await eventually { try await service.call(.get("/p/1")).outcome == .hit }
    #expect(try await service.call(.get("/p/1")).text() == "new")
  }

  @Test(arguments: ways) func `parts that are being completed are not put together with what was invalidated meanwhile`(
    _ way: Way
  ) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    func part(_ range: String, _ body: String) -> CacheResponse {
      var response = Self.response(body, ["ETag": "\"1\"", "Content-Range": "bytes \(range)/6"])
      response.status = 206
      return response
    }
    async let first = service.call(.get("/p/1", ["Range": "bytes=0-2"]))
    await origin.nextCall().respond(part("0-2", "old"))
    #expect(try await first.text() == "old")
    async let second = service.call(.get("/p/1", ["Range": "bytes=0-5"]))
    let call = await origin.nextCall()
    #expect(call.request.fields[.range] == "bytes=3-")
    _ = await way.invalidate(fixture.cache, .hard)
    call.respond(part("3-5", "er."))
    #expect(try await second.text() == "older.")
    async let next = service.call(.get("/p/1", ["Range": "bytes=0-5"]))
    let fresh = await origin.nextCall()
    #expect(fresh.request.fields[.range] == "bytes=0-5")
    fresh.respond(part("0-5", "newer."))
    #expect(try await next.text() == "newer.")
  }

  @Test(arguments: [("x", false), ("z", true)])
  func `an answer to POST is stored unless others invalidated it meanwhile`(
    tag: String, isStored: Bool
  ) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let posted = service.call(CacheRequest(method: .post, authority: "example.com", target: "/p/1", body: "b"))
    let call = await origin.nextCall()
    await fixture.cache.invalidate(tag: tag)
    call.respond(Self.response("posted", ["Content-Location": "/p/1"]))
    #expect(try await posted.text() == "posted")
    if isStored {
      try await eventually { try await service.call(.get("/p/1")).text() == "posted" }
    } else {
      async let next = service.call(.get("/p/1"))
      await origin.nextCall().respond(Self.response("new"))
      #expect(try await next.text() == "new")
    }
  }

  @Test func `an answer to POST is stored although it invalidates its own tags itself`() async throws {
    let fixture = try Fixture()
    let service = Handler { request in
      CacheTags.add("x")
      CacheTags.invalidate("x")
      return CacheResponse(
        fields: ["Cache-Control": "max-age=60", "Content-Location": "/p/1"], body: Body("\(request.method)"))
    }.layer(fixture.cache)
    _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/p/1", body: "b")).text()
    await eventually { fixture.cache.statistics.stores == 1 }
    let stored = try await service.call(.get("/p/1"))
    #expect(try await stored.text() == "POST")
    await fixture.cache.invalidate(tag: "x")
    #expect(try await service.call(.get("/p/1")).text() == "GET")
  }

  @Test func `what is known not to be cacheable makes no difference`() async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin(["Cache-Control": "no-store"])
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/p/1"))
    #expect(try await service.call(.get("/p/1")).outcome == .bypass(.uncacheable))
    await fixture.cache.invalidate(CacheRequest.get("/p/1"))
    #expect(try await service.call(.get("/p/1")).text() == "answer 3")
  }

  @Test func `a soft invalidation makes no herd: all who look at once get the stale response`() async throws {
    let (fixture, origin, service) = try await filled(Self.windows)
    await fixture.cache.invalidate(tag: "x", mode: .soft)
    let outcomes = try await withThrowingTaskGroup(of: CacheOutcome?.self) { group in
      for _ in 0..<200 { group.addTask { try await service.call(.get("/p/1")).outcome } }
      return try await group.reduce(into: Set<CacheOutcome?>()) { $0.insert($1) }
    }
    #expect(outcomes == [.stale(.whileRevalidating)])
    await origin.nextCall().respond(Self.response("new"))
    try await eventually { try await service.call(.get("/p/1")).outcome == .hit }
    #expect(origin.callCount == 2)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Tags added by what a handler calls.
@Suite(.timeLimit(.minutes(5))) struct AmbientTagTests {
  /// Whether what `service` answers to `request` depends on `tag`.
  private func depends(
    _ tag: String, _ cache: CacheLayer, _ service: some Service<CacheRequest, CacheResponse>,
    _ request: CacheRequest = .get("/")
  ) async throws -> Bool {
    _ = try await service.call(request).text()
    try await eventually { try await service.call(request).outcome == .hit }
    await cache.invalidate(tag: tag)
    return try await service.call(request).outcome == .miss(.absent)
  }

  @Test func `from the handler, its child tasks, task groups and tasks of its own`() async throws {
    let fixture = try Fixture()
    let service = Handler { _ in
      CacheTags.add("handler")
      async let child: Void = { CacheTags.add("child") }()
      await child
      await withTaskGroup { group in
        for number in 0..<3 { group.addTask { CacheTags.add(["group:\(number)"]) } }
      }
      await Task { CacheTags.add("task") }.value
      await Task.detached { CacheTags.add("detached") }.value
      return CacheResponse(body: "x")
    }.layer(fixture.cache)
    for tag in ["handler", "child", "group:0", "group:1", "group:2", "task"] {
      #expect(try await depends(tag, fixture.cache, service), "\(tag)")
    }
    #expect(try await depends("detached", fixture.cache, service) == false)
  }

  @Test func `outside of any cache it does nothing`() async throws {
    CacheTags.add("nobody")
    #expect(CacheTags.invalidate("nobody") == false)
    let fixture = try Fixture()
    let service = CountingOrigin().layer(fixture.cache)
    #expect(try await depends("nobody", fixture.cache, service) == false)
  }

  @Test func `while the body is under way, from the source that is read and from the task that writes`() async throws {
    let fixture = try Fixture()
    final class Source: BodySource {
      let count = Counter()
      func next() async throws -> Bytes? {
        CacheTags.add("read:\(count.increment())")
        return count.value > 2 ? nil : "x"
      }
    }
    let pulled = Handler { _ in CacheResponse(body: Body(Source())) }.layer(fixture.cache)
    #expect(try await depends("read:2", fixture.cache, pulled))
    #expect(try await depends("read:3", fixture.cache, pulled))
    let pushed = Handler { _ in
      let channel = BodyChannel()
      Task {
        _ = await channel.write("x")
        CacheTags.add("written")
        channel.finish()
      }
      return CacheResponse(body: channel.body)
    }.layer(fixture.cache)
    #expect(try await depends("written", fixture.cache, pushed, .get("/pushed")))
  }

  @Test func `a body whose late tags are not wanted is not stored`() async throws {
    var policy = CachePolicy()
    policy.tags.ambience = .untilBodyBegins
    let fixture = try Fixture(policy)
    // Whoever writes may otherwise be quicker than the handler returns, and not late at all.
    let gate = TestGate()
    gate.close()
    let service = Handler { request in
      CacheTags.add("early")
      let channel = BodyChannel()
      Task {
        _ = await channel.write("x")
        if request.target == "/late" {
          await gate.pass()
          CacheTags.add("late")
        }
        channel.finish()
      }
      return CacheResponse(body: channel.body)
    }.layer(fixture.cache)
    let response = try await service.call(.get("/late"))
    gate.open()
    #expect(try await response.text() == "x")
    await fixture.events.waitFor(.refused(.tags))
    #expect(fixture.backend.statistics.entryCount == 0)
    #expect(try await depends("early", fixture.cache, service, .get("/early")))
  }

  @Test func `too many, or others than are permitted: delivered, not stored`() async throws {
    let fixture = try Fixture()
    let service = Handler { request in
      if request.target == "/many" { for number in 0..<10_000 { CacheTags.add("t\(number)") } }
      if request.target == "/other" { CacheTags.add("not permitted") }
      return CacheResponse(body: "x")
    }.layer(fixture.cache)
    #expect(try await service.call(.get("/many")).text() == "x")
    #expect(try await service.call(.get("/other")).text() == "x")
    #expect(fixture.cache.statistics.refusals == [.tags: 2])
    #expect(fixture.backend.statistics.entryCount == 0)
  }

  @Test func `a failed attempt leaves no tags behind`() async throws {
    let fixture = try Fixture()
    let gate = ScriptedService()
    let service = Handler { request in
      let number = request.fields["Accept-Language"] ?? ""
      CacheTags.add("attempt:\(number)")
      return try await gate.call(request)
    }.layer(fixture.cache)
    async let first = service.call(.get("/", ["Accept-Language": "1"]))
    let failing = await gate.nextCall()
    async let second = service.call(.get("/", ["Accept-Language": "2"]))
    await fixture.cache.waitForWaiters(2)
    failing.fail(OriginError())
    await gate.nextCall().respond(CacheResponse(body: "x"))
    _ = try await (first, second)
    await fixture.cache.invalidate(tag: "attempt:1")
    #expect(try await service.call(.get("/")).outcome == .hit)
    await fixture.cache.invalidate(tag: "attempt:2")
    async let third = service.call(.get("/"))
    await gate.nextCall().respond(CacheResponse(body: "y"))
    #expect(try await third.text() == "y")
  }

  // MARK: Caches within caches

  /// An outer cache for pages, an inner one for what they are made of.
  private struct Nested {
    let outer: Fixture
    let inner: Fixture
    let fragments: Layered<CacheLayer, ScriptedService>
    let origin = ScriptedService()
    let pages: Layered<CacheLayer, Handler>

    init(_ innerPolicy: CachePolicy = CachePolicy()) throws {
      outer = try Fixture()
      inner = try Fixture(innerPolicy)
      let fragments = origin.layer(inner.cache)
      self.fragments = fragments
      pages = Handler { request in
        let fragment = try await fragments.call(.get("/fragment"))
        return CacheResponse(body: Body("\(request.target): \(try await fragment.text())"))
      }.layer(outer.cache)
    }

    func fill(_ response: CacheResponse = CacheResponse(fields: ["Cache-Tag": "fragment"], body: "x")) async throws {
      async let filled = fragments.call(.get("/fragment"))
      await origin.nextCall().respond(response)
      _ = try await filled.text()
    }

    /// Whether the page goes when the fragment's tag is invalidated in the outer cache.
    func bubbles(_ page: String) async throws -> Bool {
      #expect(try await pages.call(.get(page)).outcome == .hit)
      await outer.cache.invalidate(tag: "fragment")
      let next = try await pages.call(.get(page))
      return next.outcome == .miss(.absent)
    }
  }

  @Test func `a hit within bubbles up, also the very first that there ever was`() async throws {
    let nested = try Nested()
    try await nested.fill()
    #expect(try await nested.pages.call(.get("/page")).text() == "/page: x")
    #expect(try await nested.bubbles("/page"))
    #expect(nested.inner.cache.statistics.hits == 2)
  }

  @Test func `a miss within bubbles up`() async throws {
    let nested = try Nested()
    async let page = nested.pages.call(.get("/page"))
    await nested.origin.nextCall().respond(CacheResponse(fields: ["Cache-Tag": "fragment"], body: "x"))
    #expect(try await page.text() == "/page: x")
    #expect(try await nested.bubbles("/page"))
  }

  @Test func `a stale answer within bubbles up`() async throws {
    var policy = CachePolicy(timeToLive: .seconds(10))
    policy.staleWhileRevalidate = .seconds(100)
    let nested = try Nested(policy)
    try await nested.fill()
    nested.inner.advance(20)
    #expect(try await nested.pages.call(.get("/page")).text() == "/page: x")
    #expect(nested.inner.cache.statistics.stale == [.whileRevalidating: 1])
    #expect(try await nested.bubbles("/page"))
    await nested.origin.nextCall().respond(CacheResponse(body: "y"))
  }

  @Test func `a collapsed answer within bubbles up to every page that waited for it, also tags that come late`()
    async throws
  {
    let nested = try Nested()
    async let first = nested.pages.call(.get("/first"))
    let call = await nested.origin.nextCall()
    async let second = nested.pages.call(.get("/second"))
    await nested.inner.cache.waitForWaiters(2)
    let channel = BodyChannel()
    call.respond(CacheResponse(fields: ["Cache-Tag": "fragment"], body: channel.body))
    _ = await channel.write("x")
    // Joins the body that is under way.
    async let third = nested.pages.call(.get("/third"))
    await eventually { nested.inner.cache.statistics.collapsed == 2 }
    channel.finish()
    _ = try await (first.text(), second.text(), third.text())
    for page in ["/first", "/second", "/third"] {
      #expect(try await nested.pages.call(.get(page)).outcome == .hit)
    }
    await nested.outer.cache.invalidate(tag: "fragment")
    for page in ["/first", "/second", "/third"] {
      #expect(try await nested.pages.call(.get(page)).outcome == .miss(.absent), "\(page)")
    }
  }

  @Test func `a confirmed and an uncacheable answer within bubble up`() async throws {
    let nested = try Nested()
    try await nested.fill(
      CacheResponse(fields: ["Cache-Tag": "fragment", "Cache-Control": "max-age=10", "ETag": "\"1\""], body: "x"))
    nested.inner.advance(20)
    async let page = nested.pages.call(.get("/page"))
    await nested.origin.nextCall().respond(CacheResponse(status: 304, fields: ["ETag": "\"1\""]))
    #expect(try await page.text() == "/page: x")
    #expect(try await nested.bubbles("/page"))

    let uncacheable = try Nested()
    async let other = uncacheable.pages.call(.get("/page"))
    await uncacheable.origin.nextCall().respond(
      CacheResponse(fields: ["Cache-Tag": "fragment", "Cache-Control": "no-store"], body: "x"))
    _ = try await other
    #expect(try await uncacheable.pages.call(.get("/page")).outcome == .hit)
    await uncacheable.outer.cache.invalidate(tag: "fragment")
    async let again = uncacheable.pages.call(.get("/page"))
    await uncacheable.origin.nextCall().respond(CacheResponse(body: "y"))
    #expect(try await again.text() == "/page: y")
  }

  // MARK: Invalidations from within

  @Test(arguments: [(200, true), (303, true), (404, false), (500, false)])
  func `a handler invalidates when it has succeeded, before anybody gets the response`(
    status: Int, isDone: Bool
  ) async throws {
    let fixture = try Fixture()
    let service = Handler { request in
      guard request.method == .post else { return CacheResponse(fields: ["Cache-Tag": "product:1"], body: "x") }
      #expect(CacheTags.invalidate("product:1"))
      return CacheResponse(status: status, body: "done")
    }.layer(fixture.cache)
    _ = try await service.call(.get("/product"))
    _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/rename"))
    #expect(try await service.call(.get("/product")).outcome == (isDone ? .miss(.absent) : .hit))
  }

  @Test func `a handler that throws has invalidated nothing`() async throws {
    let fixture = try Fixture()
    let service = Handler { request in
      guard request.method == .post else { return CacheResponse(fields: ["Cache-Tag": "product:1"], body: "x") }
      CacheTags.invalidate("product:1")
      throw OriginError()
    }.layer(fixture.cache)
    _ = try await service.call(.get("/product"))
    await #expect(throws: OriginError.self) {
      try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/rename"))
    }
    #expect(try await service.call(.get("/product")).outcome == .hit)
  }

  @Test func `every cache further out invalidates too`() async throws {
    let (outer, inner) = (try Fixture(), try Fixture())
    let service = Handler { request in
      guard request.method == .post else { return CacheResponse(fields: ["Cache-Tag": "product:1"], body: "x") }
      CacheTags.invalidate("product:1", mode: .soft)
      return CacheResponse(body: "done")
    }.layer(outer.cache).layer(inner.cache)
    _ = try await service.call(.get("/product"))
    _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/rename"))
    #expect(outer.cache.statistics.invalidations == 2)
    #expect(inner.cache.statistics.invalidations == 2)
    let next = try await service.call(.get("/product"))
    #expect(next.outcome != .hit)
  }

  @Test func `an invalidation while the body is under way is carried out at once`() async throws {
    let fixture = try Fixture()
    let gate = ScriptedService()
    let service = Handler { request in
      guard request.target == "/job" else { return CacheResponse(fields: ["Cache-Tag": "product:1"], body: "x") }
      let channel = BodyChannel()
      Task {
        _ = try await gate.call(request)
        CacheTags.invalidate("product:1")
        _ = await channel.write("done")
        channel.finish()
      }
      return CacheResponse(body: channel.body)
    }.layer(fixture.cache)
    _ = try await service.call(.get("/product"))
    let job = try await service.call(.get("/job"))
    #expect(try await service.call(.get("/product")).outcome == .hit)
    await gate.nextCall().respond(CacheResponse())
    #expect(try await job.text() == "done")
    await fixture.events.waitFor(.invalidated)
    await eventually { fixture.cache.statistics.invalidations == 1 }
    try await eventually { try await service.call(.get("/product")).outcome == .miss(.absent) }
  }
}

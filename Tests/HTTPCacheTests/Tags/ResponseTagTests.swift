//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Where the tags of a response come from, and what becomes of the fields and of what is not permitted.
@Suite(.timeLimit(.minutes(5))) struct ResponseTagTests {
  @Test func `tags come from fields and from the extractor`() async throws {
    var policy = CachePolicy()
    policy.tags.extract = { request, response in ["path:\(request.path)", "status:\(response.status)"] }
    let fixture = try Fixture(policy)
    let origin = CountingOrigin([
      "Cache-Tag": "one, two", "Surrogate-Key": "three four", "Cache-Groups": "\"five\"",
    ])
    let service = origin.layer(fixture.cache)
    for tag in [
      "one", "two", "three", "four", "path:/", "status:200",
      CacheTags.group("five", scheme: "http", authority: "example.com"),
    ] {
      _ = try await service.call(.get("/"))
      #expect(try await service.call(.get("/")).outcome == .hit)
      await fixture.cache.invalidate(tag: tag)
      #expect(try await service.call(.get("/")).outcome == .miss(.absent), "\(tag)")
    }
  }

  @Test(
    arguments: [
      ([TagPolicy.Field.cacheGroups], ["Cache-Groups"]), ([], []),
      ([.cacheTag, .surrogateKey, .cacheGroups], ["Cache-Tag", "Surrogate-Key", "Cache-Groups"]),
    ] as [(Set<TagPolicy.Field>, [HeaderName])])
  func `nobody sees the fields that are not passed on`(passedOn: Set<TagPolicy.Field>, names: [HeaderName]) async throws
  {
    var policy = CachePolicy()
    policy.tags.passedOn = passedOn
    let fixture = try Fixture(policy)
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    func seen(_ response: CacheResponse) -> Set<HeaderName> {
      Set(["Cache-Tag", "Surrogate-Key", "Cache-Groups"].filter { response.fields.contains($0) })
    }
    let fields: HeaderFields = ["Cache-Tag": "a", "Surrogate-Key": "b", "Cache-Groups": "\"c\"", "ETag": "\"1\""]
    func answer(_ status: Int = 200, _ cacheControl: String = "max-age=10") -> CacheResponse {
      var response = CacheResponse(status: status, fields: fields, body: "x")
      response.fields[.cacheControl] = cacheControl
      return response
    }
    // The leader, a follower, a hit.
    async let leader = service.call(.get("/"))
    let call = await origin.nextCall()
    async let follower = service.call(.get("/"))
    await fixture.cache.waitForWaiters(2)
    call.respond(answer())
    #expect(try await seen(leader) == Set(names))
    #expect(try await seen(follower) == Set(names))
    #expect(try await seen(service.call(.get("/"))) == Set(names))
    // A confirmation, whose tags count.
    fixture.advance(11)
    async let confirmed = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(status: 304, fields: ["ETag": "\"1\"", "Cache-Tag": "later"]))
    #expect(try await confirmed.outcome == .revalidated)
    #expect(try await seen(confirmed) == Set(names))
    await fixture.cache.invalidate(tag: "later")
    async let again = service.call(.get("/"))
    await origin.nextCall().respond(answer())
    #expect(try await again.outcome == .miss(.absent))
    // What is not stored, what passes, what fails.
    for (method, response) in [
      (RequestMethod.get, answer(200, "no-store")), (.head, answer()), (.post, answer()), (.get, answer(500)),
    ] {
      async let passed = service.call(CacheRequest(method: method, authority: "example.com", target: "/x"))
      await origin.nextCall().respond(response)
      #expect(try await seen(passed) == Set(names), "\(method)")
    }
  }

  @Test(arguments: [
    ("Cache-Tag", "no space"), ("Cache-Tag", String(repeating: "x", count: 300)),
    ("Surrogate-Key", (0..<200).map { "t\($0)" }.joined(separator: " ")), ("Surrogate-Key", "ünicode"),
  ])
  func `a response with other tags than are permitted is delivered and not stored`(
    name: String, value: String
  ) async throws {
    let fixture = try Fixture()
    let field = try #require(HeaderName(name))
    let origin = CountingOrigin([field: value])
    let service = origin.layer(fixture.cache)
    #expect(try await service.call(.get("/")).text() == "answer 1")
    #expect(try await service.call(.get("/")).text() == "answer 2")
    #expect(fixture.cache.statistics.refusals == [.tags: 1])
    let event = await fixture.events.waitFor(.refused(.tags))
    #expect(event.error is CacheTagError)
    #expect(fixture.backend.statistics.entryCount == 0)
  }

  @Test func `a confirmation with tags that are not permitted ends what is stored`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "max-age=10", "ETag": "\"1\""], body: "x"))
    _ = try await first
    fixture.advance(11)
    async let second = service.call(.get("/"))
    await origin.nextCall().respond(
      CacheResponse(status: 304, fields: ["ETag": "\"1\"", "Cache-Tag": "not permitted"]))
    #expect(try await second.text() == "x")
    #expect(fixture.backend.statistics.entryCount == 0)
  }
}

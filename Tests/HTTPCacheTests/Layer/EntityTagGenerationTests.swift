//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Where a handler gives no validator, one is made of the body.
@Suite(.timeLimit(.minutes(5))) struct EntityTagGenerationTests {
  private func policy() -> CachePolicy {
    var policy = CachePolicy(timeToLive: .seconds(10))
    policy.generatesEntityTags = true
    return policy
  }

  @Test func `a client that has it gets 304, from the first answer on`() async throws {
    let fixture = try Fixture(policy())
    let service = CountingOrigin { _, _ in CacheResponse(body: "same") }.layer(fixture.cache)
    let first = try await service.call(.get("/"))
    let tag = try #require(first.fields[.etag])
    #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
    let again = try await service.call(.get("/", ["If-None-Match": tag]))
    #expect(again.status == 304)
    #expect(again.fields[.etag] == tag)
    fixture.advance(20)
    // The handler knows nothing of the tag, and makes everything anew; the client still learns that nothing has changed.
    let refreshed = try await service.call(.get("/", ["If-None-Match": tag]))
    #expect(refreshed.status == 304)
  }

  @Test func `another body has another tag, and the same in another coding too`() async throws {
    let fixture = try Fixture(policy())
    let service = CountingOrigin { request, _ in
      request.target == "/gzip"
        ? CacheResponse(fields: ["Content-Encoding": "gzip"], body: "same")
        : CacheResponse(body: request.target == "/other" ? "another" : "same")
    }.layer(fixture.cache)
    var tags: Set<String> = []
    for target in ["/", "/other", "/gzip"] {
      tags.insert(try #require(try await service.call(.get(target)).fields[.etag]))
    }
    #expect(tags.count == 3)
    #expect(try await service.call(.get("/same?")).fields[.etag].map(tags.contains) == true)
  }

  @Test func `a handler's own validators are left alone, and so are responses that are not 200`() async throws {
    let fixture = try Fixture(policy())
    let service = CountingOrigin { request, _ in
      switch request.target {
      case "/tag": CacheResponse(fields: ["ETag": "W/\"mine\""], body: "a")
      case "/date": CacheResponse(fields: ["Last-Modified": "Tue, 01 Jan 2019 00:00:00 GMT"], body: "a")
      default: CacheResponse(status: 404, body: "a")
      }
    }.layer(fixture.cache)
    for _ in 0..<2 {
      #expect(try await service.call(.get("/tag")).fields.filter { $0.known == .etag }.count == 1)
      #expect(try await service.call(.get("/date")).fields[.etag] == nil)
      #expect(try await service.call(.get("/none")).fields[.etag] == nil)
    }
  }

  @Test func `a refresh whose body is the same keeps the body's memory, and renews the times`() async throws {
    let fixture = try Fixture(policy())
    let service = CountingOrigin { _, number in
      CacheResponse(fields: ["X-Call": "\(number)"], body: Body(String(repeating: "x", count: 1_000)))
    }.layer(fixture.cache)
    let before = try await service.call(.get("/")).body.bytes
    _ = before
    let stored = try await service.call(.get("/"))
    fixture.advance(20)
    #expect(try await service.call(.get("/")).outcome == .miss(.stale))
    let renewed = try await service.call(.get("/"))
    #expect(renewed.outcome == .hit)
    #expect(renewed.fields["X-Call"] == "2")
    let old = try #require(stored.body.bytes)
    let new = try #require(renewed.body.bytes)
    #expect(old.withUnsafeBytes(\.baseAddress) == new.withUnsafeBytes(\.baseAddress))
  }

  @Test func `streams get theirs when they are stored`() async throws {
    let fixture = try Fixture(policy())
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let channel = BodyChannel()
    async let first = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(body: channel.body))
    let response = try await first
    async let text = response.text()
    #expect(await channel.write("piece"))
    channel.finish()
    #expect(try await text == "piece")
    let hit = try await service.call(.get("/"))
    #expect(hit.outcome == .hit)
    let tag = try #require(hit.fields[.etag])
    #expect(try await service.call(.get("/", ["If-None-Match": tag])).status == 304)
  }
}

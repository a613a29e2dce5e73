//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct CacheLayerTests {
  @Test func `a miss, hits with Age and Cache-Status, and an expiry`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(60)))
    let service = CountingOrigin(["Content-Type": "text/plain"]).layer(fixture.cache)

    let miss = try await service.call(.get("/"))
    #expect(miss.outcome == .miss(.absent))
    #expect(miss.fields[.cacheStatus]?.hasPrefix("swift-http-cache; fwd=uri-miss") == true, "\(miss.fields)")
    #expect(miss.fields[.age] == nil)

    fixture.advance(10)
    let hit = try await service.call(.get("/"))
    #expect(hit.outcome == .hit)
    #expect(try await hit.text() == "answer 1")
    #expect(hit.fields[.age] == "10")
    #expect(hit.fields[.cacheStatus] == "swift-http-cache; hit; ttl=50")
    #expect(hit.fields[.contentType] == "text/plain")
    #expect(hit.fields[.contentLength] == "8")

    fixture.advance(49)
    #expect(try await service.call(.get("/")).fields[.age] == "59")
    fixture.advance(1)
    #expect(try await service.call(.get("/")).text() == "answer 2")
    #expect(fixture.cache.statistics.hits == 2)
    #expect(fixture.cache.statistics.misses.values.reduce(0, +) == 2)
    #expect(fixture.cache.statistics.stores == 2)
  }

  @Test(
    arguments: [
      (["Cache-Control": "max-age=5"], 5), (["Cache-Control": "max-age=5, s-maxage=7"], 7),
      (["Cache-Control": "max-age=100", "Age": "90"], 10), (["Cache-Control": "no-store"], nil),
      (["Cache-Control": "private"], nil), (["Cache-Control": "max-age=0"], 0), ([:], 60),
    ] as [(HeaderFields, Int?)])
  func `the response's own directives rule, and the policy fills what they leave open`(
    fields: HeaderFields, lifetime: Int?
  ) async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(60)))
    let service = CountingOrigin(fields).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    if let lifetime, lifetime > 0 {
      fixture.advance(lifetime - 1)
      #expect(try await service.call(.get("/")).outcome == .hit)
      fixture.advance(1)
    }
    #expect(try await service.call(.get("/")).text() == "answer 2")
  }

  @Test func `policy times win over the response's when directives are not respected, but not over no-store`()
    async throws
  {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(60), respectsCacheControl: false))
    let origin = CountingOrigin { request, number in
      CacheResponse(
        fields: ["Cache-Control": request.target == "/secret" ? "no-store" : "max-age=1"], body: Body("\(number)"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/"))
    _ = try await service.call(.get("/secret"))
    fixture.advance(59)
    #expect(try await service.call(.get("/")).outcome == .hit)
    #expect(try await service.call(.get("/secret")).outcome != .hit)
  }

  @Test func `an override by name stores even private responses`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(60), overrides: [.private, .noStore]))
    let service = CountingOrigin(["Cache-Control": "private, no-store"]).layer(fixture.cache)
    _ = try await service.call(.get("/"))
    #expect(try await service.call(.get("/")).outcome == .hit)
  }

  @Test(
    arguments: [
      (200, 60), (203, 60), (300, 60), (301, 60), (404, 5), (410, 5), (418, 9), (401, nil), (403, nil), (429, nil),
      (500, nil), (503, nil),
    ] as [(Int, Int?)])
  func `lifetimes by status`(status: Int, lifetime: Int?) async throws {
    let fixture = try Fixture(
      CachePolicy(timeToLive: .seconds(60), negativeTimeToLive: .seconds(5), timeToLiveByStatus: [418: .seconds(9)]))
    let service = CountingOrigin(status: status).layer(fixture.cache)
    _ = try await service.call(.get("/"))
    guard let lifetime else {
      #expect(try await service.call(.get("/")).text() == "answer 2")
      return
    }
    fixture.advance(lifetime - 1)
    #expect(try await service.call(.get("/")).outcome == .hit)
    fixture.advance(1)
    #expect(try await service.call(.get("/")).text() == "answer 2")
  }

  @Test func `Vary selects among the variants (RFC 9111 §4.1)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { request, _ in
      CacheResponse(
        fields: ["Vary": "Accept-Language"], body: Body("in \(request.fields[.acceptLanguage] ?? "any")"))
    }.layer(fixture.cache)
    for language in ["de", "en"] {
      #expect(try await service.call(.get("/", ["Accept-Language": language])).text() == "in \(language)")
    }
    #expect(try await service.call(.get("/")).text() == "in any")
    for language in ["en", "de"] {
      let response = try await service.call(.get("/", ["Accept-Language": language]))
      #expect(response.outcome == .hit)
      #expect(try await response.text() == "in \(language)")
    }
    #expect(fixture.cache.statistics.misses == [.absent: 1, .variant: 2])
    await fixture.cache.removeEntry(for: .get("/"))
    #expect(try await service.call(.get("/", ["Accept-Language": "de"])).outcome == .miss(.absent))
    #expect(
      try await service.call(.get("/", ["Accept-Language": "en"])).outcome == .miss(.variant),
      "variants of before the removal are out of reach")
  }

  @Test func `Vary: * is never stored (RFC 9111 §4.1)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin(["Vary": "*"]).layer(fixture.cache)
    for number in 1...3 { #expect(try await service.call(.get("/")).text() == "answer \(number)") }
  }

  @Test func `client conditions are answered from the store (RFC 9110 §13)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin(["ETag": "\"1\"", "Cache-Control": "max-age=60"]).layer(fixture.cache)
    // On a miss as well: the cache asks for the whole response, and judges the condition itself.
    let first = try await service.call(.get("/", ["If-None-Match": "\"1\""]))
    #expect(first.status == 304)
    let second = try await service.call(.get("/", ["If-None-Match": "W/\"1\", \"2\""]))
    #expect(second.status == 304)
    #expect(second.outcome == .hit)
    #expect(second.body.isEmpty)
    #expect(second.fields[.etag] == "\"1\"")
    let third = try await service.call(.get("/", ["If-None-Match": "\"3\""]))
    #expect(third.status == 200)
    #expect(try await third.text() == "answer 1")
  }

  @Test func `a range of a stored response (RFC 9110 §14)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin().layer(fixture.cache)
    _ = try await service.call(.get("/"))
    let partial = try await service.call(.get("/", ["Range": "bytes=0-5"]))
    #expect(partial.status == 206)
    #expect(partial.fields[.contentRange] == "bytes 0-5/8")
    #expect(partial.fields[.contentLength] == "6")
    #expect(try await partial.text() == "answer")
    #expect(try await service.call(.get("/", ["Range": "bytes=8-"])).status == 416)
  }

  @Test func `a stale response is validated, and confirmed by a 304 (RFC 9111 §4.3)`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/"))
    await origin.nextCall().respond(
      CacheResponse(fields: ["Cache-Control": "max-age=10", "ETag": "\"a\"", "X": "old"], body: "body"))
    #expect(try await first.text() == "body")
    fixture.advance(11)
    async let second = service.call(.get("/"))
    let call = await origin.nextCall()
    #expect(call.request.fields[.ifNoneMatch] == "\"a\"")
    call.respond(CacheResponse(status: 304, fields: ["Cache-Control": "max-age=20", "ETag": "\"a\"", "X": "new"]))
    let confirmed = try await second
    #expect(confirmed.outcome == .revalidated)
    #expect(confirmed.status == 200)
    #expect(confirmed.fields["X"] == "new")
    #expect(try await confirmed.text() == "body")
    fixture.advance(19)
    #expect(try await service.call(.get("/")).outcome == .hit)
    #expect(origin.callCount == 2)
  }

  @Test func `only-if-cached never reaches the origin (RFC 9111 §5.2.1.7)`() async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin()
    let service = origin.layer(fixture.cache)
    let response = try await service.call(.get("/", ["Cache-Control": "only-if-cached"]))
    #expect(response.status == 504)
    #expect(response.outcome == .failed(.onlyIfCached))
    #expect(origin.count.value == 0)
  }

  @Test func `a client's no-cache is validated through a flight and renews what is stored (RFC 9111 §5.2.1.4)`()
    async throws
  {
    let fixture = try Fixture()
    let service = CountingOrigin().layer(fixture.cache)
    _ = try await service.call(.get("/"))
    #expect(try await service.call(.get("/", ["Cache-Control": "no-cache"])).outcome == .miss(.request))
    #expect(try await service.call(.get("/")).text() == "answer 2")
    #expect(try await service.call(.get("/")).outcome == .hit)
  }

  @Test func `request directives can be ignored`() async throws {
    let fixture = try Fixture(CachePolicy(respectsRequestDirectives: false))
    let service = CountingOrigin().layer(fixture.cache)
    _ = try await service.call(.get("/"))
    #expect(try await service.call(.get("/", ["Cache-Control": "no-cache", "Pragma": "no-cache"])).outcome == .hit)
  }

  @Test func `a successful unsafe request invalidates (RFC 9111 §4.4)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { request, number in
      CacheResponse(status: request.target == "/" ? 200 : 500, body: Body("\(number)"))
    }.layer(fixture.cache)
    _ = try await service.call(.get("/"))
    _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/fails"))
    #expect(try await service.call(.get("/")).outcome == .hit)
    let post = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/"))
    #expect(post.outcome == .bypass(.method))
    #expect(try await service.call(.get("/")).outcome == .miss(.absent))
  }

  @Test(
    "an unsafe request invalidates however the same host is written (RFC 9110 §4.2.3)",
    arguments: ["example.com:", "EXAMPLE.com", "example.com:80", "example.com:0080", "Example.Com:"])
  func invalidationOfAHostWrittenOtherwise(authority: String) async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { _, number in CacheResponse(body: Body("\(number)")) }.layer(fixture.cache)
    let get = CacheRequest(scheme: "http", authority: "example.com", target: "/")
    _ = try await service.call(get)
    #expect(
      try await service.call(CacheRequest(scheme: "http", authority: authority, target: "/")).outcome == .hit)
    _ = try await service.call(CacheRequest(method: .put, scheme: "http", authority: authority, target: "/"))
    #expect(try await service.call(get).outcome == .miss(.absent))
  }

  @Test func `bodies outside the policy's sizes are delivered, not stored`() async throws {
    let fixture = try Fixture(CachePolicy(minimumBodySize: 3, maximumBodySize: 5))
    let service = CountingOrigin { request, _ in
      CacheResponse(body: Body(String(request.target.dropFirst())))
    }.layer(fixture.cache)
    for (body, isStored) in [("12", false), ("123", true), ("12345", true), ("123456", false)] {
      #expect(try await service.call(.get("/\(body)")).text() == body)
      #expect((try await service.call(.get("/\(body)")).outcome == .hit) == isStored, "\(body)")
    }
    #expect(fixture.cache.statistics.refusals[.tooSmall] == 2)
    #expect(fixture.cache.statistics.refusals[.tooLarge] == 2)
  }

  /// An entry may take a quarter of the capacity. What is announced as larger is not said to be stored.
  @Test(arguments: [200_000, 300_000]) func `a stream that is larger than the store takes is told so at once`(
    size: Int
  ) async throws {
    let cache = try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20))
    let service = Handler { _ in
      let channel = BodyChannel()
      Task {
        _ = await channel.write(Bytes(String(repeating: "A", count: size)))
        channel.finish()
      }
      return CacheResponse(
        fields: ["Cache-Control": "max-age=3600", "Content-Length": "\(size)"], body: channel.body)
    }.layer(cache)
    let first = try await service.call(.get("/"))
    let isStored = size == 200_000
    #expect(first.fields["Cache-Status"]?.contains("stored") == isStored)
    #expect(first.fields["Cache-Status"]?.contains("detail=too-large") == !isStored)
    #expect(try await first.body.collect().count == size)
    await cache.waitForLandings()
    #expect((try await service.call(.get("/")).outcome == .hit) == isStored)
  }

  @Test func `only listed fields are stored, with those that caching needs`() async throws {
    let fixture = try Fixture(CachePolicy(storedFieldNames: ["X-Kept"]))
    let service = CountingOrigin(["X-Kept": "1", "X-Dropped": "2", "ETag": "\"e\"", "Content-Type": "a/b"])
      .layer(fixture.cache)
    _ = try await service.call(.get("/"))
    let hit = try await service.call(.get("/"))
    #expect(hit.fields["X-Kept"] == "1" && hit.fields["X-Dropped"] == nil)
    #expect(hit.fields[.etag] == "\"e\"" && hit.fields[.contentType] == "a/b")
  }

  @Test func `trailers are stored and replayed`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { _, _ in
      let channel = BodyChannel()
      Task {
        _ = await channel.write("body")
        channel.finish(trailers: ["Checksum": "1"])
      }
      return CacheResponse(body: channel.body)
    }.layer(fixture.cache)
    let miss = try await service.call(.get("/"))
    let reader = miss.body.makeReader()
    while try await reader.next() != nil {}
    #expect(reader.trailers == ["Checksum": "1"])
    let hit = try await service.call(.get("/"))
    #expect(hit.outcome == .hit)
    #expect(hit.trailers == ["Checksum": "1"])
  }

  @Test func `lifetimes are spread by jitter, never lengthened`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(100), lifetimeJitter: 0.5))
    let service = CountingOrigin().layer(fixture.cache)
    var remaining: Set<String> = []
    for number in 0..<50 {
      _ = try await service.call(.get("/\(number)"))
      let status = try #require(try await service.call(.get("/\(number)")).fields[.cacheStatus])
      remaining.insert(status)
      let ttl = try #require(Int(status.split(separator: "ttl=")[1]))
      #expect((49...100).contains(ttl))
    }
    #expect(remaining.count > 5)
  }

  @Test func `layers that are added first see a request first`() async throws {
    struct Tag: Layer {
      let name: String
      func call(
        _ request: CacheRequest, next: some Service<CacheRequest, CacheResponse>
      ) async throws -> CacheResponse {
        var request = request
        request.fields.append("Seen", name)
        return try await next.call(request)
      }
    }
    let service = Handler { CacheResponse(body: Body($0.fields["Seen"] ?? "")) }
      .layer(Tag(name: "a")).layer(Tag(name: "b")).layer(Tag(name: "c"))
    #expect(try await service.call(CacheRequest()).text() == "a, b, c")
  }

  @Test func `every request is one outcome, in statistics and events alike`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin().layer(fixture.cache)
    for target in ["/a", "/a", "/b"] { _ = try await service.call(.get(target)) }
    _ = try await service.call(CacheRequest(method: .delete, authority: "example.com", target: "/a"))
    let answered = fixture.events.events.filter { if case .answered = $0.kind { true } else { false } }
    #expect(
      answered.map(\.kind) == [
        .answered(.miss(.absent)), .answered(.hit), .answered(.miss(.absent)), .answered(.bypass(.method)),
      ])
    #expect(answered[1].key?.text == "http://example.com/a")
    #expect(answered[1].bodySize == 8)
    #expect(fixture.cache.statistics.requests == 4)
    #expect(fixture.cache.statistics.invalidations == 1)
  }
}

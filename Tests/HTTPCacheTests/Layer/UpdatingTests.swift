//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// The stored response after a 304, or a 200 to HEAD (RFC 9111 §3.2, §4.3.4, §4.3.5).
@Suite(.timeLimit(.minutes(2))) struct UpdatingTests {
  /// An origin that answers each call with the next of `responses`, and then with the last again.
  static func script(_ responses: [CacheResponse], seen: Locked<[CacheRequest]>? = nil) -> CountingOrigin {
    CountingOrigin { request, number in
      seen?.withLock { $0.append(request) }
      return responses[min(number, responses.count) - 1]
    }
  }

  static func response(_ status: Int, _ fields: HeaderFields, _ body: String = "") -> CacheResponse {
    CacheResponse(status: status, fields: fields, body: Body(body))
  }

  static func response(_ fields: HeaderFields, _ body: String) -> CacheResponse { response(200, fields, body) }

  /// How a cache learns about a stored response.
  enum News: CaseIterable, CustomTestStringConvertible {
    case notModified, head
    var testDescription: String { self == .head ? "HEAD" : "304" }
    var status: Int { self == .head ? 200 : 304 }
    /// The request that makes the origin send the news.
    func request(_ target: String, _ fields: HeaderFields = [:]) -> CacheRequest {
      var fields = fields
      fields.append("Cache-Control", "no-cache")
      let request = CacheRequest.get(target, fields)
      return self == .head ? request.as(.head) : request
    }
  }

  // MARK: Tags

  @Test(
    "a weak stored tag stays weak, whatever the update calls it (RFC 9111 §4.3.4, RFC 9110 §13.1.5)",
    arguments: News.allCases,
    [("W/\"x\"", "\"x\""), ("W/\"x\"", "W/\"x\""), ("W/\"\"", "\"\""), ("W/\"a,b\"", "\"a,b\"")])
  func weakTag(_ news: News, _ tags: (stored: String, new: String)) async throws {
    let fixture = try Fixture()
    let body = String(repeating: "z", count: 35)
    let service = Self.script([
      Self.response(
        ["ETag": tags.stored, "Content-Encoding": "gzip", "Vary": "Accept-Encoding", "Cache-Control": "max-age=1"], body
      ),
      Self.response(news.status, ["ETag": tags.new, "Cache-Control": "max-age=60"]),
    ]).layer(fixture.cache)
    let gzip: HeaderFields = ["Accept-Encoding": "gzip"]
    _ = try await service.call(.get("/", gzip)).text()
    _ = try await service.call(news.request("/", gzip)).text()
    let hit = try await service.call(.get("/", gzip))
    #expect(hit.outcome == .hit)
    #expect(hit.fields.values(of: "ETag") == [tags.stored])
    // A client that holds octets of another representation with the strong tag gets all of this one.
    let part = try await service.call(
      .get("/", ["Accept-Encoding": "gzip", "Range": "bytes=10-", "If-Range": tags.new]))
    #expect(part.status == 200)
    #expect(try await part.text() == body)
  }

  @Test("a strong stored tag goes on to select parts", arguments: News.allCases)
  func strongTag(_ news: News) async throws {
    let fixture = try Fixture()
    let service = Self.script([
      Self.response(["ETag": "\"x\"", "Cache-Control": "max-age=60"], "0123456789"),
      Self.response(news.status, ["ETag": "\"x\"", "Cache-Control": "max-age=60"]),
    ]).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    _ = try await service.call(news.request("/")).text()
    let part = try await service.call(.get("/", ["Range": "bytes=8-", "If-Range": "\"x\""]))
    #expect(part.status == 206)
    #expect(try await part.text() == "89")
  }

  // MARK: Vary

  @Test(
    "an update of Vary takes the response out of the reach of requests that differ in what selects it (RFC 9111 §4.1)",
    arguments: News.allCases,
    [
      (nil, "X-B"), ("X-A", "X-B"), ("X-A", "X-A, X-B"), ("X-A", "x-b, X-A"), (nil, "X-B, X-C"), ("X-A", ""),
      ("X-A, X-B", "X-B"),
    ] as [(String?, String)])
  func vary(_ news: News, _ vary: (stored: String?, new: String)) async throws {
    let fixture = try Fixture()
    var stored: HeaderFields = ["ETag": "\"e\"", "Cache-Control": "max-age=1"]
    if let vary = vary.stored { stored.append("Vary", vary) }
    let update: HeaderFields = ["ETag": "\"e\"", "Vary": vary.new, "Cache-Control": "max-age=60"]
    let fresh: HeaderFields = ["ETag": "\"f\"", "Vary": "X-A, X-B, X-C", "Cache-Control": "max-age=60"]
    let service = Self.script([
      Self.response(stored, "one"), Self.response(news.status, update), Self.response(fresh, "two"),
    ]).layer(fixture.cache)
    _ = try await service.call(.get("/", ["X-A": "1", "X-B": "1"])).text()
    _ = try await service.call(news.request("/", ["X-A": "1", "X-B": "1"])).text()
    #expect(try await service.call(.get("/", ["X-A": "1", "X-B": "1"])).outcome == .hit)
    let names = Set((vary.stored ?? "").split(separator: ", ") + vary.new.uppercased().split(separator: ", "))
    if names.contains("X-B") {
      let other = try await service.call(.get("/", ["X-A": "1", "X-B": "2"]))
      #expect(other.outcome != .hit)
      #expect(try await other.text() == "two")
    }
    if names.contains("X-A") {
      let other = try await service.call(.get("/", ["X-A": "2", "X-B": "1"]))
      #expect(other.outcome != .hit)
      #expect(try await other.text() == "two")
    }
    #expect(try await service.call(.get("/", ["X-A": "1", "X-B": "1"])).text() == "one")
  }

  @Test("the same on a store that takes its time", arguments: News.allCases)
  func varyInOtherStore(_ news: News) async throws {
    let clock = ManualClock()
    let backend = DictionaryBackend(clock: CacheClock(clock))
    let cache = try CacheLayer(backend: backend, clock: CacheClock(clock))
    let service = Self.script([
      Self.response(["ETag": "\"e\"", "Vary": "X-A", "Cache-Control": "max-age=1"], "one"),
      Self.response(news.status, ["ETag": "\"e\"", "Vary": "X-A, X-B", "Cache-Control": "max-age=60"]),
      Self.response(["ETag": "\"f\"", "Vary": "X-A, X-B", "Cache-Control": "max-age=60"], "two"),
    ]).layer(cache)
    _ = try await service.call(.get("/", ["X-A": "1", "X-B": "1"])).text()
    _ = try await service.call(news.request("/", ["X-A": "1", "X-B": "1"])).text()
    #expect(try await service.call(.get("/", ["X-A": "1", "X-B": "2"])).text() == "two")
    #expect(try await service.call(.get("/", ["X-A": "1", "X-B": "1"])).text() == "one")
  }

  // MARK: Another response confirmed

  /// The full answer that follows a 304 for another response, and must not be stored.
  static let unstorable: [(name: String, status: Int, fields: HeaderFields, bodySize: Int)] = [
    ("no-store", 200, ["ETag": "\"b\"", "Cache-Control": "no-store"], 3),
    ("private", 200, ["ETag": "\"b\"", "Cache-Control": "private"], 3),
    ("vary-star", 200, ["ETag": "\"b\"", "Vary": "*"], 3),
    ("no-lifetime", 302, ["Location": "/x"], 3),
    ("set-cookie", 200, ["ETag": "\"b\"", "Set-Cookie": "a=b"], 3),
    ("too-large", 200, ["ETag": "\"b\"", "Cache-Control": "max-age=60"], 300),
    ("gone", 410, ["Cache-Control": "no-store"], 3),
    ("not found", 404, ["Cache-Control": "private"], 3),
  ]

  @Test(
    "after a 304 for another response, the stored one is not used again, though its successor may not be stored",
    arguments: unstorable.indices, [true, false])
  func outdated(_ index: Int, _ byTag: Bool) async throws {
    let unstorable = Self.unstorable[index]
    let fixture = try Fixture(CachePolicy(maximumBodySize: 100))
    let old = "Thu, 01 Jan 2015 00:00:00 GMT"
    let stored: HeaderFields =
      byTag
      ? ["ETag": "\"a\"", "Cache-Control": "max-age=3600"] : ["Last-Modified": old, "Cache-Control": "max-age=3600"]
    let other: HeaderFields =
      byTag ? ["ETag": "\"b\""] : ["Last-Modified": "Fri, 02 Jan 2015 00:00:00 GMT", "Cache-Control": "max-age=60"]
    let origin = Self.script([
      Self.response(stored, "old"), Self.response(304, other),
      Self.response(unstorable.status, unstorable.fields, String(repeating: "n", count: unstorable.bodySize)),
    ])
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    #expect(try await service.call(.get("/", ["Cache-Control": "no-cache"])).text().first == "n")
    #expect(origin.count.value == 3)
    let next = try await service.call(.get("/"))
    #expect(next.outcome != .hit, "\(unstorable.name)")
    #expect(try await next.text().first == "n")
  }

  @Test("the same when a refresh in the background finds out") func outdatedInBackground() async throws {
    let fixture = try Fixture()
    let origin = Self.script([
      Self.response(["ETag": "\"a\"", "Cache-Control": "max-age=1, stale-while-revalidate=600"], "old"),
      Self.response(304, ["ETag": "\"b\""]), Self.response(["ETag": "\"b\"", "Cache-Control": "no-store"], "new"),
    ])
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    fixture.advance(2)
    #expect(try await service.call(.get("/")).text() == "old")
    await eventually { origin.count.value == 3 && fixture.cache.flights.all.isEmpty }
    #expect(try await service.call(.get("/")).text() == "new")
  }

  @Test(
    "when the second call fails, or says nothing about the resource, what is stored stays", arguments: [503, 403, 429])
  func outdatedAndFailed(_ status: Int) async throws {
    let fixture = try Fixture()
    let service = Self.script([
      Self.response(["ETag": "\"a\"", "Cache-Control": "max-age=3600"], "old"), Self.response(304, ["ETag": "\"b\""]),
      Self.response(status, ["Cache-Control": "no-store"], "error"),
    ]).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    _ = try await service.call(.get("/", ["Cache-Control": "no-cache"])).text()
    #expect(try await service.call(.get("/")).text() == "old")
  }

  // MARK: Cache-Status

  @Test("the cache's own Cache-Status of another exchange is never stored (RFC 9211 §2)", arguments: News.allCases)
  func ownCacheStatus(_ news: News) async throws {
    let fixture = try Fixture()
    let service = Self.script([
      Self.response(["ETag": "\"a\"", "Cache-Control": "max-age=60", "Cache-Status": "up; fwd=uri-miss"], "body"),
      Self.response(
        news.status, ["ETag": "\"a\"", "Cache-Control": "max-age=60", "Cache-Status": "up; hit"]),
    ]).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    let asked = try await service.call(news.request("/"))
    #expect(asked.fields.values(of: .cacheStatus).count == 2)
    // The upstream's member is part of the response; of this cache's there is one, for this request.
    #expect(
      try await service.call(.get("/")).fields.values(of: .cacheStatus)
        == ["up; hit", "swift-http-cache; hit; ttl=60"])
  }

  @Test("nor that of a POST or QUERY whose answer is stored for GET", arguments: ["POST", "QUERY"])
  func ownCacheStatusOfPost(_ method: String) async throws {
    let fixture = try Fixture()
    let service = Self.script([
      Self.response(["Cache-Control": "max-age=60", "Content-Location": "/same"], "body")
    ]).layer(fixture.cache)
    let request = CacheRequest(
      method: RequestMethod(rawValue: method), authority: "example.com", target: "/same", fields: [:])
    let first = try await service.call(request)
    #expect(first.fields.values(of: .cacheStatus) == ["swift-http-cache; fwd=method; fwd-status=200"])
    _ = try await first.text()
    await eventually { fixture.cache.flights.all.isEmpty }
    #expect(
      try await service.call(.get("/same")).fields.values(of: .cacheStatus) == ["swift-http-cache; hit; ttl=60"])
  }

  @Test(
    "fwd says why the request was forwarded (RFC 9211 §2.2)",
    arguments: [
      (0, "no-cache", "request"), (0, "max-age=0", "request"), (0, "min-fresh=6000", "request"), (90, nil, "stale"),
      (90, "no-cache", "stale"), (90, "max-age=0", "stale"), (90, "min-fresh=10", "stale"),
      (90, "max-age=600", "stale"),
    ] as [(Int, String?, String)], [304, 200])
  func forwardReason(_ input: (seconds: Int, directive: String?, reason: String), _ status: Int) async throws {
    let fixture = try Fixture()
    let service = Self.script([
      Self.response(["ETag": "\"a\"", "Cache-Control": "max-age=60"], "body"),
      Self.response(status, ["ETag": "\"a\"", "Cache-Control": "max-age=60"], status == 200 ? "new" : ""),
    ]).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    fixture.advance(input.seconds)
    let response = try await service.call(.get("/", input.directive.map { ["Cache-Control": "\($0)"] } ?? [:]))
    #expect(
      response.fields[.cacheStatus]?.hasPrefix("swift-http-cache; fwd=\(input.reason); fwd-status=\(status)") == true,
      "\(response.fields[.cacheStatus] ?? "-")")
  }

  @Test("a collapsed request says why it was forwarded, as it would have been alone", arguments: [true, false])
  func collapsedReason(_ isStored: Bool) async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=60"]
    if isStored {
      async let first = service.call(.get("/"))
      await origin.nextCall().respond(Self.response(fields, "body"))
      _ = try await first.text()
      fixture.advance(90)
    }
    async let leader = service.call(.get("/"))
    let call = await origin.nextCall()
    async let follower = service.call(.get("/"))
    await fixture.cache.waitForWaiters(2)
    call.respond(Self.response(["ETag": "\"b\"", "Cache-Control": "max-age=60"], "new"))
    _ = try await leader.text()
    let response = try await follower
    #expect(response.outcome == .collapsed)
    #expect(
      response.fields[.cacheStatus]?.hasPrefix("swift-http-cache; fwd=\(isStored ? "stale" : "uri-miss");") == true)
  }
}

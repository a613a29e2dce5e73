//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// What the standards ask of the cache as a whole; their single rules are tested in `Semantics/`.
@Suite(.timeLimit(.minutes(5))) struct StandardsTests {
  /// An origin of ten digits that knows ranges, and counts what it is asked.
  private func digits(
    _ fields: HeaderFields = ["ETag": "\"d\"", "Cache-Control": "max-age=60"], seen: Locked<[String]>,
    content: @escaping @Sendable () -> String = { "0123456789" }
  ) -> CountingOrigin {
    CountingOrigin { request, _ in
      let range = request.fields[.range]
      seen.withLock { $0.append("\(range ?? "-") \(request.fields[.ifRange] ?? "-")") }
      let whole = Bytes(content())
      guard let set = RFC9110.rangeSet(of: request.fields),
        RFC9110.rangeApplies(request: request.fields, stored: fields),
        case .ranges(let ranges) = set.selection(length: whole.count), let range = ranges.first
      else { return CacheResponse(fields: fields, body: Body(whole)) }
      return CacheResponse(
        status: 206, fields: RFC9110.partialFields(of: fields, range: range, length: whole.count),
        body: Body(whole.slice(range)))
    }
  }

  @Test func `parts are stored, served in part, and completed by fetching only the gap (RFC 9111 §3.3, §3.4)`()
    async throws
  {
    let fixture = try Fixture()
    let seen = Locked<[String]>([])
    let service = digits(seen: seen).layer(fixture.cache)
    let first = try await service.call(.get("/", ["Range": "bytes=2-5"]))
    #expect(first.status == 206)
    #expect(try await first.text() == "2345")
    // What is there is served, also less of it.
    let part = try await service.call(.get("/", ["Range": "bytes=3-4"]))
    #expect(part.outcome == .hit)
    #expect(part.fields[.contentRange] == "bytes 3-4/10")
    #expect(try await part.text() == "34")
    // Only what is missing is fetched.
    let more = try await service.call(.get("/", ["Range": "bytes=4-7"]))
    #expect(more.outcome == .miss(.partial))
    #expect(more.status == 206)
    #expect(try await more.text() == "4567")
    #expect(try await service.call(.get("/", ["Range": "bytes=2-7"])).outcome == .hit)
    // A request for everything: two gaps are one range.
    let whole = try await service.call(.get("/"))
    #expect(whole.status == 200)
    #expect(try await whole.text() == "0123456789")
    #expect(whole.fields[.contentLength] == "10" && whole.fields[.contentRange] == nil && whole.fields[.range] == nil)
    #expect(seen.withLock { $0 } == ["bytes=2-5 -", "bytes=6-7 \"d\"", "bytes=0- \"d\""])
    #expect(try await service.call(.get("/")).outcome == .hit)
    #expect(try await service.call(.get("/", ["Range": "bytes=-3"])).text() == "789")
    #expect(seen.withLock { $0.count } == 3)
  }

  @Test func `parts of different versions are never put together (RFC 9111 §3.4)`() async throws {
    let fixture = try Fixture()
    let version = Locked(1)
    let service = CountingOrigin { request, _ in
      let number = version.withLock { $0 }
      let fields: HeaderFields = ["ETag": "\"v\(number)\"", "Cache-Control": "max-age=60"]
      let whole = Bytes(String(repeating: "\(number)", count: 10))
      guard let set = RFC9110.rangeSet(of: request.fields),
        RFC9110.rangeApplies(request: request.fields, stored: fields),
        case .ranges(let ranges) = set.selection(length: whole.count)
      else { return CacheResponse(fields: fields, body: Body(whole)) }
      return CacheResponse(
        status: 206, fields: RFC9110.partialFields(of: fields, range: ranges[0], length: whole.count),
        body: Body(whole.slice(ranges[0])))
    }.layer(fixture.cache)
    #expect(try await service.call(.get("/", ["Range": "bytes=0-4"])).text() == "11111")
    version.withLock { $0 = 2 }
    #expect(try await service.call(.get("/")).text() == "2222222222")
  }

  @Test(
    arguments: [
      (["Cache-Control": "max-age=60", "ETag": "W/\"a\""], ["bytes=0-4 -", "- -"]),
      (["Cache-Control": "max-age=60", "Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"], ["bytes=0-4 -", "- -"]),
      // Most origins without validators do not know ranges, and would answer the second with the whole.
      (["Cache-Control": "max-age=60"], ["bytes=0-4 -", "bytes=5- -", "- -"]),
    ] as [(HeaderFields, [String])])
  func `without a strong validator parts are not combined, and everything is fetched (RFC 9111 §3.4)`(
    fields: HeaderFields, requests: [String]
  ) async throws {
    let fixture = try Fixture()
    let seen = Locked<[String]>([])
    let service = digits(fields, seen: seen).layer(fixture.cache)
    _ = try await service.call(.get("/", ["Range": "bytes=0-4"])).text()
    for _ in 0..<3 { #expect(try await service.call(.get("/")).text() == "0123456789") }
    #expect(seen.withLock { $0 } == requests)
  }

  @Test func `an origin without validators that knows no ranges is asked for what is missing only once`() async throws {
    let fixture = try Fixture()
    let seen = Locked<[String]>([])
    let service = CountingOrigin { request, number in
      seen.withLock { $0.append(request.fields[.range] ?? "-") }
      guard number == 1 else { return CacheResponse(fields: ["Cache-Control": "max-age=60"], body: Body("0123456789")) }
      return CacheResponse(
        status: 206, fields: ["Cache-Control": "max-age=60", "Content-Range": "bytes 0-4/10"], body: Body("01234"))
    }.layer(fixture.cache)
    _ = try await service.call(.get("/", ["Range": "bytes=-5"])).text()
    for _ in 0..<3 { #expect(try await service.call(.get("/")).text() == "0123456789") }
    #expect(seen.withLock { $0 } == ["bytes=-5", "bytes=5-"])
  }

  @Test func `several ranges of a stored response are one multipart response (RFC 9110 §15.3.7.2)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { _, _ in
      CacheResponse(fields: ["Content-Type": "text/plain"], body: Body(String(repeating: "0123456789", count: 100)))
    }.layer(fixture.cache)
    _ = try await service.call(.get("/"))
    let response = try await service.call(.get("/", ["Range": "bytes=0-3, 500-503, -2"]))
    #expect(response.status == 206)
    let type = try #require(response.fields[.contentType])
    let boundary = try #require(type.split(separator: "boundary=").last)
    let text = try await response.text()
    #expect(text.components(separatedBy: "--\(boundary)").count == 5)
    #expect(text.contains("Content-Range: bytes 500-503/1000\r\n\r\n0123\r\n"))
    #expect(text.contains("Content-Range: bytes 998-999/1000\r\n\r\n89\r\n"))
    #expect(response.fields[.contentLength] == String(text.utf8.count))
  }

  @Test func `the answer to a POST that is what GET would give is stored for GET (RFC 9110 §9.3.3)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { request, number in
      var fields: HeaderFields = ["Cache-Control": "max-age=60"]
      if request.target == "/same" { fields.append("Content-Location", "/same") }
      return CacheResponse(fields: fields, body: Body("\(request.method) \(number)"))
    }.layer(fixture.cache)
    for target in ["/same", "/other"] {
      let post = try await service.call(
        CacheRequest(method: .post, authority: "example.com", target: target, body: "data"))
      #expect(post.outcome == .bypass(.method))
      _ = try await post.text()
    }
    #expect(try await service.call(.get("/same")).text() == "POST 1")
    #expect(try await service.call(.get("/other")).text() == "GET 3")
  }

  @Test func `HEAD confirms or invalidates what is stored (RFC 9111 §4.3.5)`() async throws {
    for (headTag, expected) in [("\"a\"", "GET 1"), ("\"b\"", "GET 3")] {
      let fixture = try Fixture()
      let service = CountingOrigin { request, number in
        CacheResponse(
          fields: ["Cache-Control": "max-age=10", "ETag": request.method == .head ? headTag : "\"a\""],
          body: request.method == .head ? .empty : Body("\(request.method) \(number)"))
      }.layer(fixture.cache)
      _ = try await service.call(.get("/"))
      fixture.advance(11)
      _ = try await service.call(CacheRequest(method: .head, authority: "example.com"))
      #expect(try await service.call(.get("/")).text() == expected)
    }
  }

  @Test func `a 304 that confirms what nobody has leads to a request without conditions (RFC 9111 §4.3.4)`()
    async throws
  {
    let fixture = try Fixture()
    let service = CountingOrigin { request, number in
      if request.fields.contains(HeaderName.ifNoneMatch) {
        return CacheResponse(status: 304, fields: ["ETag": "\"other\""])
      }
      return CacheResponse(fields: ["Cache-Control": "max-age=10", "ETag": "\"mine\""], body: Body("\(number)"))
    }.layer(fixture.cache)
    _ = try await service.call(.get("/"))
    fixture.advance(11)
    let response = try await service.call(.get("/"))
    #expect(response.status == 200)
    #expect(try await response.text() == "3")
  }

  @Test func `cache groups are invalidated together, whatever is under way (RFC 9875)`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    func answer(_ target: String, _ groups: String?, _ text: String) async throws -> String {
      async let response = service.call(.get(target))
      var fields: HeaderFields = ["Cache-Control": "max-age=60"]
      if let groups { fields.append("Cache-Groups", groups) }
      await origin.nextCall().respond(CacheResponse(fields: fields, body: Body(text)))
      return try await response.text()
    }
    _ = try await answer("/a", "\"x\", \"y\"", "a1")
    _ = try await answer("/b", "\"y\"", "b1")
    _ = try await answer("/c", nil, "c1")
    // Under way while the group is invalidated.
    let late = Task { try await service.call(.get("/late")) }
    let lateCall = await origin.nextCall()
    async let post = service.call(CacheRequest(method: .post, authority: "example.com", target: "/p"))
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Group-Invalidation": "\"x\""]))
    _ = try await post
    lateCall.respond(CacheResponse(fields: ["Cache-Control": "max-age=60", "Cache-Groups": "\"x\""], body: "late"))
    #expect(try await late.value.text() == "late")
    #expect(try await service.call(.get("/b")).outcome == .hit)
    #expect(try await service.call(.get("/c")).outcome == .hit)
    #expect(try await answer("/a", "\"x\"", "a2") == "a2")
    #expect(try await answer("/late", "\"x\"", "late2") == "late2")
    #expect(try await service.call(.get("/a")).text() == "a2")
    // Groups of another host are others.
    async let elsewhere = service.call(CacheRequest(method: .post, authority: "other.com", target: "/p"))
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Group-Invalidation": "\"x\", \"y\""]))
    _ = try await elsewhere
    #expect(try await service.call(.get("/a")).outcome == .hit)
  }

  @Test func `parts belong to their groups too (RFC 9875)`() async throws {
    let fixture = try Fixture()
    let fields: HeaderFields = ["ETag": "\"d\"", "Cache-Control": "max-age=60", "Cache-Groups": "\"x\""]
    let service = CountingOrigin { request, _ in
      if request.method == .post { return CacheResponse(fields: ["Cache-Group-Invalidation": "\"x\""]) }
      return CacheResponse(
        status: 206, fields: RFC9110.partialFields(of: fields, range: 0..<3, length: 10), body: "012")
    }.layer(fixture.cache)
    let request = CacheRequest.get("/", ["Range": "bytes=0-2"])
    _ = try await service.call(request).text()
    #expect(try await service.call(request).outcome == .hit)
    _ = try await service.call(CacheRequest(method: .post, authority: "example.com", target: "/p"))
    #expect(try await service.call(request).outcome == .miss(.absent))
  }

  @Test func `If-Match is the origin's to judge, whatever stands beside it (RFC 9111 §4.3.2)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin(["ETag": "\"a\""]).layer(fixture.cache)
    _ = try await service.call(.get("/"))
    let fields: HeaderFields = ["If-Match": "\"z\"", "Range": "bytes=0-5"]
    let response = try await service.call(.get("/", fields))
    #expect(response.status == 206)
    #expect(response.outcome == .hit)
  }

  @Test func `a stream that ends before its Content-Length is incomplete (RFC 9111 §3.3)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { _, _ in
      let channel = BodyChannel()
      Task {
        _ = await channel.write("short")
        channel.finish()
      }
      return CacheResponse(fields: ["Content-Length": "10"], body: channel.body)
    }.layer(fixture.cache)
    let response = try await service.call(.get("/"))
    await #expect(throws: BodyError.truncated(expected: 10, received: 5)) { try await response.text() }
    #expect(fixture.cache.statistics.stores == 0)
  }

  @Test func `Cache-Status can name the key (RFC 9211 §2.7)`() async throws {
    let cache = try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20), name: "edge", showsKeys: true)
    let response = try await CountingOrigin().layer(cache).call(.get("/a?b"))
    #expect(
      response.fields[.cacheStatus]
        == "edge; fwd=uri-miss; fwd-status=200; stored; key=\"http://example.com/a?b\"")
  }

  @Test func `queries that make no difference share a response (No-Vary-Search)`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin { request, number in
      CacheResponse(
        fields: ["Cache-Control": "max-age=60", "No-Vary-Search": "key-order, params=(\"utm\")"],
        body: Body("\(number)"))
    }.layer(fixture.cache)
    _ = try await service.call(.get("/p?a=1&b=2&utm=x"))
    for target in ["/p?a=1&b=2", "/p?b=2&a=1", "/p?utm=y&b=2&a=1&utm=z"] {
      #expect(try await service.call(.get(target)).outcome == .hit, "\(target)")
    }
    #expect(try await service.call(.get("/p?a=1&b=3")).outcome == .miss(.absent))
    #expect(try await service.call(.get("/q?b=2&a=1")).outcome == .miss(.absent))
    await fixture.cache.removeEntry(for: .get("/p?b=2&utm=new&a=1"))
    #expect(try await service.call(.get("/p?a=1&b=2")).outcome == .miss(.absent))
  }

  @Test(
    arguments: [
      ("Vary", (0..<5000).map { "X-\($0)" }.joined(separator: ",")),
      ("Cache-Control", String(repeating: "max-age=60,", count: 900_000)),
      ("Cache-Groups", (0..<20_000).map { "\"g\($0)\"" }.joined(separator: ",")),
    ])
  func `absurd response fields are bounded, not fatal`(name: String, value: String) async throws {
    let fixture = try Fixture()
    let service = CountingOrigin([HeaderName(name)!: value]).layer(fixture.cache)
    for _ in 0..<2 { #expect(try await service.call(.get("/")).status == 200) }
  }

  @Test(
    arguments: [
      ("Range", "bytes=" + (0..<20_000).map { "\($0)-\($0)" }.joined(separator: ",")),
      ("Cache-Control", String(repeating: "no-cache, ", count: 50_000)),
      ("If-None-Match", (0..<20_000).map { "\"\($0)x\"" }.joined(separator: ",")),
      ("Accept-Language", (0..<20_000).map { "x\($0);q=0.5" }.joined(separator: ",")),
    ])
  func `absurd request fields are bounded, not fatal`(name: String, value: String) async throws {
    let fixture = try Fixture()
    let service = CountingOrigin(["Vary": "Accept-Language", "ETag": "\"1\""]).layer(fixture.cache)
    for _ in 0..<3 { #expect(try await service.call(.get("/", [HeaderName(name)!: value])).status == 200) }
  }

  @Test func `variants without end do not fill the memory`() async throws {
    let clock = ManualClock()
    let backend = InMemoryBackend(capacity: 1 << 20, clock: CacheClock(clock))
    let service = CountingOrigin(["Vary": "X"]).layer(try CacheLayer(backend: backend, clock: CacheClock(clock)))
    for number in 0..<5000 { _ = try await service.call(.get("/", ["X": "\(number)"])) }
    #expect(backend.statistics.byteCount <= 1 << 20)
    #expect(try await service.call(.get("/", ["X": "4999"])).outcome == .hit)
  }
}

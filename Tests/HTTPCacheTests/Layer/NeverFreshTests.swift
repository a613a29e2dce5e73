//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// What was stale when it came is for nobody but the request that caused it, whatever another client permits (RFC 9111 §4.2.4).
@Suite(.timeLimit(.minutes(2))) struct NeverFreshTests {
  static let responses: [HeaderFields] = [
    ["ETag": "\"a\"", "Cache-Control": "max-age=0"], ["ETag": "\"a\"", "Cache-Control": "public, max-age=0"],
    ["ETag": "\"a\"", "Cache-Control": "max-age=-1"], ["ETag": "\"a\"", "Cache-Control": "max-age=foo"],
    ["ETag": "\"a\"", "Cache-Control": "max-age=0, stale-while-revalidate=0"], ["ETag": "\"a\"", "Expires": "0"],
    ["ETag": "\"a\"", "Expires": "Thu, 19 Nov 1981 08:52:00 GMT"],
    ["ETag": "\"a\"", "Cache-Control": "max-age=60", "Age": "60"], ["ETag": "\"a\"", "Pragma": "no-cache"],
    ["Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT", "Expires": "0"], ["ETag": "\"a\"", "Cache-Control": "no-cache"],
  ]

  static let permissions: [HeaderFields] = [
    ["Cache-Control": "max-stale"], ["Cache-Control": "max-stale=9999"], ["Cache-Control": "stale-if-error=9999"],
    ["Cache-Control": "max-stale, only-if-cached"], ["Cache-Control": "max-stale, max-age=9999"],
    ["Cache-Control": "max-stale", "Range": "bytes=0-3"], ["Cache-Control": "max-stale", "If-None-Match": "*"],
  ]

  private static func origin(_ fields: HeaderFields) -> CountingOrigin {
    CountingOrigin { request, _ in
      if request.fields["Cookie"] == "u=mallory" { return CacheResponse(status: 500, body: "no page") }
      return CacheResponse(fields: fields, body: Body("page of \(request.fields["Cookie"] ?? "nobody")"))
    }
  }

  @Test(arguments: responses, permissions)
  func `one user's page is not read with max-stale or stale-if-error`(fields: HeaderFields, permission: HeaderFields)
    async throws
  {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let service = Self.origin(fields).layer(fixture.cache)
    _ = try await service.call(.get("/", ["Cookie": "u=ann"])).text()
    var request = CacheRequest.get("/", ["Cookie": "u=mallory"])
    request.fields = request.fields + permission
    let response = try await service.call(request)
    #expect([500, 504].contains(response.status))
    #expect(try await !response.text().contains("page of"))
  }

  @Test(arguments: responses)
  func `nor while it is made for that user`(fields: HeaderFields) async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let ann = service.call(.get("/", ["Cookie": "u=ann"]))
    let call = await origin.nextCall()
    async let mallory = service.call(.get("/", ["Cookie": "u=mallory", "Cache-Control": "max-stale"]))
    await fixture.cache.waitForWaiters(2)
    call.respond(CacheResponse(fields: fields, body: "page of ann"))
    await origin.nextCall().respond(CacheResponse(fields: fields, body: "page of mallory"))
    #expect(try await ann.text() == "page of ann")
    #expect(try await mallory.text() == "page of mallory")
  }

  @Test func `what has been fresh is given to who permits it`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let service = CountingOrigin(["Cache-Control": "max-age=10", "ETag": "\"a\""]).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    fixture.advance(20)
    #expect(try await service.call(.get("/", ["Cache-Control": "max-stale"])).outcome == .stale(.maxStale))
  }
}

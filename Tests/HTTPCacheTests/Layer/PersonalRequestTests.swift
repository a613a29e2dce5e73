//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// A request that is one user's own, by a cookie or by `Authorization`, leaves what the policy gives to others as it is.
@Suite(.timeLimit(.minutes(2))) struct PersonalRequestTests {
  static let personal: [HeaderFields] = [
    ["Authorization": "Bearer ann"], ["Cookie": "u=ann"], ["Authorization": "Bearer ann", "Cache-Control": "no-cache"],
    ["Cookie": "u=ann", "Cache-Control": "max-age=0"], ["Cookie": "u=ann", "If-None-Match": "\"a\""],
  ]

  static let validators: [HeaderFields] = [
    [:], ["ETag": "\"a\""], ["ETag": "W/\"a\""],
    // A second ago: a lifetime guessed from that would be shorter than the policy's.
    ["Last-Modified": HTTPDate.format(UnixTime(seconds: CacheClock(ManualClock()).unixTime.seconds - 1))],
  ]

  /// An origin that answers any condition with 304, as one does whose page for this user is old.
  private static func origin(_ fields: HeaderFields, status: Int = 304) -> CountingOrigin {
    CountingOrigin { request, number in
      let user = request.fields["Authorization"] ?? request.fields["Cookie"] ?? "nobody"
      let isConditional =
        request.fields.contains("If-None-Match") || request.fields.contains("If-Modified-Since")
      return isConditional
        ? CacheResponse(status: status, fields: fields) : CacheResponse(fields: fields, body: Body("\(user) \(number)"))
    }
  }

  @Test(arguments: personal, validators)
  func `a page with the policy's lifetime is not validated for one user, nor does that user's answer make it stale`(
    personal: HeaderFields, fields: HeaderFields
  ) async throws {
    let fixture = try Fixture(
      CachePolicy(timeToLive: .seconds(60), staleWhileRevalidate: .seconds(60), staleIfError: .seconds(600)))
    let service = Self.origin(fields).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    for second in 1...3 {
      fixture.advance(1)
      let own = try await service.call(.get("/", personal))
      if own.status == 200 {
        #expect(try await own.text().hasPrefix(personal["Authorization"] ?? "u=ann"))
      } else {
        // The client's own condition, judged by its own response.
        #expect(own.status == 304 && personal.contains("If-None-Match"))
      }
      let other = try await service.call(.get("/"))
      #expect(other.outcome == .hit, "\(second)")
      #expect(try await other.text() == "nobody 1")
    }
    _ = try await service.call(CacheRequest(method: .head, target: "/", fields: personal))
    #expect(try await service.call(.get("/")).outcome == .hit)
  }

  @Test(arguments: ["Cookie", "Authorization"], [true, false])
  func `a lifetime guessed from Last-Modified is no longer than the policy's, and replaces nothing that is fresh`(
    field: String, respectsOrigin: Bool
  ) async throws {
    var policy = CachePolicy(timeToLive: .seconds(60))
    policy.respectsCacheControl = respectsOrigin
    let fixture = try Fixture(policy)
    let service = CountingOrigin { request, _ in
      CacheResponse(
        fields: ["Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT"],
        body: Body(request.fields[HeaderName(stringLiteral: field)] ?? "nobody"))
    }.layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    #expect(try await service.call(.get("/", [HeaderName(stringLiteral: field): "ann"])).text() == "ann")
    #expect(try await service.call(.get("/")).text() == "nobody")
    // When nothing fresh is there, what it is guessed to be is for all, as long as the policy says.
    fixture.advance(61)
    #expect(try await service.call(.get("/", [HeaderName(stringLiteral: field): "bob"])).text() == "bob")
    fixture.advance(61)
    #expect(try await service.call(.get("/")).text() == "nobody")
  }

  @Test(arguments: [.get, .head] as [RequestMethod])
  func `a lifetime guessed for one user does not shorten the policy's for others`(method: RequestMethod) async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(60)))
    let modified = HTTPDate.format(UnixTime(seconds: CacheClock(fixture.clock).unixTime.seconds - 10))
    let origin = CountingOrigin { _, number in
      CacheResponse(fields: ["Last-Modified": modified], body: Body("answer \(number)"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    for _ in 0..<5 {
      _ = try await service.call(CacheRequest(method: method, target: "/", fields: ["Cookie": "u=1"]))
    }
    fixture.advance(50)
    let response = try await service.call(.get("/"))
    #expect(response.outcome == .hit)
    #expect(try await response.text() == "answer 1")
  }

  @Test(
    "a 304 for a request with Authorization changes what was stored for others only if they may not use it either",
    arguments: [
      ("max-age=600", true), ("max-age=600, stale-if-error=60", true), ("", true), ("public, max-age=600", true),
      ("no-cache", false), ("max-age=0", false), ("private", false), ("no-store", false),
      ("max-age=0, s-maxage=0", false),
    ])
  func authorized(update: String, isKept: Bool) async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = CountingOrigin { request, number in
      var fields: HeaderFields = ["ETag": "\"a\"", "Cache-Control": number == 1 ? "max-age=600" : update]
      if update.isEmpty, number > 1 { fields.removeAll("Cache-Control") }
      return request.fields.contains("If-None-Match")
        ? CacheResponse(status: 304, fields: fields) : CacheResponse(fields: fields, body: Body("answer \(number)"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    fixture.advance(1)
    let own = try await service.call(.get("/", ["Authorization": "x", "Cache-Control": "no-cache"]))
    #expect(try await own.text() == "answer 1")
    if isKept {
      #expect(try await service.call(.get("/")).outcome == .hit)
    } else {
      // The cache asks in nobody's name, and gets the same.
      try await eventually { try await service.call(.get("/")).outcome != .hit }
    }
    await fixture.cache.waitForLandings()
  }

  @Test func `a slow confirmation does not bring back what has been replaced`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let fields: HeaderFields = ["Cache-Control": "public, max-age=10", "ETag": "\"1\""]
    async let first = service.call(.get("/"))
    await origin.nextCall().respond(CacheResponse(fields: fields, body: "old"))
    _ = try await first.text()
    fixture.advance(20)
    async let slow = service.call(.get("/", ["Authorization": "x"]))
    let validation = await origin.nextCall()
    #expect(validation.request.fields["If-None-Match"] == "\"1\"")
    async let other = service.call(.get("/"))
    await origin.nextCall().respond(
      CacheResponse(fields: ["Cache-Control": "public, max-age=10", "ETag": "\"2\""], body: "new"))
    #expect(try await other.text() == "new")
    fixture.advance(1)
    validation.respond(CacheResponse(status: 304, fields: fields))
    #expect(try await slow.text() == "old")
    #expect(try await service.call(.get("/")).text() == "new")
  }
}

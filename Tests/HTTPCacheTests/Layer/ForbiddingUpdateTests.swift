//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// A 304 that no longer permits what is stored to be stored: the request that brings it gets what it says, and nobody else gets
/// what was stored before (RFC 9111 §3.2).
@Suite(.timeLimit(.minutes(2))) struct ForbiddingUpdateTests {
  /// A refusal to store, and what a 304 has that causes it.
  struct Forbidding: CustomTestStringConvertible, Sendable {
    var name: String
    var stored: HeaderFields = ["ETag": "\"a\"", "Cache-Control": "max-age=3600", "X-Old": "1"]
    var update: HeaderFields
    var policy: @Sendable (inout CachePolicy) -> Void = { _ in }
    var testDescription: String { name }
  }

  static let forbidding: [Forbidding] = [
    Forbidding(name: "no-store", update: ["ETag": "\"a\"", "Cache-Control": "no-store"]),
    Forbidding(name: "private", update: ["ETag": "\"a\"", "Cache-Control": "private, max-age=60"]),
    Forbidding(name: "vary-star", update: ["ETag": "\"a\"", "Cache-Control": "max-age=60", "Vary": "*"]),
    Forbidding(
      name: "no-lifetime", stored: ["Cache-Control": "max-age=3600", "X-Old": "1"],
      update: ["Cache-Control": "no-cache"]),
    Forbidding(
      name: "tags", update: ["ETag": "\"a\"", "Cache-Control": "max-age=60", "Cache-Tag": "a, b, c, d"],
      policy: { $0.tags.maximumCount = 3 }),
    Forbidding(name: "CDN-Cache-Control", update: ["ETag": "\"a\"", "CDN-Cache-Control": "no-store"]),
  ]

  @Test(
    "the request that brings an update which forbids storing gets the updated fields, and nobody else gets the old ones",
    arguments: forbidding)
  func forbidden(_ forbidding: Forbidding) async throws {
    var policy = CachePolicy()
    forbidding.policy(&policy)
    let fixture = try Fixture(policy)
    var update = forbidding.update
    update.append("X-New", "2")
    update.append("X-Old", "2")
    let origin = UpdatingTests.script([
      UpdatingTests.response(forbidding.stored, "body"), UpdatingTests.response(304, update),
      UpdatingTests.response(["Cache-Control": "no-store"], "anew"),
    ])
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    fixture.advance(1)
    let response = try await service.call(.get("/", ["Cache-Control": "no-cache"]))
    #expect(response.status == 200)
    for name in ["Cache-Control", "CDN-Cache-Control", "Set-Cookie", "Vary", "X-New"] as [HeaderName] {
      #expect(response.fields[name] == (update[name] ?? forbidding.stored[name]), "\(name)")
    }
    #expect(response.fields.values(of: "X-Old") == ["2"])
    #expect(response.fields[.age] == "0")
    #expect(response.fields.values(of: .age).count == 1)
    #expect(response.fields[.cacheStatus]?.contains("fwd=request; fwd-status=304; detail=") == true)
    #expect(try await response.text() == "body")
    #expect(try await service.call(.get("/")).text() == "anew")
    #expect(origin.count.value == 3)
  }

  @Test("the 304 for the client's own condition has the updated fields too", arguments: forbidding)
  func forbiddenConditionally(_ forbidding: Forbidding) async throws {
    var policy = CachePolicy()
    forbidding.policy(&policy)
    let fixture = try Fixture(policy)
    var update = forbidding.update
    update.append("X-New", "2")
    let service = UpdatingTests.script([
      UpdatingTests.response(forbidding.stored, "body"), UpdatingTests.response(304, update),
    ])
    .layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    let response = try await service.call(.get("/", ["Cache-Control": "no-cache", "If-None-Match": "*"]))
    guard forbidding.stored["ETag"] != nil else { return }
    #expect(response.status == 304)
    for name in ["Cache-Control", "CDN-Cache-Control", "Set-Cookie", "Vary", "X-New"] as [HeaderName] {
      #expect(response.fields[name] == (update[name] ?? forbidding.stored[name]), "\(name)")
    }
  }

  @Test("a cookie of a 304 is for the request that has brought it, and not stored", arguments: ["", "max-age=60"])
  func cookie(_ cacheControl: String) async throws {
    let fixture = try Fixture()
    var update: HeaderFields = ["ETag": "\"a\"", "Set-Cookie": "sid=1"]
    if !cacheControl.isEmpty { update.append("Cache-Control", cacheControl) }
    let service = UpdatingTests.script([
      UpdatingTests.response(["ETag": "\"a\""], "body"), UpdatingTests.response(304, update),
    ])
    .layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    #expect(
      try await service.call(.get("/", ["Cache-Control": "no-cache"])).fields.values(of: .setCookie) == ["sid=1"])
    let next = try await service.call(.get("/"))
    #expect(next.outcome == .hit)
    #expect(next.fields[.setCookie] == nil)
  }

  @Test("an Age of the 304 counts, and is sent once") func ageOfForbidding() async throws {
    let fixture = try Fixture()
    let service = UpdatingTests.script([
      UpdatingTests.response(["ETag": "\"a\"", "Cache-Control": "max-age=60"], "body"),
      UpdatingTests.response(304, ["ETag": "\"a\"", "Cache-Control": "no-store", "Age": "7"]),
    ]).layer(fixture.cache)
    _ = try await service.call(.get("/")).text()
    let response = try await service.call(.get("/", ["Cache-Control": "no-cache"]))
    #expect(response.fields.values(of: .age) == ["7"])
  }

  @Test(
    "an update for an authenticated request that does not permit sharing leaves nothing fresh behind (RFC 9111 §3.5)",
    arguments: ["no-cache", "max-age=60", "private", "no-store", ""])
  func authorized(_ cacheControl: String) async throws {
    let fixture = try Fixture()
    var update: HeaderFields = ["ETag": "\"a\""]
    update.append("Cache-Control", cacheControl)
    let seen = Locked<[CacheRequest]>([])
    let origin = UpdatingTests.script(
      [
        UpdatingTests.response(["ETag": "\"a\"", "Cache-Control": "public, max-age=3600"], "body"),
        UpdatingTests.response(304, update),
        UpdatingTests.response(304, ["ETag": "\"a\"", "Cache-Control": "public, max-age=3600"]),
      ], seen: seen)
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/", ["Authorization": "x"])).text()
    #expect(try await service.call(.get("/")).outcome == .hit)
    _ = try await service.call(.get("/", ["Authorization": "x", "Cache-Control": "no-cache"])).text()
    let next = try await service.call(.get("/"))
    #expect(next.outcome != .hit)
    #expect(origin.count.value == 3)
    guard cacheControl != "private", cacheControl != "no-store" else { return }
    // It is validated, and fresh again.
    #expect(seen.withLock { $0.last?.fields["If-None-Match"] } == "\"a\"")
    #expect(try await next.text() == "body")
    #expect(try await service.call(.get("/")).outcome == .hit)
  }
}

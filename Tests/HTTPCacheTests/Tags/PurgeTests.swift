//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// `PURGE` and `BAN`.
@Suite(.timeLimit(.minutes(5))) struct PurgeTests {
  private static let secret = "correct horse battery"

  private func fixture(_ purging: PurgePolicy? = PurgePolicy(.secret(secret))) async throws -> (
    Fixture, CountingOrigin, Layered<CacheLayer, CountingOrigin>
  ) {
    var policy = CachePolicy()
    policy.staleWhileRevalidate = .seconds(30)
    policy.purging = purging
    let fixture = try Fixture(policy)
    let origin = CountingOrigin { request, number in
      CacheResponse(fields: ["Cache-Tag": "all, \(request.path.dropFirst())"], body: Body("answer \(number)"))
    }
    let service = origin.layer(fixture.cache)
    for target in ["/a", "/b", "/c/1"] { _ = try await service.call(.get(target)) }
    return (fixture, origin, service)
  }

  private static func request(_ method: RequestMethod, _ target: String, _ fields: HeaderFields = [:]) -> CacheRequest {
    var request = CacheRequest.get(target, fields)
    request.method = method
    if !fields.contains(HeaderName.authorization) { request.fields[.authorization] = "Bearer \(secret)" }
    return request
  }

  @Test(
    arguments: [
      ("PURGE", "/a", [:], ["/a"], #"{"mode":"hard","entries":1,"flights":0,"complete":true}"#),
      ("PURGE", "/d", [:], [], #"{"mode":"hard","entries":0,"flights":0,"complete":true}"#),
      (
        "BAN", "/", ["Cache-Tag": "a, b"], ["/a", "/b"], #"{"mode":"hard","entries":null,"flights":0,"complete":true}"#
      ),
      ("BAN", "/", ["Surrogate-Key": "b x"], ["/b"], #"{"mode":"hard","entries":null,"flights":0,"complete":true}"#),
      (
        "BAN", "/", ["Cache-Tag": "all, a", "Cache-Tag-Match": "all"], ["/a"],
        #"{"mode":"hard","entries":null,"flights":0,"complete":true}"#
      ),
      (
        "BAN", "/", ["Cache-Path-Prefix": "/c/"], ["/c/1"],
        #"{"mode":"hard","entries":1,"flights":0,"complete":true}"#
      ),
    ] as [(String, String, HeaderFields, [String], String)])
  func `forget what they name`(
    method: String, target: String, fields: HeaderFields, gone: [String], receipt: String
  ) async throws {
    let (_, origin, service) = try await fixture()
    let response = try await service.call(Self.request(RequestMethod(rawValue: method), target, fields))
    #expect(response.status == 200)
    #expect(response.fields[.contentType] == "application/json")
    #expect(response.fields[.cacheControl] == "no-store")
    #expect(try await response.text() == receipt + "\n")
    #expect(origin.count.value == 3)
    for target in ["/a", "/b", "/c/1"] {
      #expect(
        try await service.call(.get(target)).outcome == (gone.contains(target) ? .miss(.absent) : .hit), "\(target)")
    }
  }

  @Test(arguments: ["1", "true", "?1"]) func `softly, when they say so`(value: String) async throws {
    let (_, _, service) = try await fixture()
    let response = try await service.call(Self.request("PURGE", "/a", ["Soft-Purge": value]))
    #expect(try await response.text().hasPrefix(#"{"mode":"soft","entries":1"#))
    #expect(try await service.call(.get("/a")).outcome == .stale(.whileRevalidating))
  }

  @Test(arguments: [
    "", "Bearer wrong secret 123456", "Bearer correct horse", "correct horse batterx", "Bearer ",
  ]) func `nobody without the secret does`(authorization: String) async throws {
    let (fixture, origin, service) = try await fixture()
    for method in ["PURGE", "BAN"] as [RequestMethod] {
      let fields: HeaderFields = ["Authorization": authorization, "Cache-Tag": "all"]
      #expect(try await service.call(Self.request(method, "/a", fields)).status == 403)
    }
    #expect(try await service.call(.get("/a")).outcome == .hit)
    #expect(origin.count.value == 3)
    #expect(fixture.cache.statistics.invalidations == 0)
  }

  @Test func `the secret stands behind its scheme, or in another field, and not among others`() async throws {
    let (_, _, service) = try await fixture()
    #expect(try await service.call(Self.request("PURGE", "/a", ["Authorization": Self.secret])).status == 403)
    var several = Self.request("PURGE", "/a", ["Authorization": "Bearer guess"])
    several.fields.append(HeaderName.authorization, "Bearer \(Self.secret)")
    #expect(try await service.call(several).status == 403)
    let (_, _, other) = try await fixture(PurgePolicy(.secret(Self.secret, field: "X-Purge-Key")))
    #expect(try await other.call(Self.request("PURGE", "/a", ["X-Purge-Key": Self.secret])).status == 200)
    #expect(try await other.call(Self.request("PURGE", "/a")).status == 403)
  }

  @Test func `a closure can decide`() async throws {
    let (_, _, service) = try await fixture(PurgePolicy(.matching { $0.fields["X-Role"] == "editor" }))
    #expect(try await service.call(Self.request("PURGE", "/a")).status == 403)
    #expect(try await service.call(Self.request("PURGE", "/a", ["X-Role": "editor"])).status == 200)
  }

  @Test func `a ban of nothing is refused`() async throws {
    let (_, _, service) = try await fixture()
    let response = try await service.call(Self.request("BAN", "/"))
    #expect(response.status == 400)
    #expect(try await response.text().contains("Cache-Tag"))
    #expect(try await service.call(.get("/a")).outcome == .hit)
  }

  @Test func `disabled, they go to the origin like any other method`() async throws {
    let (_, origin, service) = try await fixture(nil)
    #expect(try await service.call(Self.request("PURGE", "/x")).outcome == .bypass(.method))
    #expect(try await service.call(Self.request("BAN", "/x", ["Cache-Tag": "all"])).outcome == .bypass(.method))
    #expect(origin.count.value == 5)
    #expect(try await service.call(.get("/a")).outcome == .hit)
    let (_, purgeOnly, other) = try await fixture(PurgePolicy(.secret(Self.secret), banMethod: nil))
    #expect(try await other.call(Self.request("BAN", "/x", ["Cache-Tag": "all"])).outcome == .bypass(.method))
    #expect(purgeOnly.count.value == 4)
  }
}

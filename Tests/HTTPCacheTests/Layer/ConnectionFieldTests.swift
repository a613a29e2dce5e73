//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Fields that a client's `Connection` lists are gone before key, variant and policy are chosen (RFC 9110 §7.6.1).
@Suite struct ConnectionFieldTests {
  static func origin(vary: String) -> CountingOrigin {
    CountingOrigin { request, _ in
      let seen = vary.split(separator: ",").map { request.fields[HeaderName(String($0))!] ?? "-" }.joined(
        separator: "|")
      return CacheResponse(fields: ["Cache-Control": "max-age=600", "Vary": vary], body: Body(seen))
    }
  }

  @Test(
    arguments: [
      "Origin", "Accept-Language", "Accept-Encoding", "Accept", "User-Agent", "Cookie", "X-Tenant", "Referer", "X-A",
    ], ["*", "close, *", "*, keep-alive", " , *,", "foo, *", "CASE"])
  func `a listed field selects nothing`(name: String, form: String) async throws {
    let service = Self.origin(vary: name).layer(try Fixture().cache)
    let listed = form == "CASE" ? name.uppercased() : form.replacing("*", with: name)
    let poison = CacheRequest.get("/v", [HeaderName(name)!: "victim", "Connection": listed])
    #expect(try await service.call(poison).text() == "-")
    let victim = try await service.call(.get("/v", [HeaderName(name)!: "victim"]))
    #expect(try await victim.text() == "victim")
    // It is the variant of who sends no such field.
    #expect(try await service.call(.get("/v")).outcome == .hit)
    #expect(try await service.call(poison).text() == "-")
    #expect(try await service.call(poison).outcome == .hit)
  }

  @Test func `the other way round nothing is taken from a variant either`() async throws {
    let service = Self.origin(vary: "Accept-Language").layer(try Fixture().cache)
    #expect(try await service.call(.get("/v", ["Accept-Language": "de"])).text() == "de")
    let listed = CacheRequest.get("/v", ["Accept-Language": "de", "Connection": "accept-language"])
    #expect(try await service.call(listed).text() == "-")
  }

  @Test func `key and policy see the request without them`() async throws {
    let seen = Locked<[HeaderFields]>([])
    var policy = CachePolicy()
    policy.shouldCache = { request in
      seen.withLock { $0.append(request.fields) }
      return true
    }
    policy.key = .custom { request in
      seen.withLock { $0.append(request.fields) }
      return request.target + (request.fields["X-Tenant"] ?? "")
    }
    let origin = CountingOrigin { request, _ in
      CacheResponse(fields: ["Cache-Control": "max-age=60"], body: Body(request.fields["X-Tenant"] ?? "-"))
    }
    let service = origin.layer(try Fixture(policy).cache)
    let request = CacheRequest.get(
      "/v", ["X-Tenant": "a", "Connection": "X-Tenant", "Keep-Alive": "5", "TE": "trailers", "Proxy-Connection": "x"])
    #expect(try await service.call(request).text() == "-")
    #expect(try await service.call(request).outcome == .hit)
    #expect(try await service.call(.get("/v", ["X-Tenant": "a"])).text() == "a")
    for fields in seen.withLock({ $0 }) {
      #expect(!fields.contains("Connection") && !fields.contains("Keep-Alive") && !fields.contains("TE"))
    }
  }

  @Test func `HEAD and requests of their own are without them too`() async throws {
    let service = Self.origin(vary: "X-A").layer(try Fixture().cache)
    let requests: [(RequestMethod, HeaderFields)] = [
      (.head, [:]), (.get, ["If-Match": "\"a\""]), (.get, ["Cache-Control": "no-store"]),
    ]
    for (method, fields) in requests {
      var request = CacheRequest.get("/v", fields).as(method)
      request.fields.append("X-A", "1")
      request.fields.append("Connection", "X-A")
      let response = try await service.call(request)
      if method == .get { #expect(try await response.text() == "-") }
    }
  }

  @Test func `a plain hit needs no look at them`() async throws {
    let fixture = try Fixture()
    let service = CountingOrigin(["Cache-Control": "max-age=60"]).layer(fixture.cache)
    _ = try await service.call(.get("/v"))
    #expect(try await service.call(.get("/v", ["Connection": "close, X-A", "X-A": "1"])).outcome == .hit)
    #expect(fixture.cache.immediateResponse(to: .get("/v", ["Connection": "Cookie", "Cookie": "a"])) != nil)
  }
}

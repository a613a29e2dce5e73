//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// A response that says nothing about who may have it is shared among requests without personal cookies only.
@Suite struct CookieTests {
  static func origin(_ fields: HeaderFields = [:], status: Int = 200) -> CountingOrigin {
    CountingOrigin { request, number in
      CacheResponse(
        status: status, fields: fields, body: Body("\(request.fields[.cookie] ?? "nobody") \(number)"))
    }
  }

  @Test(
    arguments: [
      "u=ann", "u=ann; _ga=1", "_ga=1; u=ann", "session", "=x", "u=\"a;b\"", "u = ann", ";;u=1", "__Host-s=1",
    ], [200, 404, 301])
  func `a default lifetime is not for requests with a cookie`(cookie: String, status: Int) async throws {
    let fixture = try Fixture()
    let origin = Self.origin(status: status)
    let service = origin.layer(fixture.cache)
    let request = CacheRequest.get("/c", ["Cookie": cookie])
    for number in 1...3 {
      let response = try await service.call(request)
      #expect(try await response.text() == "\(cookie) \(number)")
      #expect(response.fields["Cache-Status"]?.contains("detail=cookie") == true)
      #expect(response.fields["Cache-Status"]?.contains("stored") == false)
    }
    // Others do not get it, and share what is made for them.
    #expect(try await service.call(.get("/c")).text() == "nobody 4")
    #expect(try await service.call(.get("/c")).outcome == .hit)
    // Nor is what was made for them given to a request with a cookie, or driven out by its answer.
    let response = try await service.call(request)
    #expect(try await response.text() == "\(cookie) 5")
    #expect(response.fields["Cache-Status"]?.contains("detail=cookie") == true)
    #expect(try await service.call(.get("/c")).text() == "nobody 4")
  }

  @Test(
    arguments: ["Bearer ann", "Basic dTpw"], [[:], ["Cache-Control": "public"], ["ETag": "\"a\""]] as [HeaderFields])
  func `a default lifetime is not for requests with Authorization`(credentials: String, fields: HeaderFields)
    async throws
  {
    let fixture = try Fixture(
      CachePolicy(timeToLive: .seconds(60), staleIfError: .seconds(600), cookies: .nonePersonal))
    let origin = CountingOrigin { request, number in
      CacheResponse(fields: fields, body: Body("\(request.fields["Authorization"] ?? "nobody") \(number)"))
    }
    let service = origin.layer(fixture.cache)
    let request = CacheRequest.get("/a", ["Authorization": credentials])
    for number in 1...2 {
      let response = try await service.call(request)
      #expect(try await response.text() == "\(credentials) \(number)")
      #expect(response.fields["Cache-Status"]?.contains("detail=authorization") == true)
      #expect(response.fields["Cache-Status"]?.contains("stored") == false)
    }
    // Others do not get it. Nor does a request with credentials get, or drive out, what was made for them.
    #expect(try await service.call(.get("/a")).text() == "nobody 3")
    #expect(try await service.call(request).text() == "\(credentials) 4")
    #expect(try await service.call(.get("/a")).text() == "nobody 3")
  }

  @Test func `a lifetime that the origin gives is for requests with Authorization too`() async throws {
    let service = Self.origin(["Cache-Control": "max-age=60"]).layer(try Fixture().cache)
    _ = try await service.call(.get("/a"))
    #expect(try await service.call(.get("/a", ["Authorization": "Bearer ann"])).outcome == .hit)
  }

  @Test(arguments: ["", ";", " ; ; "])
  func `an empty cookie is none`(cookie: String) async throws {
    let service = Self.origin().layer(try Fixture().cache)
    _ = try await service.call(.get("/c"))
    #expect(try await service.call(.get("/c", ["Cookie": cookie])).outcome == .hit)
  }

  @Test(
    arguments: [
      ["Cache-Control": "max-age=60"], ["Cache-Control": "s-maxage=60"], ["Cache-Control": "public, max-age=60"],
      ["Expires": "Thu, 01 Jan 2099 00:00:00 GMT"], ["CDN-Cache-Control": "max-age=60"],
      ["Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"],
    ] as [HeaderFields])
  func `a lifetime that the origin gives is for all`(fields: HeaderFields) async throws {
    let service = Self.origin(fields).layer(try Fixture().cache)
    #expect(try await service.call(.get("/c", ["Cookie": "u=ann"])).text() == "u=ann 1")
    #expect(try await service.call(.get("/c", ["Cookie": "u=bob"])).outcome == .hit)
    #expect(try await service.call(.get("/c")).text() == "u=ann 1")
  }

  @Test(
    arguments: [
      ["Cache-Control": "public"], ["ETag": "\"a\""], ["Cache-Control": "must-revalidate"], ["Expires": "0", "X": "y"],
    ] as [HeaderFields])
  func `what only looks like one is not`(fields: HeaderFields) async throws {
    var policy = CachePolicy()
    policy.respectsCacheControl = false
    let service = Self.origin(fields).layer(try Fixture(policy).cache)
    #expect(try await service.call(.get("/c", ["Cookie": "u=ann"])).text() == "u=ann 1")
    #expect(try await service.call(.get("/c", ["Cookie": "u=bob"])).text() == "u=bob 2")
    #expect(try await service.call(.get("/c")).text() == "nobody 3")
    #expect(try await service.call(.get("/c")).outcome == .hit)
  }

  @Test func `where the policy's times come first, the origin's own count for cookies`() async throws {
    var policy = CachePolicy(timeToLive: .seconds(600))
    policy.respectsCacheControl = false
    let fixture = try Fixture(policy)
    let service = Self.origin(["Cache-Control": "max-age=10"]).layer(fixture.cache)
    _ = try await service.call(.get("/c", ["Cookie": "u=ann"]))
    fixture.advance(20)
    #expect(try await service.call(.get("/c", ["Cookie": "u=bob"])).outcome == .hit)
  }

  @Test func `a rule names the cookies that count`() async throws {
    let rules: [(CookieRule, [String: Bool])] = [
      (.allPersonal, ["a=1": false, "_ga=1": false]),
      (.nonePersonal, ["a=1": true, "session=1; u=2": true]),
      (
        .personal(except: ["_ga*", "_gid"]),
        [
          "_ga=1": true, "_ga_X=1; _gid=2": true, "_gid2=1": false, "_ga=1; u=1": false, "_ga=1, u=1": false,
          "_ga=1,u=1": false, "_ga=1 u=1": false, "_ga=1\tu=1": false, ".ga=1": false,
        ]
      ),
      (
        .personal(["session", "wp_*"]),
        [
          "session=1": false, "Session=1": true, "wp_": false, "wp_x=1": false, "wp=1": true, "a=1, session=1": false,
          "wp.x=1": false, "wp[x=1": false, "wpx=1": true,
        ]
      ),
    ]
    for (rule, cookies) in rules {
      for (cookie, isHit) in cookies {
        var policy = CachePolicy()
        policy.cookies = rule
        let service = Self.origin().layer(try Fixture(policy).cache)
        _ = try await service.call(.get("/c"))
        let response = try await service.call(.get("/c", ["Cookie": cookie]))
        #expect((response.outcome == .hit) == isHit, "\(rule) \(cookie)")
      }
    }
  }

  @Test func `a rule that names no cookie, or every one, is refused with what to write instead`() throws {
    for name in ["", "a*b", "a;b", "a b", "a=b", "é", "*", "**"] {
      for rule in [CookieRule.personal([name]), .personal(except: ["_ga", name])] {
        let error = #expect(throws: CacheConfigurationError.self) { try CachePolicy(cookies: rule).validate() }
        #expect(error?.description.contains("\"\(name)\"") == true)
        #expect(name != "*" || error?.description.contains(".allPersonal or .nonePersonal") == true)
      }
    }
    let error = #expect(throws: CacheConfigurationError.self) { try CachePolicy(cookies: .personal([])).validate() }
    #expect(error?.description.contains(".nonePersonal if none is") == true)
    // Every cookie is personal: a list of exceptions may be empty.
    for rule in [CookieRule.personal(except: []), .personal(except: ["_ga_*"]), .personal(["a"])] {
      try CachePolicy(cookies: rule).validate()
    }
  }

  @Test func `several Cookie lines are one`() async throws {
    var policy = CachePolicy()
    policy.cookies = .personal(["session"])
    let service = Self.origin().layer(try Fixture(policy).cache)
    _ = try await service.call(.get("/c"))
    var request = CacheRequest.get("/c", ["Cookie": "a=1"])
    #expect(try await service.call(request).outcome == .hit)
    request.fields.append("Cookie", "session=1")
    #expect(try await service.call(request).outcome != .hit)
  }

  @Test func `requests with cookies do not wait for each other, and their failures are theirs`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(60), staleIfError: .seconds(600)))
    let origin = CountingOrigin { request, number in
      if request.fields["Cookie"] == "u=down" { return CacheResponse(status: 503) }
      return CacheResponse(body: Body("\(request.fields[.cookie] ?? "nobody") \(number)"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/c"))
    #expect(try await service.call(.get("/c", ["Cookie": "u=down"])).status == 503)
    fixture.advance(61)
    #expect(try await service.call(.get("/c", ["Cookie": "u=down"])).status == 503)
  }

  @Test(.timeLimit(.minutes(5)))
  func `concurrent users of a page with a default lifetime each get their own`() async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin { request, _ in
      for _ in 0..<100 { await Task.yield() }
      return CacheResponse(body: Body(request.fields["Cookie"] ?? "nobody"))
    }
    let service = origin.layer(fixture.cache)
    for round in 1...5 {
      try await withThrowingTaskGroup(of: (Int, String).self) { group in
        for user in 0..<20 {
          group.addTask {
            let response = try await service.call(.get("/c", user % 3 == 0 ? [:] : ["Cookie": "u=\(user)"]))
            return (user, try await response.text())
          }
        }
        for try await (user, text) in group { #expect(text == (user % 3 == 0 ? "nobody" : "u=\(user)")) }
      }
      #expect(origin.count.value <= 20 * round)
    }
  }

  // MARK: Set-Cookie

  @Test func `the cookie of a 304 is for the client that caused it alone`() async throws {
    for directives in ["max-age=10", "no-cache", "max-age=10, stale-while-revalidate=5"] {
      let fixture = try Fixture()
      let origin = CountingOrigin { request, _ in
        guard request.fields.contains("If-None-Match") else {
          return CacheResponse(fields: ["Cache-Control": directives, "ETag": "\"e\""], body: Body("page"))
        }
        return CacheResponse(
          status: 304,
          fields: [
            "Cache-Control": directives, "ETag": "\"e\"", "Set-Cookie": "session=\(request.fields["Cookie"] ?? "none")",
          ])
      }
      let service = origin.layer(fixture.cache)
      _ = try await service.call(.get("/s"))
      fixture.advance(20)
      let alice = try await service.call(.get("/s", ["Cookie": "alice"]))
      #expect(alice.fields.values(of: .setCookie) == ["session=alice"], "\(directives)")
      #expect(try await alice.text() == "page")
      let bob = try await service.call(.get("/s", ["Cookie": "bob"]))
      #expect(bob.fields["Set-Cookie"] == (directives == "no-cache" ? "session=bob" : nil), "\(directives)")
      // Also when the client has the page itself.
      fixture.advance(20)
      let carol = try await service.call(.get("/s", ["Cookie": "carol", "If-None-Match": "\"e\""]))
      #expect(carol.status == 304)
      #expect(carol.fields.values(of: .setCookie) == ["session=carol"], "\(directives)")
    }
  }

  @Test func `the cookie of a 304 takes the place of a stored one for its client (RFC 9111 §3.2)`() async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin { request, number in
      CacheResponse(
        status: request.fields.contains("If-None-Match") ? 304 : 200,
        fields: ["Cache-Control": "max-age=10", "ETag": "\"e\"", "Set-Cookie": "visit=\(number)"], body: Body("page"))
    }
    let service = origin.layer(fixture.cache)
    for (advance, conditions, cookie) in [
      (0, [:], "visit=1"), (5, [:], "visit=1"), (20, [:], "visit=2"), (5, [:], "visit=1"),
      (20, ["If-None-Match": "\"e\""], "visit=3"), (5, [:], "visit=1"),
    ] as [(Int, HeaderFields, String)] {
      fixture.advance(advance)
      let response = try await service.call(.get("/s", conditions))
      #expect(response.fields.values(of: .setCookie) == [cookie])
      _ = try await response.text()
    }
  }

  @Test func `the cookie of a response to HEAD is not stored`() async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin { request, _ in
      CacheResponse(
        fields: request.method == .head
          ? ["Cache-Control": "max-age=60", "ETag": "\"e\"", "Set-Cookie": "session=alice"]
          : ["Cache-Control": "max-age=10", "ETag": "\"e\""], body: request.method == .head ? .empty : Body("page"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/s"))
    fixture.advance(20)
    #expect(try await service.call(CacheRequest.get("/s").as(.head)).fields["Set-Cookie"] == "session=alice")
    let other = try await service.call(.get("/s"))
    #expect(other.outcome == .hit)
    #expect(!other.fields.contains("Set-Cookie"))
  }

  @Test(arguments: [
    ("max-age=60", true), ("s-maxage=60", true), ("max-age=60, must-revalidate", true), ("public, max-age=1", true),
    ("max-age=0", false), ("max-age=0, must-revalidate", false), ("s-maxage=0", false),
    ("s-maxage=0, max-age=60", false),
    ("max-age=0, stale-while-revalidate=60", false), ("max-age=0, public", false), ("public", false),
    ("no-cache", false),
    ("no-cache, max-age=60", false), ("max-age=x", false), ("max-age=60 foo", false), ("stale-if-error=60", false),
    ("", false),
    ("must-revalidate", false),
  ])
  func `a cookie is shared only if a lifetime above zero says so`(directives: String, isShared: Bool) async throws {
    for extra in [[:], ["ETag": "\"e\""], ["Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"]] as [HeaderFields] {
      var fields: HeaderFields = ["Cache-Control": directives, "Set-Cookie": "sid=alice"]
      fields.append(contentsOf: extra)
      let service = Self.origin(fields).layer(try Fixture().cache)
      #expect(try await service.call(.get("/s", ["Cookie": "u=1"])).fields["Set-Cookie"] == "sid=alice")
      #expect((try await service.call(.get("/s", ["Cookie": "u=2"])).outcome == .hit) == isShared, "\(directives)")
    }
  }

  @Test(
    arguments: [
      ["Expires": "0"], ["Expires": "Thu, 19 Nov 1981 08:52:00 GMT"], ["Cache-Control": "max-age=60", "Age": "60"],
      ["Cache-Control": "max-age=60", "Age": "61"], ["CDN-Cache-Control": "max-age=0", "Cache-Control": "max-age=60"],
      ["Expires": "Thu, 01 Jan 2099 00:00:00 GMT", "Cache-Control": "max-age=0"],
    ] as [HeaderFields])
  func `a lifetime that is over when it comes is none`(fields: HeaderFields) async throws {
    var fields = fields
    fields.append("ETag", "\"e\"")
    fields.append("Set-Cookie", "sid=alice")
    let service = Self.origin(fields).layer(try Fixture().cache)
    for number in 1...3 { #expect(try await service.call(.get("/s")).text() == "nobody \(number)") }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9111 §3: storing responses")
  struct Storing {
    @Test(
      "explicit freshness makes every final status storable",
      arguments: [
        200, 201, 202, 203, 204, 205, 226, 299, 300, 301, 302, 303, 307, 308, 400, 402, 403, 404, 405, 406, 409, 410,
        411,
        414, 418, 421, 422, 423, 451, 500, 501, 502, 503, 504, 505, 599,
      ])
    func statuses(status: Int) {
      #expect(Sample.freshSeconds(["Cache-Control: max-age=60"], status: status) == 60)
    }

    @Test(
      "answers to what is not part of the key, and what must not be stored",
      arguments: [
        100, 103, 199, 304, 401, 407, 408, 412, 413, 415, 416, 417, 425, 426, 428, 429, 431, 511, 99, 0, -1, 600, 1000,
      ])
    func refusedStatuses(status: Int) {
      #expect(Sample.storability(["Cache-Control: max-age=60"], status: status).refusal == .status)
    }

    @Test func policyDecidesAboutStatuses() {
      var rules = CachingRules()
      rules.storesStatus = { $0 == 401 }
      #expect(Sample.freshSeconds(["Cache-Control: max-age=60"], status: 401, rules: rules) == 60)
      #expect(Sample.storability(["Cache-Control: max-age=60"], status: 200, rules: rules).refusal == .status)
    }

    @Test("methods", arguments: ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "FOO", "QUERY"])
    func methods(method: String) {
      let result = Sample.storability(["Cache-Control: max-age=60"], method: RequestMethod(rawValue: method))
      #expect(result.refusal == .method)
    }

    @Test(
      "RFC 9110 §9.3.3: POST for GET",
      arguments: [
        (["Cache-Control: max-age=60", "Content-Location: /a/b?q=1"], true),
        (["Cache-Control: s-maxage=60", "Content-Location: http://example.com/a/b?q=1"], true),
        (["CDN-Cache-Control: max-age=60", "Content-Location: http://EXAMPLE.com:80/a/b?q=1"], true),
        (["Expires: \(Sample.date(60))", "Content-Location: b?q=1"], true),
        (["Cache-Control: max-age=60", "Content-Location: "], true),
        (["Cache-Control: max-age=60"], false),
        (["Cache-Control: max-age=60", "Content-Location: /a/b"], false),
        (["Cache-Control: max-age=60", "Content-Location: https://example.com/a/b?q=1"], false),
        (["Cache-Control: max-age=60", "Content-Location: http://example.org/a/b?q=1"], false),
        (["Cache-Control: max-age=60", "Content-Location: /a/b?q=1", "Content-Location: /a/b?q=1"], false),
        (["Cache-Control: public", "Last-Modified: \(Sample.date(-1000))", "Content-Location: /a/b?q=1"], false),
      ])
    func postForGet(lines: [String], isStored: Bool) {
      for method in [RequestMethod.post, .query] {
        let result = Sample.storability(lines, method: method)
        #expect((result.plan != nil) == isStored)
        #expect(result.plan?.traits.contains(.fromPost) ?? isStored == isStored)
      }
      #expect(Sample.storability(lines, method: .put).refusal == .method)
      #expect(Sample.storability(lines, status: 201, method: .post).refusal == .method)
    }

    @Test(
      "§5.2.2: directives that forbid it",
      arguments: [
        ("no-store", StoreRefusal.noStore), ("max-age=60, no-store", .noStore), ("max-age=60, private", .isPrivate),
        ("max-age=60, no-store, must-understand", nil), ("max-age=60, private=\"x\"", nil),
        ("max-age=60, no-transform", nil),
        ("max-age=60, foo=\"no-store\"", nil),
      ] as [(String, StoreRefusal?)])
    func forbidden(value: String, refusal: StoreRefusal?) {
      #expect(Sample.storability(["Cache-Control: \(value)"]).refusal == refusal)
    }

    @Test("§5.2.2.3: must-understand")
    func mustUnderstand() {
      let lines = ["Cache-Control: max-age=60, must-understand, no-store"]
      for status in [200, 206, 404, 503] where status != 206 {
        #expect(Sample.freshSeconds(lines, status: status) == 60)
      }
      for status in [299, 599, 418, 306, 499] {
        #expect(Sample.storability(lines, status: status).refusal == .mustUnderstand)
      }
      #expect(
        Sample.storability(["Cache-Control: max-age=60, must-understand"], status: 599).refusal == .mustUnderstand)
    }

    @Test("§5.2.1.5: no-store of the request")
    func requestNoStore() {
      let lines = ["Cache-Control: max-age=60"]
      #expect(Sample.storability(lines, request: ["Cache-Control: no-store"]).refusal == .requestNoStore)
      var rules = CachingRules()
      rules.respectsRequestDirectives = false
      #expect(Sample.storability(lines, request: ["Cache-Control: no-store"], rules: rules).refusal == .requestNoStore)
      rules.ignoresNoStore = true
      #expect(Sample.storability(lines, request: ["Cache-Control: no-store"], rules: rules).refusal == .requestNoStore)
      #expect(Sample.storability(lines, request: ["Cache-Control: no-cache, max-age=0"]).plan != nil)
    }

    @Test func overridesByName() {
      var rules = CachingRules()
      rules.ignoresNoStore = true
      #expect(Sample.storability(["Cache-Control: max-age=60, no-store"], rules: rules).plan != nil)
      #expect(Sample.storability(["Cache-Control: max-age=60, private"], rules: rules).refusal == .isPrivate)
      rules = CachingRules()
      rules.ignoresPrivate = true
      let plan = Sample.storability(["Cache-Control: max-age=60, private, private=\"X\"", "X: y"], rules: rules).plan
      #expect(plan?.fields["X"] == "y")
    }

    @Test(
      "§3.5: Authorization",
      arguments: [
        ("max-age=60", StoreRefusal.authorization), ("max-age=60, public", nil), ("s-maxage=60", nil),
        ("max-age=60, must-revalidate", nil), ("max-age=60, proxy-revalidate", .authorization),
        ("max-age=60, immutable", .authorization), ("max-age=60, public, private", .isPrivate),
      ] as [(String, StoreRefusal?)])
    func authorization(value: String, refusal: StoreRefusal?) {
      let result = Sample.storability(["Cache-Control: \(value)"], request: ["Authorization: Basic eDp5"])
      #expect(result.refusal == refusal)
      if refusal == nil { #expect(result.plan?.traits.contains(.authorized) == true) }
      #expect(Sample.storability(["Cache-Control: max-age=60"]).plan?.traits.contains(.authorized) == false)
    }

    @Test func policyMayVouchForAuthorization() {
      var rules = CachingRules()
      rules.storesAuthorized = true
      let result = Sample.storability(["Cache-Control: max-age=60"], request: ["Authorization: x"], rules: rules)
      #expect(result.plan?.traits.contains(.authorized) == true)
    }

    @Test(
      "something must say that it is to be stored",
      arguments: [
        ([], 200, false), (["ETag: \"a\""], 200, true), (["ETag: \"a\""], 201, false), (["ETag: \"a\""], 404, true),
        (["ETag: \"a\"", "Cache-Control: public"], 201, true), (["Last-Modified: \(Sample.date(-9))"], 302, false),
        (["Last-Modified: nonsense"], 200, false), (["Cache-Control: public"], 200, false),
        (["Cache-Control: no-cache"], 200, false), (["Cache-Control: no-cache", "ETag: \"a\""], 200, true),
        (["Cache-Control: max-age=0"], 200, false), (["Cache-Control: max-age=0", "ETag: \"a\""], 200, true),
        (["Cache-Control: max-age=0, stale-while-revalidate=5"], 200, true),
        (["Cache-Control: max-age=0, stale-if-error=5"], 200, true),
        (["Cache-Control: max-age=60, no-cache"], 200, false), (["Expires: 0"], 200, false),
        (["Cache-Control: max-age=60", "Age: 60"], 200, false), (["Cache-Control: max-age=60", "Age: 59"], 200, true),
      ] as [([String], Int, Bool)])
    func usefulness(lines: [String], status: Int, isStored: Bool) {
      let result = Sample.storability(lines, status: status)
      #expect((result.plan != nil) == isStored)
      if !isStored { #expect(result.refusal == .noLifetime) }
    }

    @Test(
      "§7.3: cookies",
      arguments: [
        (["Cache-Control: max-age=60"], true), (["Cache-Control: s-maxage=60"], true),
        (["Expires: \(Sample.date(60))"], true),
        (["Cache-Control: public", "Last-Modified: \(Sample.date(-9999))"], false),
        (["CDN-Cache-Control: max-age=60"], true),
        (["Last-Modified: \(Sample.date(-9999))"], false), (["ETag: \"a\""], false),
      ])
    func cookies(lines: [String], isExplicit: Bool) {
      let lines = lines + ["Set-Cookie: a=b", "Set-Cookie: c=d"]
      var rules = CachingRules()
      let stored = Sample.storability(lines, rules: rules)
      #expect(stored.refusal == (isExplicit ? nil : .setCookie))
      if isExplicit { #expect(stored.plan?.fields.values(of: .setCookie) == ["a=b", "c=d"]) }
      rules.setCookies = .refuse
      #expect(Sample.storability(lines, rules: rules).refusal == .setCookie)
      rules.setCookies = .strip
      // A guess is no lifetime for a page that sets a cookie.
      let isGuessed = lines.contains { $0.hasPrefix("Last-Modified") } && !isExplicit
      #expect(
        Sample.storability(lines, rules: rules).plan?.fields.contains(HeaderName.setCookie) == (isGuessed ? nil : false)
      )
      rules.setCookies = .store
      #expect(Sample.storability(lines, rules: rules).plan?.fields.values(of: .setCookie) == ["a=b", "c=d"])
      rules = CachingRules()
      rules.lifetime = { _ in .seconds(60) }
      #expect(Sample.storability(lines, rules: rules).refusal == (isExplicit ? nil : .setCookie))
    }

    @Test(
      "§4.1: Vary",
      arguments: [
        (["*"], StoreRefusal.varyStar), (["*, *"], .varyStar), (["*", "*"], .varyStar), (["", "*"], .varyStar),
        (["Accept, *"], .varyStar), (["a b"], .varyStar), (["Accept;q=1"], .varyStar), (["\"Accept\""], .varyStar),
        ([""], nil), (["Accept"], nil), (["Accept, , accept,ACCEPT"], nil),
        ([(0..<16).map { "x\($0)" }.joined(separator: ",")], nil),
        ([(0..<17).map { "x\($0)" }.joined(separator: ",")], .varyLimit),
        ((0..<17).map { "x\($0)" }, .varyLimit),
      ] as [([String], StoreRefusal?)])
    func vary(values: [String], refusal: StoreRefusal?) {
      let lines = ["Cache-Control: max-age=60"] + values.map { "Vary: \($0)" }
      #expect(Sample.storability(lines).refusal == refusal)
    }

    @Test func partialContent() throws {
      let lines = ["Cache-Control: max-age=60", "Content-Range: bytes 0-4/10"]
      let plan = try #require(Sample.storability(lines, status: 206).plan)
      #expect(plan.traits.contains(.partial))
      #expect(Sample.storability(["Cache-Control: max-age=60"], status: 206).refusal == .partial)
      #expect(
        Sample.storability(["Cache-Control: max-age=60", "Content-Range: bytes */10"], status: 206).refusal == .partial)
      var rules = CachingRules()
      rules.storesPartialContent = false
      #expect(Sample.storability(lines, status: 206, rules: rules).refusal == .partial)
    }

    @Test func traits() throws {
      func traits(_ lines: String..., status: Int = 200) -> EntryTraits? {
        Sample.storability(lines, status: status).plan?.traits
      }
      #expect(traits("Cache-Control: max-age=1") == [])
      #expect(traits("Cache-Control: max-age=1, must-revalidate") == .mustRevalidate)
      #expect(traits("Cache-Control: max-age=1, proxy-revalidate") == .mustRevalidate)
      #expect(traits("Cache-Control: s-maxage=1") == .mustRevalidate)
      #expect(traits("Cache-Control: no-cache", "ETag: x") == [.alwaysValidate, .mustRevalidate, .hasValidator])
      #expect(traits("Cache-Control: max-age=1, no-cache=\"x\"") == [])
      #expect(
        traits("Cache-Control: max-age=1, immutable", "Last-Modified: \(Sample.date())") == [.immutable, .hasValidator])
      #expect(traits("Last-Modified: \(Sample.date(-100))") == [.heuristic, .hasValidator])
    }

    @Test(
      "RFC 9112 §6.3: how long a body has to be",
      arguments: [
        (["Content-Length: 5"], 200, "GET", 5), ([], 200, "GET", nil), (["Content-Length: 5"], 200, "HEAD", 0),
        (["Content-Length: 5"], 304, "GET", 0), (["Content-Length: 5"], 204, "GET", 0),
        (["Content-Length: 5, 5"], 200, "GET", 5),
        (["Content-Length: 5", "Content-Length: 5"], 200, "GET", 5), (["Content-Length: 5, 6"], 200, "GET", nil),
        (["Content-Length: -5"], 200, "GET", nil), (["Content-Length: 5x"], 200, "GET", nil),
        (["Content-Length: 99999999999999999999"], 200, "GET", nil), (["Content-Length: "], 200, "GET", nil),
        (["Content-Length: 5", "Transfer-Encoding: chunked"], 200, "GET", nil),
      ] as [([String], Int, String, Int?)])
    func expectedLength(lines: [String], status: Int, method: String, length: Int?) {
      let result = RFC9111.expectedLength(Sample.fields(lines), status: status, method: RequestMethod(rawValue: method))
      #expect(result == length)
    }
  }

  @Suite("RFC 9111 §3.1, §3.2: header fields")
  struct StoredFields {
    static func stored(_ lines: String..., rules: CachingRules = CachingRules()) -> HeaderFields? {
      Sample.storability(["Cache-Control: max-age=60"] + lines, rules: rules).plan?.fields
    }

    @Test(
      "fields that are not stored",
      arguments: [
        "Connection", "Keep-Alive", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info",
        "Proxy-Authorization", "TE", "Transfer-Encoding", "Upgrade",
      ])
    func dropped(name: String) {
      #expect(Self.stored("\(name): foo")?.contains(HeaderName(name)!) == false)
    }

    @Test(
      "fields that are stored",
      arguments: [
        "Test-Header", "X-Test", "Content-Foo", "X-Content-Foo", "Cache-Control", "Connection-Foo", "Content-Encoding",
        "Content-Length", "Content-Location", "Content-MD5", "Content-Range", "Content-Security-Policy", "Content-Type",
        "Clear-Site-Data", "ETag", "Expires", "Public-Key-Pins", "Set-Cookie", "Set-Cookie2", "X-Frame-Options",
        "X-XSS-Protection", "Server", "Link", "Trailer", "Cache-Status", "Warning", "WWW-Authenticate",
      ])
    func kept(name: String) {
      #expect(Self.stored("\(name): foo")?.values(of: HeaderName(name)!).contains("foo") == true)
    }

    @Test("RFC 9110 §7.6.1: what Connection lists")
    func listedInConnection() {
      let stored = Self.stored("Connection: a, B", "connection: ,c,,\"", "A: 1", "b: 2", "C: 3", "D: 4")
      #expect(stored?.map(\.name.canonical) == ["cache-control", "d", "date"])
    }

    @Test func listedInDirectives() {
      let stored = Self.stored(
        "Cache-Control: no-cache=\"a, Set-Cookie\", private=\"b\"", "A: 1", "B: 2", "C: 3", "Set-Cookie: x=y")
      #expect(stored?.map(\.name.canonical) == ["cache-control", "cache-control", "c", "date"])
    }

    @Test(
      "RFC 9110 §6.6.1: Date is added where there is no valid one",
      arguments: [
        ([], Sample.date()), (["Date: nonsense"], Sample.date()), (["Date: \(Sample.date(-5))"], Sample.date(-5)),
        (["Date: \(Sample.date(-5))", "Date: \(Sample.date(-6))"], Sample.date()),
        (["Date: \(Sample.date(-5))", "Connection: date"], Sample.date(-5)),
      ])
    func date(lines: [String], date: String) {
      #expect(Sample.storability(["Cache-Control: max-age=60"] + lines).plan?.fields.values(of: .date) == [date])
    }

    @Test func ageGoesIntoTheTimes() throws {
      let plan = try #require(Sample.storability(["Cache-Control: max-age=60", "Age: 20"]).plan)
      #expect(!plan.fields.contains(HeaderName.age))
      #expect(plan.times.age(at: Sample.now) == 20)
    }

    @Test func allowlist() {
      var rules = CachingRules()
      rules.storedFieldNames = ["X-Keep"]
      let stored = Self.stored(
        "X-Keep: 1", "x-drop: 2", "Content-Language: en", "ETag: \"a\"", "Vary: Accept", "Server: s",
        "CDN-Cache-Control: max-age=9", rules: rules)
      #expect(
        stored?.map(\.name.canonical) == [
          "cache-control", "x-keep", "content-language", "etag", "vary", "cdn-cache-control", "date",
        ])
    }

    @Test(
      "§5.2.2.6: no-transform",
      arguments: [
        ([], true), (["Cache-Control: max-age=1"], true), (["Cache-Control: no-transform"], false),
        (["CDN-Cache-Control: no-transform"], false),
        (["Cache-Control: no-transform", "CDN-Cache-Control: max-age=1"], false),
      ])
    func transformation(lines: [String], isAllowed: Bool) {
      #expect(RFC9111.allowsTransformation(of: Sample.fields(lines), rules: CachingRules()) == isAllowed)
    }

    @Test func passingThrough() {
      let plain = Sample.fields("A: 1", "Trailer: x", "Proxy-Authenticate: Basic")
      #expect(RFC9111.fieldsWithoutHopByHop(plain).storage === plain.storage)
      let fields = Sample.fields(
        "A: 1", "Connection: close, a", "Keep-Alive: x", "TE: x", "Transfer-Encoding: chunked", "Upgrade: x",
        "Proxy-Connection: x", "B: 2")
      #expect(RFC9111.fieldsWithoutHopByHop(fields).map(\.name.canonical) == ["b"])
      let dated = RFC9111.fieldsWithoutHopByHop(fields, receivedUnix: Sample.unix)
      #expect(dated.values(of: .date) == [Sample.date()])
      #expect(RFC9111.fieldsWithoutHopByHop(dated, receivedUnix: Sample.unix).storage === dated.storage)
    }

    @Test("§3.2: updating")
    func freshened() {
      let stored = Sample.fields(
        "Cache-Control: max-age=1", "Content-Length: 5", "Content-Encoding: gzip", "Content-Type: a/b", "A: 1", "A: 2",
        "B: 3", "ETag: \"x\"", "Date: \(Sample.date(-9))", "Set-Cookie: a=b")
      let new = Sample.fields(
        "Cache-Control: max-age=2", "content-length: 0", "Content-Encoding: br", "Content-Range: bytes 0-0/1",
        "Content-Type: c/d", "a: 9", "Connection: x, close", "X: y", "Keep-Alive: 1", "Transfer-Encoding: chunked",
        "Date: \(Sample.date())", "Age: 3", "Set-Cookie: c=d", "Proxy-Authenticate: z")
      #expect(
        RFC9111.freshened(stored, with: new).map { "\($0.name.canonical): \($0.value)" } == [
          "content-length: 5", "content-encoding: gzip", "b: 3", "etag: \"x\"", "set-cookie: a=b",
          "cache-control: max-age=2", "content-type: c/d", "a: 9", "date: \(Sample.date())", "age: 3",
        ])
    }

    @Test func freshenedWithoutDateCountsFromReceipt() {
      let stored = Sample.fields("Date: \(Sample.date(-1000))", "Cache-Control: max-age=60")
      let fields = RFC9111.freshened(stored, with: Sample.fields("ETag: \"a\""))
      #expect(!fields.contains(HeaderName.date))
      #expect(Sample.freshSeconds(fields.map { "\($0.name): \($0.value)" }) == 60)
    }
  }
}

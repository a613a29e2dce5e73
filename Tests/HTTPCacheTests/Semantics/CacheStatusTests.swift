//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9211: Cache-Status")
  struct CacheStatus {
    static func member(
      _ outcome: CacheOutcome, name: String = "ExampleCache", _ details: CacheStatusDetails = CacheStatusDetails()
    ) -> String? {
      var fields = HeaderFields()
      RFC9211.append(to: &fields, cacheName: name, outcome: outcome, details: details)
      return fields[.cacheStatus]
    }

    @Test(
      arguments: [
        (CacheOutcome.hit, CacheStatusDetails(ttl: 376), "ExampleCache; hit; ttl=376"),
        (.hit, CacheStatusDetails(ttl: -412), "ExampleCache; hit; ttl=-412"),
        (
          .stale(.whileRevalidating), CacheStatusDetails(ttl: -1),
          "ExampleCache; hit; ttl=-1; detail=stale-while-revalidate"
        ),
        (.revalidated, CacheStatusDetails(stored: true), "ExampleCache; fwd=stale; fwd-status=304; stored"),
        (
          .miss(.absent), CacheStatusDetails(fwdStatus: 200, stored: true),
          "ExampleCache; fwd=uri-miss; fwd-status=200; stored"
        ),
        (.miss(.variant), CacheStatusDetails(stored: false), "ExampleCache; fwd=vary-miss"),
        (.miss(.stale), CacheStatusDetails(), "ExampleCache; fwd=stale"),
        (.miss(.request), CacheStatusDetails(), "ExampleCache; fwd=request"),
        (.miss(.partial), CacheStatusDetails(), "ExampleCache; fwd=partial"),
        (.collapsed, CacheStatusDetails(), "ExampleCache; fwd=uri-miss; collapsed"),
        (.bypass(.method), CacheStatusDetails(), "ExampleCache; fwd=method"),
        (.bypass(.policy), CacheStatusDetails(), "ExampleCache; fwd=bypass; detail=policy"),
        (.failed(.onlyIfCached), CacheStatusDetails(), "ExampleCache; detail=only-if-cached"),
        (.failed(.originTimeout), CacheStatusDetails(), "ExampleCache; fwd=miss; detail=origin-timeout"),
        (.hit, CacheStatusDetails(ttl: .max), "ExampleCache; hit; ttl=999999999999999"),
        (.hit, CacheStatusDetails(ttl: .min), "ExampleCache; hit; ttl=-999999999999999"),
        (
          .hit, CacheStatusDetails(key: "http://a/b?\"c\\\u{E9}\r\nX: y"),
          "ExampleCache; hit; key=\"http://a/b?\\\"c\\\\%C3%A9%0D%0AX: y\""
        ),
        (.hit, CacheStatusDetails(detail: "two words"), "ExampleCache; hit; detail=\"two words\""),
      ] as [(CacheOutcome, CacheStatusDetails, String)])
    func members(outcome: CacheOutcome, details: CacheStatusDetails, text: String) {
      #expect(Self.member(outcome, details) == text)
      // What is written is what RFC 9651 can read.
      #expect(Sample.withSpan(text) { StructuredField.list($0) } != nil)
    }

    @Test(arguments: [
      ("a", "a"), ("*x:/y", "*x:/y"), ("1a", "\"1a\""), ("a b", "\"a b\""), ("", "\"\""), ("a,b", "\"a,b\""),
    ])
    func names(name: String, text: String) {
      #expect(Self.member(.hit, name: name) == "\(text); hit")
    }

    @Test("§2: behind those nearer to the origin")
    func order() {
      var fields = Sample.fields("Cache-Status: Origin; fwd=uri-miss", "X: y")
      RFC9211.append(to: &fields, cacheName: "Near", outcome: .hit)
      #expect(fields.values(of: .cacheStatus) == ["Origin; fwd=uri-miss", "Near; hit"])
    }

    @Test func everyOutcomeIsWellFormed() {
      var outcomes: [CacheOutcome] = [.hit, .revalidated, .collapsed]
      outcomes += CacheOutcome.StaleReason.allCases.map { .stale($0) }
      outcomes += CacheOutcome.MissReason.allCases.map { .miss($0) }
      outcomes += CacheOutcome.BypassReason.allCases.map { .bypass($0) }
      outcomes += CacheOutcome.FailureReason.allCases.map { .failed($0) }
      for outcome in outcomes {
        let text = Self.member(outcome, CacheStatusDetails(ttl: 1, fwdStatus: 200, stored: true, key: "k", detail: "d"))
        #expect(text.map { Sample.withSpan($0) { StructuredField.list($0)?.count } } == 1)
      }
    }
  }

  @Suite("RFC 9875: cache groups")
  struct CacheGroups {
    @Test(arguments: [
      ("\"a\", \"b\"", ["a", "b"]), ("\"a\", \"a\", \"A\"", ["a", "A"]), ("\"a\";x=1", ["a"]),
      ("a, \"b\", 1, (\"c\")", ["b"]),
      ("\"a", []), ("", []), ("\"\"", [""]), ("\"a\",", []),
    ])
    func groups(value: String, groups: [String]) {
      #expect(RFC9875.groups(in: Sample.fields("Cache-Groups: \(value)")) == groups)
      let response = CacheResponse(fields: Sample.fields("Cache-Group-Invalidation: \(value)"))
      #expect(RFC9875.invalidatedGroups(by: response, to: CacheRequest(method: .post)) == groups)
      #expect(RFC9875.invalidatedGroups(by: response, to: CacheRequest(method: .get)) == [])
    }

    @Test func `none is left out: that would be an invalidation lost`() {
      #expect(RFC9875.groups(in: HeaderFields()) == [])
      let lines = (0..<300).map { "Cache-Groups: \"\($0)\"" }
      #expect(RFC9875.groups(in: Sample.fields(lines)) == (0..<300).map(String.init))
      let long = String(repeating: "x", count: 257)
      #expect(RFC9875.groups(in: Sample.fields("Cache-Groups: \"\(long)\", \"a\"")) == [long, "a"])
    }
  }

  @Suite("No-Vary-Search")
  struct QueryVariance {
    static func normalized(_ value: String, _ target: String) -> String {
      NoVarySearch(Sample.fields("No-Vary-Search: \(value)")).normalized(target: target)
    }

    @Test(
      "targets that mean the same",
      arguments: [
        ("params=(\"utm\")", "/a?x=1&utm=2", "/a?x=1"), ("params=(\"utm\")", "/a?utm=2", "/a"),
        ("params", "/a?x=1&y=2", "/a"),
        ("params, except=(\"x\")", "/a?y=2&x=1&z", "/a?x=1"), ("key-order", "/a?b=2&a=1", "/a?a=1&b=2"),
        ("key-order, params=(\"c\")", "/a?c&b=2&a=1", "/a?a=1&b=2"), ("params=(\"a b\")", "/a?a+b=1", "/a"),
        ("params=(\"a+b\")", "/a?a%20b=1", "/a"), ("params=(\"%61\")", "/a?a=1", "/a"),
        ("key-order", "/a?x=%7E", "/a?x=~"),
        ("key-order", "/a?", "/a"), ("key-order", "/a?&&x=1&", "/a?x=1"),
        ("params=(\"x\");foo=1, bar", "/a?x=%zz", "/a"),
        ("params=()", "/a?x=%zz", "/a?x=%zz"), ("params=?0, key-order", "/a?b&a", "/a?a&b"),
      ])
    func same(value: String, left: String, right: String) {
      #expect(Self.normalized(value, left) == Self.normalized(value, right))
    }

    @Test(
      "targets that do not",
      arguments: [
        ("params=(\"utm\")", "/a?x=1", "/a?x=2"), ("params=(\"utm\")", "/a?x=1", "/b?x=1"),
        ("key-order", "/a?a=1&a=2", "/a?a=2&a=1"),
        ("params, except=(\"x\")", "/a?x=1", "/a?x=2"), ("params=(\"UTM\")", "/a?utm=1", "/a"),
        ("key-order=?0", "/a?a&b", "/a?b&a"),
        ("params=(\"a\")", "/a?b=1&c=2", "/a?c=2&b=1"), ("key-order", "/a?a=1%26b=2", "/a?a=1&b=2"),
        ("key-order", "/a?a=%", "/a?a=%25%32%35"),
      ])
    func different(value: String, left: String, right: String) {
      #expect(Self.normalized(value, left) != Self.normalized(value, right))
    }

    @Test(
      "what is invalid says nothing",
      arguments: [
        "", "foo", "params=1", "params=\"a\"", "params=(a)", "params=(\"a\" 1)", "key-order=1", "except=(\"a\")",
        "params=(\"a\"), except=(\"b\")", "params, except=a", "params, except", "params=?0, except=(\"a\")",
        "params=(\"a\"",
      ])
    func invalid(value: String) {
      #expect(NoVarySearch(Sample.fields("No-Vary-Search: \(value)")) == .everything)
      #expect(Self.normalized(value, "/a?b=%31&a") == "/a?b=%31&a")
    }

    @Test func normalisingTwiceChangesNothing() {
      for target in ["/a?b=1&a=%2", "/?%25=%u&+=+", "/a?é=1&=&&==", "/a"] {
        for value in ["key-order", "params=(\"b\")", "params, except=(\"a\" \"%\" \" \")"] {
          let once = Self.normalized(value, target)
          #expect(Self.normalized(value, once) == once)
        }
      }
    }
  }
}

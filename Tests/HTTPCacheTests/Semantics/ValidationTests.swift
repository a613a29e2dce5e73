//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9111 §4.3: validation")
  struct Validation {
    static func conditional(
      _ request: [String], validating stored: [String]..., forwardsConditions: Bool = false, forwardsRange: Bool = false
    ) -> [String] {
      RFC9111.conditionalFields(
        for: Sample.fields(request), validating: stored.map { Sample.fields($0) },
        forwardsConditions: forwardsConditions,
        forwardsRange: forwardsRange
      ).map { "\($0.name): \($0.value)" }
    }

    static let modified = "Last-Modified: \(Sample.date(-100))"
    static let since = "If-Modified-Since: \(Sample.date(-100))"

    @Test("§4.3.1: by what it is asked")
    func validators() {
      #expect(Self.conditional([], validating: ["ETag: \"a\""]) == ["If-None-Match: \"a\""])
      #expect(Self.conditional([], validating: ["ETag: W/\"a\""]) == ["If-None-Match: W/\"a\""])
      #expect(Self.conditional([], validating: [Self.modified]) == [Self.since])
      #expect(
        Self.conditional([], validating: ["ETag: \"a\"", Self.modified]) == ["If-None-Match: \"a\"", Self.since])
      // As it stands, for an origin that compares text.
      #expect(Self.conditional([], validating: ["ETag: abc"]) == ["If-None-Match: abc"])
      #expect(
        Self.conditional([], validating: ["Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT"])
          == ["If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT"])
      #expect(Self.conditional([], validating: ["Last-Modified: foo"]) == [])
      #expect(Self.conditional([], validating: ["Date: \(Sample.date(-100))"]) == [Self.since])
      #expect(
        Self.conditional([], validating: ["Date: \(Sample.date(-9))", "ETag: \"a\""]) == ["If-None-Match: \"a\""])
    }

    @Test("octets that are not UTF-8 come back as they were sent")
    func octets() {
      var stored = HeaderFields()
      let tag: [UInt8] = [0x22, 0xE1, 0x22]
      tag.withUnsafeBytes { stored.append(KnownHeader.etag, $0) }
      let fields = RFC9111.conditionalFields(for: HeaderFields(), validating: [stored])
      #expect(fields.withFirstValue(of: .ifNoneMatch) { Bytes(copying: $0) } == Bytes(tag))
      #expect(
        RFC9110.evaluatePreconditions(method: .get, request: fields, status: 200, stored: stored) == .notModified)
    }

    @Test func whiteSpaceIsNoTag() {
      var stored = HeaderFields()
      let blank: [UInt8] = [0x1D, 0x20]
      blank.withUnsafeBytes { stored.append(KnownHeader.etag, $0) }
      #expect(!RFC9111.hasValidator(stored))
    }

    @Test func severalStoredResponses() {
      let lines = Self.conditional(
        [], validating: ["ETag: \"a\"", Self.modified], ["ETag: \"b\""], ["ETag: \"a\""], [Self.modified])
      #expect(lines == ["If-None-Match: \"a\", \"b\""])
      let many = (0..<100).map { Sample.fields("ETag: \"\($0)\"") }
      let tags = RFC9111.conditionalFields(for: HeaderFields(), validating: many)[.ifNoneMatch]
      #expect(tags?.split(separator: ",").count == RFC9111.maximumValidatedTags)
    }

    @Test func theClientsOwn() {
      let request = [
        "A: 1", "If-None-Match: \"z\"", "If-Modified-Since: \(Sample.date(-5))", "Range: bytes=0-1", "If-Range: \"z\"",
        "If-Match: \"z\"", "If-Unmodified-Since: \(Sample.date(-5))", "Connection: b", "B: 2", "TE: trailers",
      ]
      #expect(
        Self.conditional(request, validating: ["ETag: \"a\""]) == [
          "A: 1", "If-Match: \"z\"", "If-Unmodified-Since: \(Sample.date(-5))", "If-None-Match: \"a\"",
        ])
      #expect(
        Self.conditional(request, validating: []).isEmpty == false)
      let fetch = RFC9111.conditionalFields(for: Sample.fields(request), validating: [], forwardsRange: true)
      #expect(fetch.map(\.name.canonical) == ["a", "range", "if-range", "if-match", "if-unmodified-since"])
      let whole = RFC9111.conditionalFields(for: Sample.fields(request), validating: [])
      #expect(whole.map(\.name.canonical) == ["a", "if-match", "if-unmodified-since"])
      let forwarded = RFC9111.conditionalFields(
        for: Sample.fields(request), validating: [], forwardsConditions: true)
      #expect(forwarded.contains(HeaderName.ifNoneMatch) && forwarded.contains(HeaderName.ifModifiedSince))
    }

    @Test(
      "§4.3.4: which stored response a 304 means",
      arguments: [
        (["ETag: \"a\""], ["ETag: \"a\""], true, true), (["ETag: \"a\""], ["ETag: \"b\""], false, false),
        (["ETag: W/\"a\""], ["ETag: W/\"a\""], true, true), (["ETag: W/\"a\""], ["ETag: \"a\""], true, true),
        (["ETag: \"a\""], ["Last-Modified: \(Sample.date())"], false, false), ([], ["ETag: \"a\""], false, false),
        (["Last-Modified: \(Sample.date())"], ["Last-Modified: \(Sample.date())"], true, true),
        (["Last-Modified: \(Sample.date())"], ["Last-Modified: \(Sample.date(1))"], false, false),
        (
          ["Last-Modified: Sunday, 06-Nov-94 08:49:37 GMT"], ["Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"], true,
          true
        ),
        (
          ["ETag: \"a\"", "Last-Modified: \(Sample.date())"], ["ETag: \"a\"", "Last-Modified: \(Sample.date(1))"], true,
          true
        ),
        (["ETag: \"a\""], [], true, false), ([], [], true, false), (["ETag: \"a\""], ["ETag: "], true, false),
      ])
    func selects(stored: [String], new: [String], only: Bool, among: Bool) {
      let stored = Sample.fields(stored)
      let new = Sample.fields(new)
      #expect(RFC9111.selectsForUpdate(stored: stored, response304: new) == only)
      #expect(RFC9111.selectsForUpdate(stored: stored, response304: new, isOnlyCandidate: false) == among)
    }

    @Test(
      "§4.3.5: HEAD",
      arguments: [
        (["A: 2"], true), (["ETag: \"a\""], true), (["ETag: \"b\""], false), (["Content-Length: 5"], true),
        (["Content-Length: 6"], false), (["Content-Length: x"], false), (["Last-Modified: \(Sample.date())"], true),
        (["Last-Modified: \(Sample.date(1))"], false), (["ETag: \"a\"", "Last-Modified: \(Sample.date(1))"], false),
      ])
    func head(lines: [String], isSame: Bool) {
      let stored = Sample.fields("ETag: \"a\"", "Last-Modified: \(Sample.date())", "A: 1")
      let response = CacheResponse(fields: Sample.fields(lines))
      let update = RFC9111.headUpdate(of: stored, storedLength: 5, by: response)
      #expect(update == (isSame ? .freshen(RFC9111.freshened(stored, with: response.fields)) : .invalidate))
    }
  }

  @Suite("RFC 9111 §4.4: invalidation")
  struct Invalidation {
    static func targets(
      _ lines: String..., method: RequestMethod = .post, status: Int = 200, scheme: String = "http"
    ) -> [String] {
      let request = CacheRequest(method: method, scheme: scheme, authority: "example.com", target: "/a/b?q")
      return RFC9111.invalidatedTargets(
        of: request, response: CacheResponse(status: status, fields: Sample.fields(lines))
      ).map { "\($0.scheme)://\($0.authority)\($0.target)" }
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "PATCH", "M-SEARCH", "FOO", "get"])
    func unsafe(method: String) {
      for status in [200, 201, 204, 301, 303, 304] {
        #expect(Self.targets(method: RequestMethod(rawValue: method), status: status) == ["http://example.com/a/b?q"])
      }
      for status in [400, 404, 409, 500, 503, 102] {
        #expect(Self.targets(method: RequestMethod(rawValue: method), status: status) == [])
      }
    }

    @Test(arguments: ["GET", "HEAD", "OPTIONS", "TRACE", "QUERY"])
    func safe(method: String) { #expect(Self.targets(method: RequestMethod(rawValue: method)) == []) }

    @Test(
      "of the server's other names",
      arguments: [
        ("http://origin:3000/x", "http://example.com/x"), ("https://origin:3000/x?y", "http://example.com/x?y"),
        ("HTTP://ORIGIN:3000/x", "http://example.com/x"), ("//origin:3000/x", "http://example.com/x"),
        ("http://origin:03000/x", "http://example.com/x"), ("http://origin/x", nil), ("http://origin:3001/x", nil),
        ("http://origin.other:3000/x", nil), ("http://u@origin:3000/x", nil),
        ("http://[::1]/x", "http://example.com/x"),
        ("http://[::1]:80/x", "http://example.com/x"), ("http://[::1]:/x", "http://example.com/x"),
      ] as [(String, String?)], ["Location", "Content-Location"])
    func ownAuthorities(value: (reference: String, target: String?), field: String) throws {
      var policy = CachePolicy()
      policy.ownAuthorities = ["Origin:3000", "[::1]:"]
      let resolved = try ResolvedPolicy(policy, clock: .system)
      for scheme in ["http", "https"] {
        let targets = RFC9111.invalidatedTargets(
          of: CacheRequest(method: .post, scheme: scheme, authority: "example.com", target: "/a"),
          response: CacheResponse(status: 201, fields: [HeaderName(field)!: value.reference]),
          ownAuthorities: resolved.ownAuthorities
        ).map { "\($0.scheme)://\($0.authority)\($0.target)" }
        let other = value.target.map { $0.replacing("http:", with: "\(scheme):") }
        #expect(targets == ["\(scheme)://example.com/a"] + (other.map { [$0] } ?? []))
      }
    }

    @Test(
      "of the same origin",
      arguments: [
        ("/x", "http://example.com/x"), ("x?y", "http://example.com/a/x?y"), ("../x", "http://example.com/x"),
        ("?z", "http://example.com/a/b?z"), ("http://example.com/x#frag", "http://example.com/x"),
        ("HTTP://EXAMPLE.COM:80/x", "http://example.com/x"), ("//example.com/x", "http://example.com/x"),
        ("http://example.com", "http://example.com/"), ("http://example.com?x", "http://example.com/?x"),
        ("https://example.com/x", nil), ("http://example.org/x", nil), ("//example.org/x", nil),
        ("http://example.com:8080/x", nil), ("http://user@example.com/x", nil), ("mailto:a@b", nil), ("http:x", nil),
        ("http:///x", nil), ("http://example.com:80:80/x", nil), ("http://:80/x", nil), ("http://[::1/x", nil),
        ("/a b", nil), ("/\u{E9}", nil), ("", nil), ("#frag", nil), ("/a/b?q", nil),
      ] as [(String, String?)])
    func locations(reference: String, target: String?) {
      let expected = ["http://example.com/a/b?q"] + (target.map { [$0] } ?? [])
      #expect(Self.targets("Location: \(reference)") == expected)
      #expect(Self.targets("Content-Location: \(reference)") == expected)
    }

    @Test func both() {
      #expect(
        Self.targets("Location: /x", "Content-Location: /y") == [
          "http://example.com/a/b?q", "http://example.com/x", "http://example.com/y",
        ])
      #expect(Self.targets("Location: /x", "Content-Location: /x").count == 2)
      #expect(Self.targets("Location: /x", "Location: /y", "Location: /z", "Location: /w").count == 3)
    }

    @Test(
      "RFC 3986 §5.4: references",
      arguments: [
        ("g", "/b/c/g"), ("./g", "/b/c/g"), ("g/", "/b/c/g/"), ("/g", "/g"), ("?y", "/b/c/d;p?y"), ("g?y", "/b/c/g?y"),
        ("#s", "/b/c/d;p?q"), ("g#s", "/b/c/g"), ("g?y#s", "/b/c/g?y"), (";x", "/b/c/;x"), ("g;x", "/b/c/g;x"),
        ("", "/b/c/d;p?q"), (".", "/b/c/"), ("./", "/b/c/"), ("..", "/b/"), ("../", "/b/"), ("../g", "/b/g"),
        ("../..", "/"), ("../../", "/"), ("../../g", "/g"), ("../../../g", "/g"), ("../../../../g", "/g"),
        ("/./g", "/g"), ("/../g", "/g"), ("g.", "/b/c/g."), (".g", "/b/c/.g"), ("g..", "/b/c/g.."), ("..g", "/b/c/..g"),
        ("./../g", "/b/g"), ("./g/.", "/b/c/g/"), ("g/./h", "/b/c/g/h"), ("g/../h", "/b/c/h"),
        ("g;x=1/./y", "/b/c/g;x=1/y"),
        ("g;x=1/../y", "/b/c/y"), ("g?y/./x", "/b/c/g?y/./x"), ("g?y/../x", "/b/c/g?y/../x"), ("g#s/../x", "/b/c/g"),
        ("a:b", nil), ("g:h", nil), ("./a:b", "/b/c/a:b"), ("1:2", "/b/c/1:2"),
      ] as [(String, String?)])
    func references(reference: String, target: String?) {
      let base = TargetURI(scheme: "http", authority: "a", target: "/b/c/d;p?q")
      #expect(base.resolving(reference)?.target == target)
    }
  }
}

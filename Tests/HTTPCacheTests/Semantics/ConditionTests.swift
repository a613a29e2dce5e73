//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9110 §13: conditional requests")
  struct Conditions {
    static let stored = ["ETag: \"a\"", "Last-Modified: \(Sample.date(-100))", "Date: \(Sample.date())"]

    static func evaluate(
      _ request: [String], stored: [String] = stored, status: Int = 200, method: RequestMethod = .get
    ) -> Precondition {
      RFC9110.evaluatePreconditions(
        method: method, request: Sample.fields(request), status: status, stored: Sample.fields(stored))
    }

    @Test(
      "§13.1.2: If-None-Match",
      arguments: [
        ("\"a\"", "\"a\"", true), ("\"b\"", "\"a\"", false), ("W/\"a\"", "\"a\"", true), ("\"a\"", "W/\"a\"", true),
        ("W/\"a\"", "W/\"a\"", true), ("*", "\"a\"", true), ("\"x\", \"a\"", "\"a\"", true),
        ("\"a\",\"x\"", "\"a\"", true),
        ("\"x\",, W/\"a\" ,", "\"a\"", true), ("\"x\", \"y\"", "\"a\"", false), ("\"a, b\"", "\"a, b\"", true),
        ("\"a\\\", \"b\"", "\"b\"", true), ("\"a\\\", \"b\"", "\"a\\\"", true), ("\"\"", "\"\"", true),
        ("\"A\"", "\"a\"", false), ("a", "\"a\"", false), ("a", "a", true), ("\"a\"", "a", false),
        ("w/\"a\"", "w/\"a\"", true), ("w/\"a\"", "W/\"a\"", false), ("W\\\"a\"", "W\\\"a\"", true),
        ("\"a", "\"a", true),
        ("\"unterminated, \"a\"", "\"a\"", false), ("", "\"a\"", false), ("*, \"b\"", "\"a\"", false),
      ])
    func ifNoneMatch(value: String, tag: String, isMatch: Bool) {
      let request = ["If-None-Match: \(value)"]
      let stored = ["ETag: \(tag)"]
      #expect(Self.evaluate(request, stored: stored) == (isMatch ? .notModified : .none))
      #expect(Self.evaluate(request, stored: stored, method: .head) == (isMatch ? .notModified : .none))
      #expect(Self.evaluate(request, stored: stored, method: .put) == (isMatch ? .failed : .none))
      #expect(Self.evaluate(request, stored: []) == (value == "*" ? .notModified : .none))
    }

    @Test func severalLines() {
      #expect(Self.evaluate(["If-None-Match: \"x\"", "If-None-Match: \"a\""]) == .notModified)
    }

    @Test(
      "§13.1.3, RFC 9111 §4.3.2: If-Modified-Since",
      arguments: [
        (Sample.date(-100), Precondition.notModified), (Sample.date(-50), .notModified),
        (Sample.date(500), .notModified),
        (Sample.date(-101), .none), ("foo", .none), ("", .none), ("Sunday, 06-Nov-94 08:49:37 GMT", .none),
      ])
    func ifModifiedSince(value: String, expected: Precondition) {
      #expect(Self.evaluate(["If-Modified-Since: \(value)"]) == expected)
      #expect(Self.evaluate(["If-Modified-Since: \(value)"], method: .post) == .none)
      #expect(Self.evaluate(["If-Modified-Since: \(value)", "If-Modified-Since: \(value)"]) == .none)
    }

    @Test func equivalentFormatsOfADate() {
      let stored = ["Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT"]
      for date in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "sun, 06 nov 1994 08:49:37 gmt"] {
        #expect(Self.evaluate(["If-Modified-Since: \(date)"], stored: stored) == .notModified)
      }
    }

    @Test("RFC 9111 §4.3.2: Date where there is no Last-Modified")
    func dateStandsIn() {
      let stored = ["Date: \(Sample.date())"]
      #expect(Self.evaluate(["If-Modified-Since: \(Sample.date())"], stored: stored) == .notModified)
      #expect(Self.evaluate(["If-Modified-Since: \(Sample.date(-1))"], stored: stored) == .none)
      #expect(Self.evaluate(["If-Modified-Since: \(Sample.date())"], stored: []) == .none)
      #expect(
        Self.evaluate(["If-Modified-Since: \(Sample.date())"], stored: stored + ["Last-Modified: x"]) == .notModified)
    }

    @Test(
      "§13.1.1: If-Match, strong",
      arguments: [
        ("\"a\"", Precondition.none), ("\"x\", \"a\"", .none), ("*", .none), ("\"b\"", .failed), ("W/\"a\"", .failed),
      ])
    func ifMatch(value: String, expected: Precondition) {
      #expect(Self.evaluate(["If-Match: \(value)"]) == expected)
    }

    @Test(
      "§13.1.4: If-Unmodified-Since",
      arguments: [
        (Sample.date(-100), Precondition.none), (Sample.date(-101), .failed), ("foo", .none),
      ])
    func ifUnmodifiedSince(value: String, expected: Precondition) {
      #expect(Self.evaluate(["If-Unmodified-Since: \(value)"]) == expected)
      #expect(Self.evaluate(["If-Unmodified-Since: \(value)"], stored: ["ETag: \"a\""]) == .none)
    }

    @Test(
      "§13.2.2: precedence",
      arguments: [
        (["If-None-Match: \"b\"", "If-Modified-Since: \(Sample.date())"], Precondition.none),
        (["If-None-Match: \"a\"", "If-Modified-Since: \(Sample.date(-999))"], .notModified),
        (["If-Match: \"b\"", "If-None-Match: \"a\""], .failed),
        (["If-Match: \"a\"", "If-None-Match: \"a\""], .notModified),
        (["If-Match: \"a\"", "If-Unmodified-Since: \(Sample.date(-999))"], .none),
        (["If-Unmodified-Since: \(Sample.date(-999))", "If-None-Match: \"a\""], .failed),
      ])
    func precedence(request: [String], expected: Precondition) {
      #expect(Self.evaluate(request) == expected)
    }

    @Test("§13.2.1: only for a successful response", arguments: [301, 304, 404, 410, 500])
    func unsuccessful(status: Int) {
      #expect(Self.evaluate(["If-None-Match: \"a\""], status: status) == .none)
      #expect(Self.evaluate(["If-Match: \"b\""], status: status) == .none)
    }

    @Test("§15.4.5: 304")
    func notModified() {
      let fields = Sample.fields(
        "ETag: \"a\"", "Date: x", "Content-Location: /y", "Vary: z", "Cache-Control: max-age=1", "Expires: 0",
        "Content-Type: a/b", "Content-Length: 5", "Content-Encoding: gzip", "Content-Language: en", "Last-Modified: w",
        "X: 1", "Set-Cookie: a=b", "Content-Range: v")
      #expect(
        RFC9110.notModifiedFields(of: fields).map(\.name.canonical) == [
          "etag", "date", "content-location", "vary", "cache-control", "expires", "x", "set-cookie",
        ])
      #expect(RFC9110.notModifiedFields(of: Sample.fields("Last-Modified: w")).contains(HeaderName.lastModified))
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9111 §5.2: Cache-Control")
  struct Directives {
    static func response(_ values: String...) -> ResponseDirectives {
      ResponseDirectives(Sample.fields(values.map { "Cache-Control: \($0)" }))
    }

    @Test(
      "§5.2.2.1: seconds",
      arguments: [
        ("max-age=60", 60), ("MaX-AgE=60", 60), ("max-age=0", 0), ("max-age=007", 7), ("max-age=\"60\"", 60),
        ("public, max-age=60", 60), ("  ,, max-age=60 ,", 60), ("max-age=60,max-age=10", 60),
        ("max-age=10, max-age=60", 10), ("foo=\"max-age=3600\", max-age=1", 1), ("max-age=1, foo=\"max-age=3600\"", 1),
        ("foo=\"a\\\", max-age=5\", max-age=1", 1),
        // RFC 9111 §1.2.2: what cannot be represented is 2^31.
        ("max-age=2147483647", 2_147_483_647), ("max-age=2147483648", 2_147_483_648),
        ("max-age=2147483649", 2_147_483_648), ("max-age=99999999999999999999999999", 2_147_483_648),
        // §4.2.1: invalid is stale.
        ("max-age", 0), ("max-age=", 0), ("max-age=-1", 0), ("max-age=1.5", 0), ("max-age=60a", 0), ("max-age=a60", 0),
        ("max-age= 60", 0), ("max-age =60", 0), ("max-age='60'", 0), ("max-age=\"60", 0), ("max-age=\"\"", 0),
        ("max-age=60; foo", 0), ("max-age=60 foo", 0), ("max-age=+60", 0), ("max-age=0x60", 0), ("max-age:60", 0),
        ("max-age=bad, max-age=60", 0),
      ] as [(String, Int64)])
    func maxAge(value: String, seconds: Int64) {
      #expect(Self.response(value).maxAge == seconds)
    }

    @Test(
      "names that only resemble one are others",
      arguments: [
        "max-agee=60", "xmax-age=60", "max_age=60", "\"max-age=60\"", "foo=max-age=60", "foo=\"max-age=60\"", "",
      ])
    func unknown(value: String) {
      let directives = Self.response(value)
      #expect(directives.maxAge == nil)
      #expect(directives.flags.isEmpty)
    }

    @Test func severalLinesAreOneList() {
      let directives = Self.response("max-age=60", "no-store", "max-age=10, s-maxage=5")
      #expect(directives.maxAge == 60)
      #expect(directives.sMaxage == 5)
      #expect(directives.noStore)
    }

    @Test(
      "a prohibition holds however badly it is written",
      arguments: [
        ("no-store", ResponseDirectives.Flags.noStore), ("NO-STORE", .noStore), ("no-store=1", .noStore),
        ("no-store;max-age=60", .noStore), ("max-age=60;no-store", .noStore), ("no-store foo", .noStore),
        ("private", .isPrivate), ("private=", .isPrivate), ("private=\"\"", .isPrivate),
        ("private=\"a b\"", .isPrivate),
        ("private=\"set-cookie", .isPrivate), ("private;foo", .isPrivate), ("no-cache", .noCache),
        ("no-cache=\"\"", .noCache), ("no-cache=\"a, b c\"", .noCache), ("no-cache=\"a\", no-cache", .noCache),
        ("no-cache=\"a\\\\b\"", .noCache), ("must-revalidate=foo", .mustRevalidate),
        ("proxy-revalidate", .proxyRevalidate),
        ("foo=\"unterminated, no-store", .noStore), ("\", no-store", .noStore), ("a=\"b\\\", no-store", .noStore),
      ] as [(String, ResponseDirectives.Flags)])
    func prohibition(value: String, flag: ResponseDirectives.Flags) {
      #expect(Self.response(value).flags.contains(flag))
    }

    @Test(
      "white space instead of a comma hides no prohibition",
      arguments: [
        "no-store", "private", "no-cache", "must-revalidate", "proxy-revalidate", "no-transform",
      ],
      [
        "public * , max-age=60", "foo *", "* foo", "max-age=60, max-age=60 *", "max-age=60 *", "max-age=60\t*",
        "public   *   , foo", "public\t \t*", "foo bar baz *", "foo=\"a b\" *", "foo=\"a, b\" *", "foo=\"a *",
        "\"a b\" *",
        "* public", "public immutable *", "public *=1", "public *=\"a\"", "stale-while-revalidate=9 *", "= *", "a = *",
        "foo; bar *", "bar *; foo", "X-Y:z *", "s-maxage=60 max-age=60 * max-stale",
      ])
    func whiteSpace(prohibition: String, form: String) {
      let value = form.replacing("*", with: prohibition)
      let flags: [String: ResponseDirectives.Flags] = [
        "no-store": .noStore, "private": .isPrivate, "no-cache": .noCache, "must-revalidate": .mustRevalidate,
        "proxy-revalidate": .proxyRevalidate, "no-transform": .noTransform,
      ]
      let expected = flags[prohibition] ?? []
      if form.contains("*=\"a\"") {
        // Too badly written to be a list of fields.
        #expect(Self.response(value).noCacheFields.isEmpty && Self.response(value).privateFields.isEmpty)
      }
      #expect(Self.response(value).flags.isSuperset(of: expected), "\(value)")
      #expect(!Self.response(value).flags.contains(.isPublic), "\(value)")
    }

    @Test(
      "and gives no permission, nor any time",
      arguments: [
        "must-revalidate public", "foo public", "public foo", "foo max-age=60", "no-transform s-maxage=60",
        "foo immutable", "a must-understand", "a=\"b c\" public", "\"a public", "must-revalidate stale-if-error=60",
        "no-transform stale-while-revalidate=60",
      ])
    func whiteSpaceGivesNothing(value: String) {
      let directives = Self.response(value)
      #expect(directives.flags.isDisjoint(with: [.isPublic, .immutable, .mustUnderstand]))
      for seconds in [
        directives.maxAge, directives.sMaxage, directives.staleIfError, directives.staleWhileRevalidate,
      ] {
        #expect((seconds ?? 0) == 0)
      }
    }

    @Test(
      "what stands in a quoted string is no directive",
      arguments: ["foo=\"a no-store b\"", "foo=\"a\\\" private\" bar"])
    func quotedWords(value: String) {
      #expect(Self.response(value).flags.isEmpty)
    }

    @Test(
      "a permission does not",
      arguments: [
        ("public", true), ("Public", true), ("public=1", false), ("public;foo", false), ("must-understand=1", false),
        ("must-understand", true), ("immutable", true), ("immutable=x", false),
      ])
    func permission(value: String, isThere: Bool) {
      #expect(!Self.response(value).flags.isEmpty == isThere)
    }

    @Test(
      "§5.2.2.4, §5.2.2.7: lists of fields",
      arguments: [
        ("no-cache=\"Set-Cookie\"", ["set-cookie"], []), ("no-cache=\"a, B ,c\"", ["a", "b", "c"], []),
        ("private=\"X-User\"", [], ["x-user"]), ("private=x-user", [], ["x-user"]),
        ("no-cache=\"a\", private=\"b\", no-cache=\"c\"", ["a", "c"], ["b"]),
      ])
    func listed(value: String, noCache: [String], isPrivate: [String]) {
      let directives = Self.response(value)
      #expect(directives.noCacheFields.map(\.canonical) == noCache)
      #expect(directives.privateFields.map(\.canonical) == isPrivate)
      #expect(directives.flags.isEmpty)
    }

    @Test func tooManyListedFieldsCountAsNone() {
      let names = (0..<100).map { "x-\($0)" }.joined(separator: ",")
      #expect(Self.response("no-cache=\"\(names)\"").noCache)
    }

    /// In quadratic time it would take hours.
    @Test(.timeLimit(.minutes(10))) func timeIsLinear() {
      for piece in [
        "a=\"b\", ", "\"", " \"", "a \\\" ", "no-store private ", "\\\"", ",", "max-age=\"1", ";", "no-cache=\"a,b\",",
      ] {
        let text = String(repeating: piece, count: 1_000_000 / piece.utf8.count)
        var count = 0
        Sample.withSpan(text) { value in CacheDirective.forEach(in: value) { _ in count += 1 } }
        #expect(count <= text.utf8.count)
      }
    }

    static func request(_ lines: String...) -> RequestDirectives { RequestDirectives(Sample.fields(lines)) }

    @Test func requestDirectives() {
      #expect(Self.request().areNone)
      #expect(Self.request("Accept: */*").areNone)
      #expect(Self.request("Cache-Control: nothing-to-see-here", "Pragma: foo").areNone)
      #expect(Self.request("Cache-Control: no-cache").noCache)
      #expect(Self.request("Cache-Control: No-Store").noStore)
      #expect(Self.request("Cache-Control: foo no-store").noStore)
      #expect(Self.request("Cache-Control: max-age=60 no-cache").noCache)
      #expect(Self.request("Cache-Control: only-if-cached").onlyIfCached)
      #expect(Self.request("Cache-Control: max-age=5").maxAge == 5)
      #expect(Self.request("Cache-Control: max-age=x").maxAge == 0)
      #expect(Self.request("Cache-Control: min-fresh=5").minFresh == 5)
      #expect(Self.request("Cache-Control: min-fresh=x").minFresh == nil)
      #expect(Self.request("Cache-Control: max-stale").maxStale == .any)
      #expect(Self.request("Cache-Control: max-stale=5").maxStale == .seconds(5))
      #expect(Self.request("Cache-Control: max-stale=x").maxStale == nil)
      #expect(Self.request("Cache-Control: max-stale=99999999999999999999").maxStale == .seconds(2_147_483_648))
      #expect(Self.request("Cache-Control: stale-if-error=5").staleIfError == 5)
    }

    @Test("§5.4: Pragma counts only without Cache-Control")
    func pragma() {
      #expect(Self.request("Pragma: no-cache").noCache)
      #expect(Self.request("Pragma: foo, No-Cache").noCache)
      #expect(!Self.request("Pragma: foo").noCache)
      #expect(!Self.request("Pragma: no-cache", "Cache-Control: max-age=5").noCache)
    }

    @Test func absenceIsSeenInThePresenceMask() {
      #expect(RequestDirectives.isAbsent(in: Sample.fields("Accept: */*").presence))
      #expect(!RequestDirectives.isAbsent(in: Sample.fields("Pragma: x").presence))
      #expect(!RequestDirectives.isAbsent(in: Sample.fields("cache-control: x").presence))
    }
  }
}

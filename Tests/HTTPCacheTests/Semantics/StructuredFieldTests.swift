//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9651: structured fields")
  struct StructuredFields {
    static func dictionary(_ text: String) -> [StructuredField.Member]? {
      Sample.withSpan(text) { StructuredField.dictionary($0) }
    }

    static func list(_ text: String) -> [StructuredField.Value]? { Sample.withSpan(text) { StructuredField.list($0) } }

    static func item(_ text: String) -> StructuredField.Item? {
      guard let members = list(text), members.count == 1, case .item(let item) = members[0] else { return nil }
      return item
    }

    @Test(
      "§4.2.3.1: items",
      arguments: [
        ("42", .integer(42)), ("-17", .integer(-17)), ("0", .integer(0)), ("-0", .integer(0)), ("007", .integer(7)),
        ("999999999999999", .integer(999_999_999_999_999)), ("4.5", .decimal), ("-0.123", .decimal),
        ("\"hello\"", .string("hello")), ("\"a\\\"b\\\\c\"", .string("a\"b\\c")), ("\"\"", .string("")),
        ("token", .token("token")), ("*a/b:c", .token("*a/b:c")), ("?1", .boolean(true)), ("?0", .boolean(false)),
        (":aGVsbG8=:", .byteSequence), ("::", .byteSequence), ("@1659578233", .date), ("@-1", .date),
        ("%\"f%c3%bc\"", .displayString), ("a;b=1;c", .token("a")), ("1; a", .integer(1)), ("  1  ", .integer(1)),
      ] as [(String, StructuredField.Item)])
    func isItem(text: String, item: StructuredField.Item) {
      #expect(Self.item(text) == item)
    }

    @Test(arguments: [
      "-", "1.", ".5", "1.2345", "1234567890123.0", "9999999999999999", "--1", "+1", "\"a", "\"a\\b\"", "\"é\"",
      "\"a\u{7F}\"", "?", "?2", "?true", ":a", ":a b:", ":é:", "@", "@1.5", "%\"a", "%a", "%\"%C3%BC\"", "%\"%c3\"",
      "%\"%c\"", "(", "(1", "(1,2)", "(1(2))", "(\"a\"\"b\")", "1 2", "1,", ",1", "1,,2", "a;", "a;B", "a;b=",
      "&&&&&", "{}", "'a'", "1;=2", "\u{0}",
    ])
    func isNoList(text: String) {
      #expect(Self.list(text) == nil)
    }

    @Test func lists() {
      #expect(Self.list("") == [])
      #expect(Self.list("   ") == [])
      #expect(Self.list("1,2 ,\t3") == [.item(.integer(1)), .item(.integer(2)), .item(.integer(3))])
      #expect(
        Self.list("(1 2), ( ), (  \"a\"   b )") == [
          .innerList([.integer(1), .integer(2)]), .innerList([]), .innerList([.string("a"), .token("b")]),
        ])
      #expect(Self.list("(1;a 2;b=?0);c") == [.innerList([.integer(1), .integer(2)])])
    }

    @Test func dictionaries() throws {
      #expect(Self.dictionary("") == [])
      let members = try #require(Self.dictionary("a=1, b;x=y, c=?0,*d-_.*9=(1 2), a=2"))
      #expect(members.map(\.key) == ["a", "b", "c", "*d-_.*9", "a"])
      #expect(
        members.map(\.value) == [
          .item(.integer(1)), .item(.boolean(true)), .item(.boolean(false)), .innerList([.integer(1), .integer(2)]),
          .item(.integer(2)),
        ])
    }

    @Test(arguments: [
      "A=1", "a=", "a= 1", "a =1", "a=1,", ",a=1", "a=1 b=2", "a=1;B", "1=a", "a,,b", "-a=1", "max-age=10, &&&",
    ])
    func isNoDictionary(text: String) {
      #expect(Self.dictionary(text) == nil)
    }

    @Test func thereIsALimit() {
      let members = Array(repeating: "a", count: StructuredField.maximumMembers)
      #expect(Self.list(members.joined(separator: ","))?.count == members.count)
      #expect(Self.list((members + ["a"]).joined(separator: ",")) == nil)
      #expect(Self.dictionary((members + ["a"]).joined(separator: ",")) == nil)
      #expect(Self.list("(\((members + ["a"]).joined(separator: " ")))") == nil)
    }

    @Test("§4.2: lines are joined")
    func lines() {
      let fields = Sample.fields("X: a=1", "Y: b", "x: c=2")
      let members = StructuredField.withCombinedValue(of: "X", in: fields) { StructuredField.dictionary($0) } ?? nil
      #expect(members?.map(\.key) == ["a", "c"])
      #expect(StructuredField.withCombinedValue(of: "Z", in: fields) { _ in true } == nil)
    }
  }

  @Suite("RFC 9213: targeted fields")
  struct TargetedFields {
    static func effective(_ lines: String..., list: [HeaderName] = [.cdnCacheControl]) -> (ResponseDirectives, Bool) {
      let (directives, isTargeted) = RFC9213.effectiveDirectives(of: Sample.fields(lines), targetedFields: list)
      return (directives, isTargeted)
    }

    @Test("§2.2: the targeted field takes the place of the others")
    func precedence() {
      let (directives, isTargeted) = Self.effective(
        "Cache-Control: no-store, max-age=1", "CDN-Cache-Control: max-age=10")
      #expect(isTargeted)
      #expect(directives.maxAge == 10)
      #expect(!directives.noStore)
      #expect(Self.effective("Cache-Control: max-age=1").0.maxAge == 1)
    }

    @Test("§2.2: the first of the list that is there counts")
    func order() {
      let lines = ["Mine-Cache-Control: max-age=1", "CDN-Cache-Control: max-age=2", "Cache-Control: max-age=3"]
      let list: [HeaderName] = ["Mine-Cache-Control", "CDN-Cache-Control"]
      func maxAge(_ lines: [String]) -> Int64? {
        RFC9213.effectiveDirectives(of: Sample.fields(lines), targetedFields: list).directives.maxAge
      }
      #expect(maxAge(lines) == 1)
      #expect(maxAge(Array(lines.dropFirst())) == 2)
      #expect(maxAge(Array(lines.dropFirst(2))) == 3)
      #expect(maxAge(["Mine-Cache-Control: &", "CDN-Cache-Control: max-age=2"]) == 2)
    }

    @Test(
      "§2.1: an invalid or empty field is not there",
      arguments: [
        "CDN-Cache-Control: max-age=10, &&&&&", "CDN-Cache-Control: max-age= 10", "CDN-Cache-Control: MaX-aGe=10",
        "CDN-Cache-Control: ", "CDN-Cache-Control: max-age=10;", "CDN-Cache-Control: max-age=10,",
      ])
    func invalid(line: String) {
      let (directives, isTargeted) = Self.effective(line, "Cache-Control: max-age=1")
      #expect(!isTargeted)
      #expect(directives.maxAge == 1)
    }

    @Test(
      "§2.1: a member of another type is ignored",
      arguments: [
        "max-age=\"10\"", "max-age=10.0", "max-age", "max-age=ten", "max-age=(10)", "no-store=1, foo", "private=1, foo",
        "no-cache=?0, foo", "no-store=\"\", foo", "foo=bar", "max-stale=10",
      ])
    func types(value: String) {
      let (directives, isTargeted) = Self.effective("CDN-Cache-Control: \(value)", "Cache-Control: max-age=1")
      #expect(isTargeted)
      #expect(directives.maxAge == nil)
      #expect(directives.flags.isEmpty)
    }

    @Test func allDirectives() {
      let (directives, _) = Self.effective(
        "CDN-Cache-Control: max-age=1;x, s-maxage=2, stale-while-revalidate=3, stale-if-error=4, no-store",
        "CDN-Cache-Control: no-cache=\"a, b\", private=\"c\", public, must-revalidate, immutable, max-age=5")
      #expect(directives.maxAge == 5)
      #expect(directives.sMaxage == 2)
      #expect(directives.staleWhileRevalidate == 3)
      #expect(directives.staleIfError == 4)
      #expect(directives.noCacheFields.map(\.canonical) == ["a", "b"])
      #expect(directives.privateFields.map(\.canonical) == ["c"])
      #expect(directives.flags == [.noStore, .isPublic, .mustRevalidate, .immutable])
      #expect(Self.effective("CDN-Cache-Control: max-age=-5").0.maxAge == 0)
      #expect(Self.effective("CDN-Cache-Control: max-age=999999999999999").0.maxAge == 2_147_483_648)
      #expect(Self.effective("CDN-Cache-Control: no-cache=\"a b\"").0.noCache)
      #expect(Self.effective("CDN-Cache-Control: no-store, no-store=?0").0.noStore == false)
    }

    @Test func expiresDoesNotCountBesideATargetedField() {
      #expect(Sample.freshSeconds(["CDN-Cache-Control: max-age=60", "Expires: 0", "Date: \(Sample.date())"]) == 60)
      #expect(Sample.freshSeconds(["CDN-Cache-Control: public", "Expires: \(Sample.date(60))"]) == nil)
    }
  }
}

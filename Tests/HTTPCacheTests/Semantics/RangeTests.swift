//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9110 §14: ranges")
  struct Ranges {
    static func select(
      _ request: [String], stored: [String] = [], status: Int = 200, length: Int = 1000, maximumRanges: Int = 16
    ) -> RangeSelection {
      RFC9110.rangeSelection(
        request: Sample.fields(request), status: status, stored: Sample.fields(stored), length: length,
        maximumRanges: maximumRanges)
    }

    @Test(
      "§14.1.2: what is selected",
      arguments: [
        ("bytes=0-0", [0..<1]), ("bytes=0-499", [0..<500]), ("bytes=500-", [500..<1000]), ("bytes=-500", [500..<1000]),
        ("bytes=-1", [999..<1000]), ("bytes=0-99999", [0..<1000]), ("bytes=-99999", [0..<1000]),
        ("bytes=999-999", [999..<1000]),
        ("Bytes=0-1", [0..<2]), ("bytes=0-99999999999999999999999", [0..<1000]),
        ("bytes=-9999999999999999999999", [0..<1000]),
        ("bytes= 0-1", [0..<2]), ("bytes=0-1 ,  200-299", [0..<2, 200..<300]), ("bytes=,0-1,", [0..<2]),
        // In the order of the request, unless something is joined.
        ("bytes=500-599,0-9", [500..<600, 0..<10]), ("bytes=0-9,20-29", [0..<30]), ("bytes=0-99,50-149", [0..<150]),
        ("bytes=0-0,-1", [0..<1, 999..<1000]), ("bytes=0-9,90-99", [0..<10, 90..<100]), ("bytes=0-9,89-99", [0..<100]),
        ("bytes=900-999,0-9,5-20", [0..<21, 900..<1000]), ("bytes=0-9,5000-6000", [0..<10]),
      ])
    func selected(value: String, ranges: [Range<Int>]) {
      guard case .ranges(let selected) = Self.select(["Range: \(value)"]) else {
        Issue.record("no range is selected")
        return
      }
      #expect(Array(selected) == ranges)
    }

    @Test(
      "§14.2: what is ignored",
      arguments: [
        "bytes", "bytes=", "bytes=,", "bytes=-", "bytes=a-b", "bytes=5-1", "bytes=0-1,5-1", "bytes=0", "bytes=0-1-2",
        "bytes=--1", "bytes=0 - 1", "bytes 0-1", "items=0-1", "=0-1", "", "bytes=0x0-1", "bytes=+0-1", "bytes=\"0-1\"",
        "bytes = 0-1", "bytes=0-99,10-20,30-40,50-60",
      ])
    func ignored(value: String) {
      #expect(Self.select(["Range: \(value)"]) == .whole)
    }

    @Test(
      "§15.5.17: what is not there", arguments: ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=2000-,3000-4000"])
    func unsatisfiable(value: String) {
      #expect(Self.select(["Range: \(value)"]) == .unsatisfiable)
    }

    @Test func ofNothing() {
      #expect(Self.select(["Range: bytes=0-"], length: 0) == .unsatisfiable)
      #expect(Self.select(["Range: bytes=-5"], length: 0) == .whole)
    }

    @Test func onlyOfASuccess() {
      for status in [204, 301, 404, 500] { #expect(Self.select(["Range: bytes=0-1"], status: status) == .whole) }
      #expect(Self.select([]) == .whole)
      #expect(Self.select(["Range: bytes=0-1", "Range: bytes=0-1"]) == .whole)
    }

    @Test("§14.2: thousands of ranges")
    func abuse() {
      let many = (0..<10_000).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ",")
      #expect(Self.select(["Range: bytes=\(many)"], length: 1_000_000) == .whole)
      let sixteen = (0..<16).map { "\($0 * 1000)-\($0 * 1000 + 1)" }.joined(separator: ",")
      guard case .ranges(let ranges) = Self.select(["Range: bytes=\(sixteen)"], length: 1_000_000) else {
        Issue.record("sixteen ranges are few enough")
        return
      }
      #expect(ranges.count == 16)
      #expect(Self.select(["Range: bytes=\(sixteen)"], length: 1_000_000, maximumRanges: 15) == .whole)
    }

    @Test("what is selected lies within, is not empty and does not overlap")
    func properties() {
      var generator = SplitMix64(seed: 3)
      for _ in 0..<3_000 {
        let length = Int.random(in: 0...2_000, using: &generator)
        let specs = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
          let first = Int.random(in: 0...2_500, using: &generator)
          switch Int.random(in: 0..<3, using: &generator) {
          case 0: return "\(first)-"
          case 1: return "-\(first)"
          default: return "\(first)-\(first + Int.random(in: 0...500, using: &generator))"
          }
        }
        guard case .ranges(let ranges) = Self.select(["Range: bytes=\(specs.joined(separator: ","))"], length: length)
        else { continue }
        #expect(!ranges.isEmpty)
        for range in ranges { #expect(!range.isEmpty && range.upperBound <= length) }
        let sorted = ranges.sorted { $0.lowerBound < $1.lowerBound }
        for (left, right) in zip(sorted, sorted.dropFirst()) { #expect(left.upperBound <= right.lowerBound) }
      }
    }

    @Test(
      "§13.1.5: If-Range",
      arguments: [
        ("\"a\"", ["ETag: \"a\""], true), ("\"b\"", ["ETag: \"a\""], false), ("W/\"a\"", ["ETag: W/\"a\""], false),
        ("\"a\"", ["ETag: W/\"a\""], false), ("\"a\"", [], false), ("", ["ETag: \"a\""], false),
        ("a", ["ETag: a"], false),
        (Sample.date(-5), ["Last-Modified: \(Sample.date(-5))", "Date: \(Sample.date())"], true),
        (Sample.date(-4), ["Last-Modified: \(Sample.date(-5))", "Date: \(Sample.date())"], false),
        // Made in the second of the modification: another may have followed.
        (Sample.date(0), ["Last-Modified: \(Sample.date(0))", "Date: \(Sample.date())"], false),
        (Sample.date(-5), ["Last-Modified: \(Sample.date(-5))"], false),
      ])
    func ifRange(value: String, stored: [String], applies: Bool) {
      let result = Self.select(["Range: bytes=0-1", "If-Range: \(value)"], stored: stored)
      #expect(result == (applies ? .ranges([0..<2]) : .whole))
    }

    @Test(
      "§14.4: Content-Range",
      arguments: [
        ("bytes 0-499/1234", ContentRange(range: 0..<500, completeLength: 1234)),
        ("bytes 0-0/1", ContentRange(range: 0..<1, completeLength: 1)),
        ("bytes 5-9/*", ContentRange(range: 5..<10, completeLength: nil)),
        ("BYTES 0-0/1", ContentRange(range: 0..<1, completeLength: 1)),
        ("bytes */10", ContentRange(range: nil, completeLength: 10)),
        ("bytes */*", nil), ("bytes 1-0/2", nil), ("bytes 0-2/2", nil), ("bytes 0-1", nil), ("bytes 0-1/", nil),
        ("bytes=0-1/2", nil), ("items 0-1/2", nil), ("bytes -1/2", nil), ("bytes 0-/2", nil), ("", nil), ("bytes", nil),
        ("bytes 0-99999999999999999999/*", nil), ("bytes 0-1/99999999999999999999", nil),
        ("bytes 0-1/2 ", ContentRange(range: 0..<2, completeLength: 2)),
        ("bytes  0-1/2", nil), ("bytes 0-1/2x", nil), ("bytes 0-1/2/3", nil), ("apetixmbqfujync", nil),
      ] as [(String, ContentRange?)])
    func contentRange(text: String, expected: ContentRange?) {
      #expect(Sample.withSpan(text) { ContentRange.parse($0) } == expected)
      if let expected { #expect(Sample.withSpan(expected.text) { ContentRange.parse($0) } == expected) }
    }

    @Test("§15.3.7.1: 206 with one part")
    func onePart() {
      let stored = Sample.fields("Content-Type: a/b", "Content-Length: 10", "ETag: \"a\"")
      let fields = RFC9110.partialFields(of: stored, range: 2..<5, length: 10)
      #expect(
        fields.map { "\($0.name): \($0.value)" } == [
          "Content-Type: a/b", "ETag: \"a\"", "Content-Range: bytes 2-4/10", "Content-Length: 3",
        ])
    }

    @Test("§15.3.7.2: 206 with several")
    func severalParts() {
      let stored = Sample.fields("Content-Type: a/b", "Content-Length: 10", "ETag: \"a\"")
      let multipart = MultipartByteRanges(of: stored, ranges: [0..<2, 8..<10], length: 10, boundary: "XYZ")
      let body = Bytes("0123456789")
      let pieces = multipart.parts.flatMap { [$0.head, body.slice($0.range)] } + [multipart.closing]
      #expect(
        Bytes(joining: pieces).description == """
          --XYZ\r\nContent-Type: a/b\r\nContent-Range: bytes 0-1/10\r\n\r\n01\r\n\
          --XYZ\r\nContent-Type: a/b\r\nContent-Range: bytes 8-9/10\r\n\r\n89\r\n--XYZ--\r\n
          """)
      #expect(multipart.length == Bytes(joining: pieces).count)
      #expect(
        multipart.fields.map { "\($0.name): \($0.value)" } == [
          "ETag: \"a\"", "Content-Type: multipart/byteranges; boundary=XYZ", "Content-Length: \(multipart.length)",
        ])
    }

    @Test("§15.5.17: 416")
    func unsatisfiableFields() {
      let stored = Sample.fields("Content-Type: a/b", "Content-Length: 10", "ETag: \"a\"", "Date: x")
      #expect(
        RFC9110.unsatisfiableFields(of: stored, length: 10).map { "\($0.name): \($0.value)" } == [
          "ETag: \"a\"", "Date: x", "Content-Range: bytes */10", "Content-Length: 0",
        ])
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

extension SemanticsTests {
  @Suite("RFC 9111 §3.3, §3.4: partial content")
  struct Partial {
    static let whole = Bytes((0..<100).map { UInt8($0) })

    /// The part `range` of `whole`.
    static func part(_ range: Range<Int>, length: Int? = 100, tag: String? = "\"a\"") -> PartialContent {
      var fields = Sample.fields(
        "Content-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length.map(String.init) ?? "*")")
      if let tag { fields.append(KnownHeader.etag, tag) }
      return PartialContent(fields, body: whole.slice(range))!
    }

    /// Outside of the macro, which cannot call what mutates.
    static func combine(_ parts: inout PartialContent, _ other: PartialContent) -> Bool { parts.combine(other) }

    @Test func aPart() throws {
      let part = Self.part(10..<20)
      #expect(part.completeLength == 100)
      #expect(!part.isComplete && part.complete == nil && part.byteCount == 10)
      #expect(part.slice(for: 12..<15) == Self.whole.slice(12..<15))
      #expect(part.slice(for: 9..<15) == nil && part.slice(for: 12..<21) == nil)
      #expect(part.gaps(for: 0..<100) == [0..<10, 20..<100])
      #expect(
        part.gaps(for: 12..<15) == [] && part.gaps(for: 50..<60) == [50..<60] && part.gaps(for: 15..<25) == [20..<25])
      #expect(Self.part(0..<100).isComplete)
      #expect(Self.part(0..<100, length: nil).isComplete == false)
    }

    @Test func contentThatDoesNotFitTheField() throws {
      let fields = Sample.fields("Content-Range: bytes 4-9/10")
      let short = try #require(PartialContent(fields, body: "01234"))
      #expect(short.segments.map(\.range) == [4..<9])
      #expect(PartialContent(fields, body: "0123456") == nil)
      #expect(PartialContent(fields, body: "") == nil)
      #expect(PartialContent(Sample.fields("Content-Range: bytes */10"), body: "1") == nil)
      #expect(PartialContent(Sample.fields("Content-Type: multipart/byteranges; boundary=x"), body: "1") == nil)
    }

    @Test("§3.4: combining")
    func combining() throws {
      var parts = Self.part(10..<20)
      #expect(Self.combine(&parts, Self.part(30..<40)))
      #expect(parts.segments.map(\.range) == [10..<20, 30..<40])
      #expect(Self.combine(&parts, Self.part(15..<35)))
      #expect(parts.segments.map(\.range) == [10..<40])
      #expect(Self.combine(&parts, Self.part(0..<10)))
      #expect(Self.combine(&parts, Self.part(12..<14)))
      #expect(Self.combine(&parts, Self.part(40..<100, length: nil)))
      #expect(parts.isComplete)
      #expect(parts.complete == Self.whole)
    }

    @Test func whatCannotBeCombined() throws {
      var parts = Self.part(0..<10)
      #expect(!Self.combine(&parts, Self.part(10..<20, tag: "\"b\"")))
      #expect(!Self.combine(&parts, Self.part(10..<20, tag: "W/\"a\"")))
      #expect(!Self.combine(&parts, Self.part(10..<20, tag: nil)))
      #expect(!Self.combine(&parts, Self.part(10..<20, length: 99)))
      var weak = Self.part(0..<10, tag: "W/\"a\"")
      #expect(!Self.combine(&weak, Self.part(10..<20, tag: "W/\"a\"")))
      var none = Self.part(0..<10, tag: nil)
      #expect(!Self.combine(&none, Self.part(10..<20, tag: nil)))
      var open = Self.part(50..<60, length: nil)
      let tooShort = PartialContent(
        Sample.fields("Content-Range: bytes 0-4/55", "ETag: \"a\""), body: Self.whole.slice(0..<5))!
      #expect(!Self.combine(&open, tooShort))
      #expect(parts.segments.map(\.range) == [0..<10] && open.segments.map(\.range) == [50..<60])
    }

    @Test func thereIsALimitOfSegments() throws {
      let big = Bytes([UInt8](repeating: 1, count: 1))
      func one(_ offset: Int) -> PartialContent {
        PartialContent(Sample.fields("Content-Range: bytes \(offset)-\(offset)/*", "ETag: \"a\""), body: big)!
      }
      var parts = one(0)
      for index in 1..<PartialContent.maximumSegments { #expect(Self.combine(&parts, one(index * 2))) }
      #expect(!Self.combine(&parts, one(1_000)))
      #expect(Self.combine(&parts, one(1)))
      #expect(parts.segments.count == PartialContent.maximumSegments - 1)
    }

    @Test("whatever is combined in whatever order is the whole")
    func anyOrder() throws {
      var generator = SplitMix64(seed: 5)
      for _ in 0..<300 {
        var ranges: [Range<Int>] = []
        var position = 0
        while position < 100 {
          let end = min(100, position + Int.random(in: 1...30, using: &generator))
          ranges.append(max(0, position - Int.random(in: 0...5, using: &generator))..<end)
          position = end
        }
        ranges.shuffle(using: &generator)
        var parts = Self.part(ranges[0])
        for range in ranges.dropFirst() { #expect(Self.combine(&parts, Self.part(range))) }
        #expect(parts.complete == Self.whole)
      }
    }

    static func answer(_ range: String?, _ parts: PartialContent, stored: HeaderFields = HeaderFields())
      -> PartialAnswer
    {
      parts.answer(to: range.map { Sample.fields("Range: \($0)") } ?? HeaderFields(), stored: stored)
    }

    @Test(
      "what the parts are good for",
      arguments: [
        (nil, PartialAnswer.missing(from: 0, to: nil)), ("bytes=10-19", .ranges([10..<20])),
        ("bytes=12-13", .ranges([12..<14])),
        ("bytes=0-19", .missing(from: 0, to: 10)), ("bytes=15-24", .missing(from: 20, to: 25)),
        ("bytes=15-", .missing(from: 20, to: nil)),
        ("bytes=-5", .missing(from: 95, to: nil)), ("bytes=0-29", .missing(from: 0, to: 30)),
        ("bytes=100-", .unsatisfiable),
        ("bytes=10-10,19-19", .ranges([10..<20])), ("bytes=x", .missing(from: 0, to: nil)),
      ] as [(String?, PartialAnswer)])
    func answers(range: String?, expected: PartialAnswer) throws {
      #expect(Self.answer(range, Self.part(10..<20)) == expected)
    }

    @Test func answersOfAWhole() throws {
      let parts = Self.part(0..<100)
      #expect(Self.answer(nil, parts) == .whole)
      #expect(Self.answer("bytes=-5", parts) == .ranges([95..<100]))
      let request = Sample.fields("Range: bytes=0-1", "If-Range: \"b\"")
      #expect(parts.answer(to: request, stored: Sample.fields("ETag: \"a\"")) == .whole)
    }

    @Test func answersWhileTheLengthIsNotKnown() throws {
      let parts = Self.part(10..<20, length: nil)
      #expect(Self.answer("bytes=10-12", parts) == .ranges([10..<13]))
      #expect(Self.answer("bytes=10-25", parts) == .missing(from: 20, to: 26))
      #expect(Self.answer("bytes=10-", parts) == .missing(from: 20, to: nil))
      #expect(Self.answer("bytes=-5", parts) == .unknown)
      #expect(Self.answer(nil, parts) == .missing(from: 0, to: nil))
    }

    @Test("the octets tell where the end is")
    func miscounted() throws {
      let parts = try #require(PartialContent(Sample.fields("Content-Range: bytes 4-9/10"), body: "01234"))
      #expect(parts.completeLength == 9)
      for (range, octets) in [("-5", 4..<9), ("6-8", 6..<9), ("6-", 6..<9), ("-1", 8..<9)] {
        #expect(Self.answer("bytes=\(range)", parts) == .ranges([octets]))
      }
      #expect(Self.answer("bytes=0-", parts) == .missing(from: 0, to: 4))
      #expect(parts.slice(for: 6..<9)?.description == "234")
      // Not so when the part was to end before the representation does.
      let middle = try #require(PartialContent(Sample.fields("Content-Range: bytes 4-8/10"), body: "0123"))
      #expect(middle.completeLength == 10)
      #expect(Self.answer("bytes=4-8", middle) == .missing(from: 8, to: 9))
    }

    @Test func fetchingWhatIsMissing() throws {
      let request = Sample.fields("A: 1", "Range: bytes=0-1", "If-None-Match: \"z\"")
      let tagged = Self.part(0..<5)
      #expect(
        tagged.completionFields(for: request, from: 5, to: nil).map { "\($0.name): \($0.value)" } == [
          "A: 1", "Range: bytes=5-", "If-Range: \"a\"",
        ])
      let weak = Self.part(0..<5, tag: "W/\"a\"")
      #expect(
        weak.completionFields(for: request, from: 5, to: 9).map { "\($0.name): \($0.value)" } == [
          "A: 1", "Range: bytes=5-8",
        ])
    }

    @Test func entries() throws {
      var parts = Self.part(10..<20)
      #expect(Self.combine(&parts, Self.part(30..<40)))
      let base = Sample.fields("ETag: \"a\"", "Content-Length: 10", "Content-Range: bytes 10-19/100")
      let (fields, body) = parts.entry(fields: base)
      #expect(fields.values(of: .contentRange) == ["bytes 10-19/100", "bytes 30-39/100"])
      let again = try #require(PartialContent(entryFields: fields, body: body))
      #expect(again.segments.map(\.range) == [10..<20, 30..<40] && again.completeLength == 100)
      #expect(again.strongTag == parts.strongTag)
      #expect(PartialContent(entryFields: fields, body: body.slice(0..<19)) == nil)
      #expect(PartialContent(entryFields: base, body: body) == nil)
      #expect(PartialContent(entryFields: HeaderFields(), body: body) == nil)
    }

    @Test func incompleteResponses() throws {
      let fields = Sample.fields("ETag: \"a\"")
      var parts = try #require(PartialContent(prefix: Self.whole.slice(0..<60), completeLength: 100, fields: fields))
      #expect(Self.answer("bytes=0-9", parts) == .ranges([0..<10]))
      #expect(Self.answer(nil, parts) == .missing(from: 60, to: nil))
      #expect(Self.combine(&parts, Self.part(60..<100)))
      #expect(parts.isComplete)
      #expect(PartialContent(prefix: Self.whole, completeLength: 99, fields: fields) == nil)
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import HTTPCacheRedis

/// What a process remembers of a server's invalidations.
@Suite struct InvalidationMirrorTests {
  static func record(
    _ number: Int, _ invalidation: CacheInvalidation? = nil, log: UInt64 = 7, position: Int? = nil
  ) throws -> InvalidationRecord {
    let payload = try invalidation.map { try #require(InvalidationRecord.payloads(of: $0).last) } ?? "1oh"
    let header = [log.bigEndian, UInt64(position ?? number).bigEndian].withUnsafeBytes { Bytes(copying: $0) }
    return InvalidationRecord(id: StreamID(number: 1 << 20 + UInt64(number)), value: Bytes(joining: [header, payload]))
  }

  private static func stamp(_ number: Int) -> UInt64 { 1 << 20 + UInt64(number) }

  private static func verdict(_ mirror: InvalidationMirror, _ tag: String, since number: Int) -> InvalidationVerdict {
    let key = CacheKey(scheme: "http", authority: "example.com", target: "/")
    var candidate = InvalidationCandidate(key: key, tags: [tag])
    return mirror.verdict(&candidate, since: stamp(number))
  }

  @Test func `is bounded, and what is older than what is forgotten is void rather than valid`() throws {
    var mirror = try #require(InvalidationMirror(first: Self.record(1)))
    let count = InvalidationMirror.limit + 5_000
    for number in 2...count {
      let mode: CacheInvalidation.Mode = number % 3 == 0 ? .soft : .hard
      mirror.apply(
        try Self.record(number, CacheInvalidation(.anyTag(["tag \(number)"]), mode: mode)), moment: .distantPast)
    }
    #expect(mirror.markCount == InvalidationMirror.limit)
    #expect(mirror.recordCount == InvalidationMirror.limit)
    #expect(Self.verdict(mirror, "other", since: 2) == .void)
    // What was asked for after the last that is forgotten is judged as ever.
    let later = count - InvalidationMirror.limit + 1
    #expect(Self.verdict(mirror, "other", since: later) == .valid)
    #expect(Self.verdict(mirror, "tag \(count - 1)", since: later) == .void)
    // The same tag again and again takes no more than once, and pushes nothing else out.
    var busy = try #require(InvalidationMirror(first: Self.record(1)))
    for number in 2...1_000 {
      busy.apply(
        try Self.record(number, CacheInvalidation(.anyTag(["busy"]), mode: .soft)), moment: .distantPast)
    }
    #expect(busy.markCount == 1)
    #expect(Self.verdict(busy, "other", since: 1) == .valid)
  }

  @Test func `records that are missing, unreadable or of another log void everything before them`() throws {
    let tag = CacheInvalidation(.anyTag(["t"]))
    let missing = try Self.record(4, tag, position: 5)
    let foreign = InvalidationRecord(id: StreamID(number: Self.stamp(4)), value: "nonsense")
    let later = InvalidationRecord(
      id: StreamID(number: Self.stamp(4)), value: Bytes(joining: [try Self.record(4).value.slice(0..<16), "2zz"]))
    for record in [missing, foreign, later, try Self.record(4, tag, log: 8)] {
      var mirror = try #require(InvalidationMirror(first: Self.record(1)))
      for number in 2...3 { mirror.apply(try Self.record(number, tag), moment: .distantPast) }
      #expect(Self.verdict(mirror, "other", since: 2) == .valid)
      mirror.apply(record, moment: .distantPast)
      #expect(Self.verdict(mirror, "other", since: 3) == .void)
      #expect(Self.verdict(mirror, "other", since: 4) == .valid)
      #expect(mirror.last == record)
    }
  }

  @Test func `a stamp that no record has is void`() throws {
    var mirror = try #require(InvalidationMirror(first: Self.record(1)))
    for number in [2, 5, 9] {
      mirror.apply(
        try Self.record(number, CacheInvalidation(.anyTag(["t"])), position: number == 2 ? 2 : number == 5 ? 3 : 4),
        moment: .distantPast)
    }
    for number in 0...12 {
      #expect((Self.verdict(mirror, "other", since: number) == .valid) == [1, 2, 5, 9].contains(number), "\(number)")
    }
  }

  @Test(arguments: [1, 8, 9, 16, 17, 128, 200])
  func `all of many tags take several records, of which the last is short`(count: Int) throws {
    let tags = (0..<count).map { "tag \($0)" }
    for target in [CacheInvalidation.Target.allTags(tags), .anyTag(tags)] {
      let payloads = try InvalidationRecord.payloads(of: CacheInvalidation(target))
      #expect(payloads.allSatisfy { $0.count <= 3 + 16 * InvalidationRecord.subjectLimit })
      var mirror = try #require(InvalidationMirror(first: Self.record(1)))
      for (index, payload) in payloads.enumerated() {
        let header = try Self.record(index + 2).value.slice(0..<16)
        mirror.apply(
          InvalidationRecord(
            id: StreamID(number: Self.stamp(index + 2)), value: Bytes(joining: [header, payload])),
          moment: .distantPast)
      }
      let key = CacheKey(scheme: "http", authority: "example.com", target: "/")
      func verdict(_ tags: [String]) -> InvalidationVerdict {
        var candidate = InvalidationCandidate(key: key, tags: tags)
        return mirror.verdict(&candidate, since: Self.stamp(1))
      }
      #expect(verdict(tags) == .void)
      #expect(verdict(["other"]) == .valid)
      let isAll = if case .allTags = target { count > 1 } else { false }
      #expect(verdict([tags[0]]) == (isAll ? .valid : .void))
      if isAll, count <= 128 { #expect(verdict(Array(tags.dropLast())) == .valid) }
    }
  }
}

/// Numbers of records as Redis writes them.
@Suite struct StreamIDTests {
  @Test(
    arguments: [
      ("1-0", 1 << 20), ("0-1", 1), ("17592186044415-1048575", UInt64.max), ("00012-3", 12 << 20 | 3),
    ] as [(String, UInt64)])
  func `what fits is read`(text: String, number: UInt64) throws {
    #expect(StreamID(Bytes(text))?.number == number)
  }

  @Test(arguments: [
    "", "-", "1", "1-", "-1", "0-0", "1-1-1", "a-1", "1-b", " 1-1", "17592186044416-0", "1-1048576",
    "18446744073709551615-18446744073709551615", "99999999999999999999999999-1", "+1-1",
  ])
  func `what does not fit is refused`(text: String) { #expect(StreamID(Bytes(text)) == nil) }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import HTTPCacheRedis

/// What a process remembers of a server's invalidations.
@Suite struct InvalidationMirrorTests {
  private static func record(_ number: Int, _ fields: String...) throws -> InvalidationRecord {
    try #require(
      InvalidationRecord(
        .array([.bulk(Bytes("1-\(number)")), .array(fields.map { .bulk(Bytes($0)) })])))
  }

  private static func stamp(_ number: Int) throws -> UInt64 { try #require(StreamID("1-\(number)")).number }

  @Test func `is bounded, and what is older than what is forgotten is void rather than valid`() throws {
    let key = CacheKey(scheme: "http", authority: "example.com", target: "/")
    var mirror = InvalidationMirror(first: try Self.record(1, "t", "origin"))
    let count = InvalidationMirror.limit + 5_000
    for number in 2...count {
      mirror.apply(
        try Self.record(number, "t", "any", "m", number % 3 == 0 ? "soft" : "hard", "v", "tag \(number)"),
        moment: .distantPast)
      if number % 1000 == 0 { #expect(mirror.markCount <= InvalidationMirror.limit) }
    }
    #expect(mirror.markCount == InvalidationMirror.limit)
    #expect(mirror.verdict(key: key, tags: CacheTags(["other"]), since: try Self.stamp(2)) == .void)
    // What was asked for after the last that is forgotten is judged as ever.
    let later = try Self.stamp(count - InvalidationMirror.limit)
    #expect(mirror.verdict(key: key, tags: CacheTags(["other"]), since: later) == .valid)
    #expect(mirror.verdict(key: key, tags: CacheTags(["tag \(count - 1)"]), since: later) == .void)
    // The same tag again and again takes no more than once, and pushes nothing else out.
    var busy = InvalidationMirror(first: try Self.record(1, "t", "origin"))
    for number in 2...1_000 {
      busy.apply(try Self.record(number, "t", "any", "m", "soft", "v", "busy"), moment: .distantPast)
    }
    #expect(busy.markCount == 1)
    #expect(busy.verdict(key: key, tags: CacheTags(["other"]), since: try Self.stamp(1)) == .valid)
  }
}

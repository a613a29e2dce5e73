//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// A log that goes on where that of an earlier process ended.
@Suite struct InvalidationLogStartTests {
  private let now = CacheInstant(nanoseconds: 1_000_000_000)
  private let key = CacheKey(scheme: "https", authority: "a.test", target: "/a")

  @Test(arguments: [0, 1, 1000, UInt64(1) << 40])
  func `invalidations are numbered from the beginning on, and concern what is stamped with it`(start: UInt64) {
    let targets: [CacheInvalidation.Target] = [
      .key(key), .anyTag(["t"]), .allTags(["t", "u"]), .pathPrefix("/a"), .matching { _, _ in true }, .everything,
    ]
    for target in targets {
      for mode in [CacheInvalidation.Mode.hard, .soft] {
        let log = InvalidationLog(startingAt: start)
        let stamp = log.stamp
        #expect(stamp.number == start)
        let tags = CacheTags(["t", "u"])
        #expect(log.verdict(key: key, tags: tags, since: stamp) == .valid)
        #expect(log.record(CacheInvalidation(target, mode: mode), at: now) == start + 1)
        #expect(log.verdict(key: key, tags: tags, since: stamp) == (mode == .hard ? .void : .stale(since: now)))
        #expect(log.verdict(key: key, tags: tags, since: log.stamp) == .valid)
      }
    }
  }

  @Test func `what was stamped before the beginning counts as invalidated`() {
    let log = InvalidationLog(startingAt: 10)
    log.record(CacheInvalidation(.key(CacheKey(scheme: "https", authority: "a.test", target: "/b"))), at: now)
    for number: UInt64 in 0..<10 {
      #expect(log.verdict(key: key, tags: nil, since: InvalidationStamp(number)) == .void)
      #expect(log.storedVerdict(key: key, tags: nil, since: number) == .void)
    }
    #expect(log.verdict(key: key, tags: nil, since: InvalidationStamp(10)) == .valid)
    #expect(log.storedVerdict(key: key, tags: nil, since: 10) == .valid)
  }

  @Test func `invalidations that are recorded again have the numbers they had`() {
    let before = InvalidationLog(startingAt: 100)
    let invalidations = (0..<50).map { CacheInvalidation(.anyTag(["t\($0 % 7)"]), mode: $0 % 2 == 0 ? .hard : .soft) }
    for invalidation in invalidations { before.record(invalidation, at: now) }
    let after = InvalidationLog(startingAt: 100)
    for invalidation in invalidations { after.record(invalidation, at: now) }
    for number in UInt64(100)...150 {
      for tag in 0..<7 {
        let tags = CacheTags(["t\(tag)"])
        let stamp = InvalidationStamp(number)
        #expect(
          before.verdict(key: key, tags: tags, since: stamp) == after.verdict(key: key, tags: tags, since: stamp))
      }
    }
  }
}

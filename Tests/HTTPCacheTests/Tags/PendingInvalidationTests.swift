//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// Invalidations that a store has yet to be told of.
@Suite struct PendingInvalidationTests {
  private let start = CacheInstant(nanoseconds: 1_000_000_000)
  private func moment(_ seconds: Int64) -> CacheInstant { start.advanced(by: .seconds(seconds)) }

  private func verdict(
    _ pending: PendingInvalidations<CacheInstant>, _ target: String = "/a", _ tags: [String] = []
  ) -> InvalidationVerdict {
    var candidate = InvalidationCandidate(
      key: CacheKey(scheme: "https", authority: "example.com", target: target), tags: tags)
    return pending.verdict(&candidate)
  }

  private static let targets: [CacheInvalidation.Target] = [
    .key(CacheKey(scheme: "https", authority: "example.com", target: "/a")), .anyTag(["red", "red", "none"]),
    .allTags(["red", "blue"]), .pathPrefix("/a"), .everything, .matching { key, _ in key.targetText == "/a" },
  ]

  @Test(arguments: targets.indices)
  func `hard ones void what they concern, and soft ones make it stale, from the first attempt until it is told`(
    index: Int
  ) {
    let target = Self.targets[index]
    let isBroad = if case .everything = target { true } else { false }
    for mode in [CacheInvalidation.Mode.hard, .soft] {
      let meaning: InvalidationVerdict = mode == .hard ? .void : .stale(since: start)
      var pending = PendingInvalidations<CacheInstant>(limit: 10)
      let item = pending.begin(CacheInvalidation(target, mode: mode), at: start)
      #expect(verdict(pending, "/a", ["red", "blue"]) == meaning)
      #expect(verdict(pending, "/b", ["green"]) == (isBroad ? meaning : .valid))
      _ = pending.failed(item.number)
      #expect(verdict(pending, "/a", ["red", "blue"]) == meaning)
      // Another one for the same, which is told at once, leaves the first.
      let second = pending.begin(CacheInvalidation(target, mode: .soft), at: moment(5))
      #expect(verdict(pending, "/a", ["red", "blue"]) == meaning)
      pending.remove(second.number)
      #expect(verdict(pending, "/a", ["red", "blue"]) == meaning)
      pending.remove(item.number)
      #expect(verdict(pending, "/a", ["red", "blue"]) == .valid)
    }
  }

  @Test func `of several soft ones the earliest counts, and a hard one more`() {
    var pending = PendingInvalidations<CacheInstant>(limit: 10)
    for seconds in [7, 3, 9] as [Int64] {
      let item = pending.begin(CacheInvalidation(.anyTag(["red"]), mode: .soft), at: moment(seconds))
      _ = pending.failed(item.number)
    }
    _ = pending.begin(CacheInvalidation(.pathPrefix("/a"), mode: .soft), at: moment(5))
    #expect(pending.waitingCount == 1)
    #expect(verdict(pending, "/a", ["red"]) == .stale(since: moment(3)))
    #expect(verdict(pending, "/a") == .stale(since: moment(5)))
    _ = pending.begin(CacheInvalidation(.anyTag(["red"])), at: moment(11))
    #expect(verdict(pending, "/a", ["red"]) == .void)
  }

  @Test func `beyond the bounds everything is void`() {
    for byteLimit in [1 << 20, 1_000] {
      var pending = PendingInvalidations<CacheInstant>(limit: 10, byteLimit: byteLimit)
      for number in 0..<20 {
        let item = pending.begin(CacheInvalidation(.anyTag(["\(number)"]), mode: .soft), at: start)
        _ = pending.failed(item.number)
      }
      #expect(pending.waitingCount <= 10)
      #expect(verdict(pending, "/b", ["green"]) == .void)
    }
  }
}

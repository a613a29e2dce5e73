//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// The parts of the tiers that are pure.
@Suite struct TierPiecesTests {
  private let start = CacheInstant(nanoseconds: 1_000_000_000_000)
  private func moment(_ milliseconds: Int) -> CacheInstant { start.advanced(by: .milliseconds(milliseconds)) }
  private func entry(_ path: String, _ body: Bytes = "x", tags: [String] = []) -> CacheEntry {
    CacheEntry(
      key: TierFixture.key(path), status: 200, fields: [:], body: body,
      times: EntryTimes(
        birth: start, receivedAt: start, freshUntil: moment(60_000), staleWhileRevalidateUntil: moment(60_000),
        staleIfErrorUntil: moment(60_000), reclaimAt: moment(90_000)), tags: CacheTags(tags))
  }

  @Test func `a breaker opens after failures in a row, tries one call, and waits longer each time`() {
    var breaker = CircuitBreaker(
      threshold: 3, firstWait: .seconds(1), longestWait: .seconds(3), probeLimit: .seconds(1))
    for _ in 0..<2 { #expect(breaker.failed(at: start, jitter: 0) == false) }
    #expect(breaker.succeeded() == false)
    for _ in 0..<2 { #expect(breaker.failed(at: start, jitter: 0) == false) }
    #expect(breaker.admits(at: start) == true)
    #expect(breaker.failed(at: start, jitter: 0) == true)
    #expect(breaker.isOpen)
    #expect(breaker.admits(at: moment(999)) == false)
    #expect(breaker.admits(at: moment(1000)) == true)
    #expect(breaker.admits(at: moment(1001)) == false)
    #expect(breaker.failed(at: moment(1100), jitter: 0) == false)
    #expect(breaker.admits(at: moment(3099)) == false)
    #expect(breaker.admits(at: moment(3100)) == true)
    // Nobody has said how that went: the next one tries.
    #expect(breaker.admits(at: moment(4100)) == true)
    #expect(breaker.succeeded() == true)
    #expect(breaker.admits(at: moment(4100)) == true)
    for _ in 0..<2 { #expect(breaker.failed(at: moment(5000), jitter: 1) == false) }
    #expect(breaker.failed(at: moment(5000), jitter: 1) == true)
    #expect(breaker.admits(at: moment(6249)) == false)
    #expect(breaker.admits(at: moment(6250)) == true)
  }

  @Test func `of waiting writes the newest for a key remains, the oldest goes first, one runs at a time`() {
    var writes = WaitingWrites(maximumCount: 3, maximumWeight: 1 << 20)
    func add(_ path: String, _ body: Bytes) -> [String] {
      writes.add(.init(entry: entry(path, body), stamp: InvalidationStamp(0), since: .distantPast, isServable: true))
        .map { "\($0.entry.body)" }
    }
    #expect(add("/a", "1").isEmpty)
    #expect(add("/b", "2").isEmpty)
    #expect(add("/a", "3").isEmpty)
    #expect(writes.count == 2)
    #expect(writes.beginOldest()?.entry.body == "2")
    #expect(add("/b", "4").isEmpty)
    #expect(writes.begin(TierFixture.key("/b")) == nil)
    #expect(writes.latest(TierFixture.key("/b"))?.entry.body == "4")
    #expect(writes.beginOldest()?.entry.body == "3")
    #expect(writes.beginOldest() == nil)
    #expect(!writes.isDue)
    // The newer one takes the place of the one that has failed.
    #expect(writes.retry(TierFixture.key("/b"), maximumAttempts: 2) == true)
    #expect(writes.begin(TierFixture.key("/b"))?.entry.body == "4")
    #expect(writes.retry(TierFixture.key("/b"), maximumAttempts: 2) == true)
    #expect(writes.begin(TierFixture.key("/b"))?.entry.body == "4")
    #expect(writes.retry(TierFixture.key("/b"), maximumAttempts: 2) == false)
    writes.finish(TierFixture.key("/a"))
    #expect(writes.isEmpty)
    #expect(writes.weight == 0)
    #expect(add("/1", "1") + add("/2", "2") + add("/3", "3") + add("/4", "4") + add("/5", "5") == ["1", "2"])
    #expect(writes.count == 3)
    for _ in 0..<3 {
      if let write = writes.beginOldest() { writes.finish(write.entry.key) }
    }
    #expect(writes.isEmpty)
  }

  @Test func `waiting writes are bounded by weight, also over many rounds`() {
    var writes = WaitingWrites(maximumCount: 1000, maximumWeight: 10_000)
    var dropped = 0
    for number in 0..<5000 {
      dropped +=
        writes.add(
          .init(
            entry: entry("/\(number % 37)", Bytes(repeatElement(1, count: number % 2000))), stamp: InvalidationStamp(0),
            since: .distantPast,
            isServable: true)
        ).count
      #expect(writes.weight <= 10_000)
      if number % 5 == 0, let write = writes.beginOldest() { writes.finish(write.entry.key) }
    }
    #expect(dropped > 100)
  }

  @Test func `an invalidation takes waiting writes out, or makes them stale`() {
    var writes = WaitingWrites(maximumCount: 10, maximumWeight: 1 << 20)
    for path in ["/a", "/b", "/c", "/d"] {
      _ = writes.add(
        .init(entry: entry(path, tags: [path]), stamp: InvalidationStamp(0), since: .distantPast, isServable: true))
    }
    _ = writes.begin(TierFixture.key("/d"))
    writes.apply(CacheInvalidation(.anyTag(["/a", "/d"])), at: moment(5))
    writes.apply(CacheInvalidation(.key(TierFixture.key("/b")), mode: .soft), at: moment(5))
    #expect(writes.latest(TierFixture.key("/a")) == nil)
    #expect(writes.latest(TierFixture.key("/b"))?.entry.times.freshUntil == moment(5))
    #expect(writes.latest(TierFixture.key("/c"))?.entry.times.freshUntil == moment(60_000))
    #expect(writes.latest(TierFixture.key("/d"))?.isServable == false)
  }

  @Test func `of the last invalidations those concern an entry that came since, and too many concern every one`() {
    var recent = RecentInvalidations(limit: 3)
    let tagged = entry("/a", tags: ["t"])
    recent.append(CacheInvalidation(.everything), at: start)
    let before = recent.count
    #expect(recent.verdict(on: tagged, since: before) == .valid)
    recent.append(CacheInvalidation(.anyTag(["other"])), at: moment(1))
    #expect(recent.verdict(on: tagged, since: before) == .valid)
    recent.append(CacheInvalidation(.anyTag(["t"]), mode: .soft), at: moment(2))
    #expect(recent.verdict(on: tagged, since: before) == .stale(since: moment(2)))
    #expect(recent.verdict(on: entry("/b"), since: before) == .valid)
    recent.append(CacheInvalidation(.key(TierFixture.key("/a"))), at: moment(3))
    #expect(recent.verdict(on: tagged, since: before) == .void)
    #expect(recent.verdict(on: entry("/b"), since: before) == .valid)
    #expect(recent.verdict(on: tagged, since: recent.count) == .valid)
    recent.append(CacheInvalidation(.key(TierFixture.key("/c"))), at: moment(4))
    #expect(recent.verdict(on: entry("/b"), since: before) == .void)
    #expect(recent.verdict(on: entry("/b"), since: before + 1) == .valid)
  }

  @Test func `waiting invalidations keep one per target, the more thorough mode, and their order`() {
    var pending = PendingInvalidations<CacheInstant>(limit: 10)
    func fail(_ invalidation: CacheInvalidation) {
      let item = pending.begin(invalidation, at: start)
      _ = pending.failed(item.number)
    }
    fail(CacheInvalidation(.anyTag(["a"])))
    fail(CacheInvalidation(.anyTag(["b"])))
    fail(CacheInvalidation(.anyTag(["a"]), mode: .soft))
    #expect(pending.waitingCount == 2)
    let running = pending.begin(CacheInvalidation(.anyTag(["c"])), at: start)
    #expect(pending.waitingCount == 2)
    #expect(pending.concerns(entry("/", tags: ["c"])))
    pending.remove(running.number)
    #expect(!pending.concerns(entry("/", tags: ["c"])))
    var told: [String] = []
    while let item = pending.first {
      told.append("\(item.invalidation.target) \(item.invalidation.mode)")
      pending.remove(item.number)
    }
    #expect(told == ["anyTag([\"b\"]) hard", "anyTag([\"a\"]) hard"])
    #expect(pending.isEmpty)
    for number in 0..<8 { fail(CacheInvalidation(.anyTag(["\(number)"]))) }
    fail(CacheInvalidation(.everything))
    #expect(pending.waitingCount == 1)
    for _ in 0..<30 { fail(CacheInvalidation(.matching { _, _ in true })) }
    #expect(pending.waitingCount <= 10)
    #expect(pending.concerns(entry("/any")))
  }

  @Test func `hits fade, and a key that is asked for more is not pushed out by others`() {
    var memory = HitMemory(capacity: 1, period: .seconds(60))
    let popular = TierFixture.key("/popular").digest
    #expect(memory.record(popular, at: start) == 1)
    #expect(memory.record(popular, at: start) == 2)
    #expect(memory.record(popular, at: start) == 3)
    // Another key has the same slot.
    #expect(memory.record(TierFixture.key("/other").digest, at: start) == 1)
    #expect(memory.record(popular, at: start) == 2)
    #expect(memory.record(popular, at: moment(120_000)) == 1)
    memory.forget(popular)
    #expect(memory.record(popular, at: moment(120_000)) == 1)
    var endless = HitMemory(capacity: 64, period: nil)
    for number in 1...5 { #expect(endless.record(popular, at: moment(number * 1_000_000)) == number) }
  }

  @Test func `a mark says when, and after how many doubts`() throws {
    #expect(TierMark(0) == nil)
    let mark = try #require(TierMark(TierMark.word(doubts: 3, at: moment(500))))
    #expect(mark.isUndoubted(after: 3))
    #expect(!mark.isUndoubted(after: 4))
    #expect(mark.age(at: moment(1700)) == .milliseconds(1200))
    // Far out, the counter begins again: what is doubted a million times is checked anyway.
    let late = try #require(TierMark(TierMark.word(doubts: 1 << 20 + 3, at: start)))
    #expect(late.isUndoubted(after: 1 << 20 + 3))
    #expect(late.age(at: start) == .zero)
  }
}

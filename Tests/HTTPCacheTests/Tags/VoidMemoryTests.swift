//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// What has been invalidated by tags takes up no room for long, nor does what is remembered of invalidations.
@Suite(.timeLimit(.minutes(5))) struct VoidMemoryTests {
  private static func backend(_ clock: ManualClock, shardCount: Int = 4) throws -> InMemoryBackend {
    try InMemoryBackend(
      configuration: .init(capacity: 512 << 20, shardCount: shardCount, clock: CacheClock(clock)))
  }

  private static func entry(_ number: Int, _ tags: [String], _ clock: ManualClock) -> CacheEntry {
    let now = clock.now
    let end = now.advanced(by: .seconds(100_000))
    return CacheEntry(
      key: CacheKey(custom: "\(number)"), status: 200, fields: HeaderFields(), body: "x",
      times: EntryTimes(
        birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
        reclaimAt: end), tags: CacheTags(tags))
  }

  @Test func `the background takes out void entries that nobody asks for, and leaves the others`() async throws {
    let clock = ManualClock()
    let backend = try Self.backend(clock)
    for number in 0..<1000 { _ = backend.storeNow(Self.entry(number, ["t\(number % 2)", "all"], clock)) }
    await backend.invalidate(CacheInvalidation(.anyTag(["t0"])))
    #expect(backend.statistics.entryCount == 1000)
    backend.judge(at: clock.now)
    #expect(backend.statistics.entryCount == 500)
    #expect(backend.statistics.invalidations == 500)
    #expect(backend.inconsistency() == nil)
    await backend.invalidate(CacheInvalidation(.allTags(["t1", "all"]), mode: .soft))
    clock.advance(by: .seconds(1))
    backend.judge(at: clock.now)
    #expect(backend.statistics.entryCount == 500)
    guard case .found(let entry) = backend.peek(CacheKey(custom: "1"), at: clock.now) else {
      Issue.record("gone")
      return
    }
    #expect(entry.times.freshUntil == clock.now.advanced(by: .seconds(-1)))
    #expect(backend.inconsistency() == nil)
  }

  @Test func `it does so by itself`() async throws {
    let clock = ManualClock()
    let backend = try Self.backend(clock)
    for number in 0..<100 { _ = backend.storeNow(Self.entry(number, ["t"], clock)) }
    _ = backend.storeNow(Self.entry(100, [], clock))
    await backend.invalidate(CacheInvalidation(.anyTag(["t"])))
    await clock.waitForSleepers()
    clock.advance(by: .seconds(6))
    await eventually { backend.statistics.entryCount == 1 }
  }

  @Test func `stores take out void entries in passing`() async throws {
    let clock = ManualClock()
    let backend = try Self.backend(clock, shardCount: 1)
    for number in 0..<300 { _ = backend.storeNow(Self.entry(number, ["t"], clock)) }
    await backend.invalidate(CacheInvalidation(.anyTag(["t"])))
    for number in 0..<300 { _ = backend.storeNow(Self.entry(1000 + number, ["u"], clock)) }
    #expect(backend.statistics.entryCount == 300)
    #expect(backend.statistics.invalidations == 300)
    #expect(backend.inconsistency() == nil)
  }

  @Test func `tags count as what their entries take, and go with them`() throws {
    let clock = ManualClock()
    let backend = try InMemoryBackend(
      configuration: .init(capacity: 1 << 20, shardCount: 1, clock: CacheClock(clock)))
    // Ten kilobytes of tags each, of which no two have the same: four times what there is room for.
    let padding = String(repeating: "x", count: 94)
    for number in 100..<500 {
      let tags = (100..<200).map { "\(number)\($0)\(padding)" }
      #expect(backend.storeNow(Self.entry(number, tags, clock)) == .stored)
    }
    #expect(backend.statistics.byteCount <= 1 << 20)
    #expect((50...105).contains(backend.statistics.entryCount))
    // Nothing knows a tag but the entries that have it.
    #expect(backend.log.markCount == 0)
    #expect(backend.inconsistency() == nil)
  }

  @Test func `of very many tags that are invalidated only the last are remembered`() async throws {
    let backend = try Self.backend(ManualClock())
    for number in 0..<2 * InvalidationLog.limit {
      await backend.invalidate(CacheInvalidation(.anyTag(["t\(number)"])))
    }
    #expect(backend.log.markCount == InvalidationLog.limit)
  }

  @Test func `a great many valid entries are looked at little by little`() async throws {
    let clock = ManualClock()
    let backend = try Self.backend(clock, shardCount: 64)
    let count = InMemoryBackend.judgedPerSweep + 10_000
    for number in 0..<count { _ = backend.storeNow(Self.entry(number, number == count - 1 ? ["t"] : [], clock)) }
    await backend.invalidate(CacheInvalidation(.anyTag(["t"])))
    backend.judge(at: clock.now)
    backend.judge(at: clock.now)
    #expect(backend.statistics.entryCount == count - 1)
  }

  @Test func `invalidations are forgotten when nothing stored is older, and not before responses from then are over`()
    async throws
  {
    let clock = ManualClock()
    let backend = try Self.backend(clock)
    for number in 0..<100 { _ = backend.storeNow(Self.entry(number, ["t\(number)"], clock)) }
    let early = try #require(backend.stampNow)
    for number in 0..<100 {
      await backend.invalidate(CacheInvalidation(.anyTag(["u\(number)"])))
      await backend.invalidate(CacheInvalidation(.key(CacheKey(custom: "v\(number)"))))
    }
    #expect(backend.log.markCount == 200)
    for _ in 0..<3 {
      backend.judge(at: clock.now)
      clock.advance(by: InMemoryBackend.remembersFor - .seconds(1))
    }
    // Forgotten is what was invalidated before the last but one of these intervals began.
    for _ in 0..<3 {
      clock.advance(by: InMemoryBackend.remembersFor)
      backend.judge(at: clock.now)
    }
    #expect(backend.log.markCount == 0)
    // All entries are still there and valid; a response from before is not stored any more, a new one is.
    #expect(backend.statistics.entryCount == 100)
    for number in 0..<100 {
      guard case .found = backend.peek(CacheKey(custom: "\(number)"), at: clock.now) else {
        Issue.record("\(number) is gone")
        continue
      }
    }
    #expect(backend.storeNow(Self.entry(200, ["z"], clock), stamp: early) == .invalidated)
    #expect(backend.storeNow(Self.entry(201, ["z"], clock), stamp: try #require(backend.stampNow)) == .stored)
  }

  @Test func `invalidations within the time that a response may take are remembered`() async throws {
    let clock = ManualClock()
    let backend = try Self.backend(clock)
    _ = backend.storeNow(Self.entry(0, ["t"], clock))
    backend.judge(at: clock.now)
    for second in stride(from: 0, to: 299, by: 5) {
      if second == 10 { await backend.invalidate(CacheInvalidation(.anyTag(["u"]))) }
      clock.advance(by: .seconds(5))
      backend.judge(at: clock.now)
    }
    #expect(backend.log.markCount == 1)
    #expect(backend.storeNow(Self.entry(1, ["w"], clock), stamp: InvalidationStamp(0)) == .stored)
    #expect(backend.storeNow(Self.entry(2, ["u"], clock), stamp: InvalidationStamp(0)) == .invalidated)
  }

  @Test func `what is stored while a key or a prefix is invalidated is found by one or the other`() async throws {
    // Two threads, one key: whoever comes first, what was asked for before the invalidation is not there after it.
    let clock = ManualClock()
    for round in 0..<300 {
      let backend = try Self.backend(clock)
      let entry = Self.entry(1, [], clock)
      let stamp = try #require(backend.stampNow)
      let invalidation = CacheInvalidation(round % 2 == 0 ? .key(entry.key) : .pathPrefix("1"))
      async let stored: CacheStoreResult = Task.detached { backend.storeNow(entry, stamp: stamp) }.value
      async let invalidated: InvalidationReceipt = Task.detached { await backend.invalidate(invalidation) }.value
      _ = await (stored, invalidated)
      if case .found = backend.peek(entry.key, at: clock.now) { Issue.record("round \(round): it survived") }
      #expect(backend.inconsistency() == nil)
    }
  }
}

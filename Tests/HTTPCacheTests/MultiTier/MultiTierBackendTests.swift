//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Dispatch
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// The near tier has copies of what the far one has, never for longer, and never anything else.
@Suite(.timeLimit(.minutes(5))) struct MultiTierBackendTests {
  @Test func `what is stored is found in the near tier without waiting, and is in the far one`() async throws {
    let fixture = try TierFixture()
    #expect(try await fixture.put(fixture.entry("/a", "one")) == .stored)
    let lookups = fixture.far.count(.lookup)
    #expect(fixture.peeked("/a") == "one")
    #expect(fixture.far.count(.lookup) == lookups)
    #expect(fixture.store.contains(TierFixture.key("/a")))
    #expect(fixture.count(.nearHit) == 1)
  }

  @Test func `the first hit in the far tier makes a copy with the lifetime that is left`() async throws {
    let fixture = try TierFixture()
    let entry = fixture.entry("/a", fresh: .seconds(30))
    try await fixture.put(entry, in: fixture.store)
    fixture.clock.advance(by: .seconds(20))
    #expect(fixture.peeked("/a") == nil)
    #expect(try await fixture.found("/a") == "content")
    guard case .found(let copy) = fixture.tiers.peek(entry.key, at: fixture.now) else {
      Issue.record("there is no copy")
      return
    }
    #expect(copy.times == entry.times)
    #expect(fixture.count(.promoted) == 1)
  }

  @Test func `what the near tier lacks of several entries is asked of the far one at once`() async throws {
    let fixture = try TierFixture()
    let tiers = try MultiTierBackend(
      near: InMemoryBackend(configuration: .init(clock: CacheClock(fixture.clock))), far: fixture.store)
    for path in ["/a", "/b", "/c"] { try await fixture.put(fixture.entry(path, Bytes(path)), in: fixture.store) }
    let keys = ["/a", "/none", "/b", "/c"].map { TierFixture.key($0) }
    let expected: [Bytes?] = ["/a", nil, "/b", "/c"]
    // One of them is near already.
    #expect(try await tiers.lookup(keys[2]).entry?.body == "/b")
    for _ in 0..<2 {
      let count = fixture.store.counts.lookups
      #expect(try await tiers.lookup(all: keys).map { $0.entry?.body } == expected)
      #expect(fixture.store.counts.lookups == count + 1)
    }
    let count = fixture.store.counts.lookups
    #expect(try await tiers.lookup(all: [keys[0], keys[3]]).allSatisfy { $0.entry != nil })
    #expect(fixture.store.counts.lookups == count, "both are near now")
    try await tiers.invalidate(CacheInvalidation(.key(keys[0])))
    #expect(try await tiers.lookup(all: keys).map { $0.entry?.body } == [nil, nil, "/b", "/c"])
  }

  /// A backend that anybody has written, and whose answer lacks a key or has one too many.
  private struct Miscounting: CacheBackend {
    let count: Int

    func lookup(_ key: CacheKey) async throws -> CacheLookup { CacheLookup(entry: nil, stamp: InvalidationStamp(1)) }
    func lookup(all keys: [CacheKey]) async throws -> [CacheLookup] {
      Array(repeating: CacheLookup(entry: nil, stamp: InvalidationStamp(1)), count: count)
    }
    func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult { .stored }
    func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt { InvalidationReceipt() }
  }

  @Test(arguments: [0, 1, 3]) func `a far tier that answers with too few results, or too many, is one that has nothing`(
    count: Int
  ) async throws {
    let tiers = try MultiTierBackend(near: InMemoryBackend(), far: Miscounting(count: count))
    let found = try await tiers.lookup(all: ["/a", "/b"].map { TierFixture.key($0) })
    #expect(found.count == 2 && found.allSatisfy { $0.entry == nil })
  }

  /// Bug 30 of the original: it promoted expired entries as fresh for 60 seconds.
  @Test func `an entry that is stale is no fresher for having been copied, and one whose time has come is not copied`()
    async throws
  {
    let fixture = try TierFixture()
    let entry = fixture.entry("/stale", fresh: .seconds(10))
    try await fixture.put(entry, in: fixture.store)
    fixture.clock.advance(by: .seconds(50))
    let found = try #require(try await fixture.tiers.lookup(entry.key).entry)
    #expect(found.times.freshUntil < fixture.now)
    guard case .found(let copy) = fixture.tiers.peek(entry.key, at: fixture.now) else {
      Issue.record("there is no copy")
      return
    }
    #expect(copy.times == entry.times)
    fixture.clock.advance(by: .seconds(3700))
    #expect(fixture.peeked("/stale") == nil)
    #expect(try await fixture.found("/stale") == nil)
  }

  @Test func `promotion can wait for several hits`() async throws {
    let fixture = try TierFixture(TierConfiguration(promotion: .hits(3)))
    try await fixture.put(fixture.entry("/a"), in: fixture.store)
    for hit in 1...3 {
      #expect(fixture.peeked("/a") == nil, "before hit \(hit)")
      #expect(try await fixture.found("/a") == "content")
      fixture.clock.advance(by: .seconds(100))
    }
    #expect(fixture.count(.promoted) == 1)
  }

  @Test func `promotion by rate counts the hits of the period only`() async throws {
    let fixture = try TierFixture(TierConfiguration(promotion: .rate(3, per: .seconds(60))))
    try await fixture.put(fixture.entry("/a"), in: fixture.store)
    for _ in 0..<6 {
      #expect(try await fixture.found("/a") != nil)
      fixture.clock.advance(by: .seconds(40))
    }
    #expect(fixture.count(.promoted) == 0)
    for _ in 0..<3 {
      #expect(try await fixture.found("/a") != nil)
      fixture.clock.advance(by: .seconds(1))
    }
    #expect(fixture.count(.promoted) == 1)
    #expect(fixture.peeked("/a") == "content")
  }

  @Test func `without promotion the near tier has what the node has stored itself`() async throws {
    let fixture = try TierFixture(TierConfiguration(promotion: .never))
    try await fixture.put(fixture.entry("/far"), in: fixture.store)
    try await fixture.put(fixture.entry("/own"))
    for _ in 0..<5 { #expect(try await fixture.found("/far") != nil) }
    #expect(fixture.peeked("/far") == nil)
    #expect(fixture.peeked("/own") != nil)
  }

  /// Bug 31 of the original: an update too large for the first tier left the old response there.
  @Test(arguments: [TierConfiguration.Writing.through, .back])
  func `a response that is too large for the near tier supersedes the copy there`(writing: TierConfiguration.Writing)
    async throws
  {
    let fixture = try TierFixture(TierConfiguration(writing: writing, maximumNearBodySize: 100))
    try await fixture.put(fixture.entry("/a", "small"))
    #expect(fixture.peeked("/a") == "small")
    let large = Bytes(repeatElement(7, count: 101))
    #expect(try await fixture.put(fixture.entry("/a", large)) == .stored)
    #expect(fixture.peeked("/a") == nil)
    #expect(try await fixture.found("/a") == large)
    #expect(fixture.peeked("/a") == nil)
    await fixture.advance { fixture.tiers.waitingWriteCount == 0 }
    #expect(try await fixture.found("/a") == large)
    #expect(fixture.count(.tooLargeForNear) >= 1)
  }

  @Test func `a copy is compared after its time, and the same one goes on being used`() async throws {
    let fixture = try TierFixture(TierConfiguration(nearTimeToLive: .seconds(10)))
    let entry = fixture.entry("/a")
    try await fixture.put(entry)
    guard case .found(let first) = fixture.tiers.peek(entry.key, at: fixture.now) else { return #expect(Bool(false)) }
    fixture.clock.advance(by: .seconds(11))
    #expect(fixture.peeked("/a") == nil)
    let found = try await fixture.tiers.lookup(entry.key).entry
    #expect(found === first)
    #expect(fixture.count(.confirmed) == 1)
    #expect(fixture.peeked("/a") == "content")
    fixture.clock.advance(by: .seconds(9))
    #expect(fixture.peeked("/a") == "content")
  }

  @Test func `a copy that the far tier contradicts gives way`() async throws {
    let fixture = try TierFixture()
    try await fixture.put(fixture.entry("/a", "old"))
    try await fixture.put(fixture.entry("/b", "old"))
    try await fixture.put(fixture.entry("/a", "new"), in: fixture.store)
    try await fixture.store.removeEntry(for: TierFixture.key("/b"))
    fixture.clock.advance(by: .seconds(11))
    #expect(try await fixture.found("/a") == "new")
    #expect(fixture.peeked("/a") == "new")
    let lookup = try await fixture.tiers.lookup(TierFixture.key("/b"))
    #expect(lookup.entry == nil)
    #expect(fixture.count(.contradicted) == 2)
    // What is made in its place must not fall with the copy.
    #expect(try await fixture.tiers.store(fixture.entry("/b", "new"), stamp: lookup.stamp) == .stored)
    #expect(fixture.peeked("/b") == "new")
  }

  @Test func `doubt makes every copy be compared, and throws none away`() async throws {
    let fixture = try TierFixture()
    for number in 0..<10 { try await fixture.put(fixture.entry("/\(number)")) }
    try await fixture.store.removeEntry(for: TierFixture.key("/3"))
    #expect(fixture.peeked("/3") != nil)
    fixture.tiers.suspect()
    for number in 0..<10 {
      #expect(fixture.peeked("/\(number)") == nil)
      #expect(try await fixture.found("/\(number)") == (number == 3 ? nil : "content"))
      #expect(fixture.peeked("/\(number)") == (number == 3 ? nil : "content"))
    }
    #expect(fixture.count(.confirmed) == 9)
    #expect(fixture.count(.promoted) == 0)
  }

  @Test func `a lookup that an invalidation overtakes makes no copy`() async throws {
    let clock = ManualClock()
    let store = try SharedStore(clock: CacheClock(clock))
    let far = StoppedLookups(store)
    let near = try InMemoryBackend(configuration: .init(clock: CacheClock(clock)))
    let tiers = try MultiTierBackend(
      near: near, far: far, configuration: TierConfiguration(timeout: nil, clock: CacheClock(clock)))
    let fixture = try TierFixture()
    let overtakers: [() async throws -> Void] = [
      { _ = try await tiers.invalidate(CacheInvalidation(.anyTag(["t"]))) },
      {
        try await store.removeEntry(for: TierFixture.key("/1"))
        await tiers.apply(CacheInvalidation(.anyTag(["t"])))
      },
      {
        let stamp = InvalidationStamp(near: near.log.stamp, far: try await store.lookup(TierFixture.key("/2")).stamp)
        _ = try await tiers.store(fixture.entry("/2", "new"), stamp: stamp)
      },
    ]
    for (number, overtake) in overtakers.enumerated() {
      let key = TierFixture.key("/\(number)")
      let stamp = try await store.lookup(key).stamp
      _ = try await store.store(fixture.entry("/\(number)", "old", tags: ["t"]), stamp: stamp)
      far.gate.close()
      async let found = tiers.lookup(key)
      await eventually { far.gate.waitingCount == 1 }
      try await overtake()
      far.gate.open()
      _ = try await found
      let after = try await tiers.lookup(key).entry?.body
      #expect(after == (number == 2 ? "new" : nil))
      if case .found(let copy) = tiers.peek(key, at: clock.now) { #expect(copy.body == "new") }
    }
  }

  @Test func `once a look has not found what is being invalidated, none finds it`() async throws {
    let clock = ManualClock()
    let near = StoppedInvalidations(try InMemoryBackend(configuration: .init(clock: CacheClock(clock))))
    let tiers = try MultiTierBackend(
      near: near, far: try SharedStore(clock: CacheClock(clock)),
      configuration: TierConfiguration(clock: CacheClock(clock)))
    let key = TierFixture.key("/")
    let isFound: @Sendable () -> Bool = {
      if case .found = tiers.peek(key, at: clock.now) { true } else { false }
    }
    let stamp = try await tiers.lookup(key).stamp
    #expect(try await tiers.store(TierFixture().entry("/"), stamp: stamp) == .stored)
    #expect(isFound())

    near.gate.close()
    let told = DispatchSemaphore(value: 0)
    let invalidation = Task {
      await tiers.apply(CacheInvalidation(.key(key)))
      told.signal()
    }
    await eventually { near.gate.waitingCount == 1 }
    #expect(!isFound())
    // It is told of it between this look's answer and what is made of that.
    near.afterPeek.withLock {
      $0 = {
        near.gate.open()
        told.wait()
      }
    }
    let result = await withCheckedContinuation { continuation in
      DispatchQueue.global().async { continuation.resume(returning: isFound()) }
    }
    #expect(!result)
    await invalidation.value
  }

  @Test func `a fill that another node's invalidation overtakes is in neither tier`() async throws {
    let fixture = try TierFixture()
    for (path, writing) in [("/a", false), ("/b", true)] {
      if writing { try await fixture.put(fixture.entry(path, "before", tags: ["t"])) }
      let stamp = try await fixture.tiers.lookup(TierFixture.key(path)).stamp
      // This node has not heard of it.
      try await fixture.store.invalidate(CacheInvalidation(.anyTag(["t"])))
      let result = try await fixture.tiers.store(fixture.entry(path, "filled", tags: ["t"]), stamp: stamp)
      // A stamp from before the far tier was asked last is older still.
      #expect(result == .invalidated)
      #expect(fixture.peeked(path) == nil)
      #expect(try await fixture.found(path) == nil)
    }
  }

  @Test func `what is invalidated is gone from both tiers, and counted`() async throws {
    let fixture = try TierFixture()
    try await fixture.put(fixture.entry("/a"))
    #expect(try await fixture.tiers.invalidate(CacheInvalidation(.key(TierFixture.key("/a")))).entryCount == 1)
    #expect(fixture.peeked("/a") == nil)
    #expect(!fixture.store.contains(TierFixture.key("/a")))
  }

  @Test func `a configuration that makes no sense is refused with a reason`() throws {
    func message(_ change: (inout TierConfiguration) -> Void) -> String {
      var configuration = TierConfiguration()
      change(&configuration)
      do throws(CacheConfigurationError) {
        _ = try MultiTierBackend(
          near: InMemoryBackend(), far: InMemoryBackend(), configuration: configuration)
        return "accepted"
      } catch {
        return error.message
      }
    }
    #expect(message { _ in } == "accepted")
    #expect(message { $0.nearTimeToLive = .zero }.hasPrefix("nearTimeToLive is 0"))
    #expect(message { $0.nearGrace = .seconds(-1) }.hasPrefix("nearGrace is -1"))
    #expect(message { $0.timeout = .zero }.hasPrefix("timeout is 0"))
    #expect(message { $0.maximumNearBodySize = -1 }.hasPrefix("maximumNearBodySize is -1"))
    #expect(message { $0.promotion = .hits(0) }.hasPrefix("promotion is hits(0)"))
    #expect(message { $0.promotion = .rate(2, per: .zero) }.hasPrefix("promotion is rate(2"))
    #expect(message { $0.concurrentWrites = 0 }.hasPrefix("concurrentWrites is 0"))
    #expect(message { $0.maximumWaitingWrites = 0 }.hasPrefix("maximumWaitingWrites is 0"))
  }
}

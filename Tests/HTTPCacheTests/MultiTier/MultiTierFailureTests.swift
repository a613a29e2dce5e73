//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Neither tier's failure is the other's.
@Suite(.timeLimit(.minutes(5))) struct MultiTierFailureTests {
  private let down = CacheError(.unavailable, "down")

  /// Bug 32 of the original: an error of either tier ended the lookup, and storing.
  @Test func `with the far tier down the near one goes on, and stores`() async throws {
    let fixture = try TierFixture()
    try await fixture.put(fixture.entry("/before"))
    fixture.far.always(.error(down))
    #expect(fixture.peeked("/before") == "content")
    #expect(try await fixture.found("/unknown") == nil)
    #expect(try await fixture.put(fixture.entry("/during", "new")) == .stored)
    #expect(fixture.peeked("/during") == "new")
    // Past its time a copy cannot be compared; for a while it is used all the same.
    fixture.clock.advance(by: .seconds(30))
    #expect(try await fixture.found("/before") == "content")
    fixture.clock.advance(by: .seconds(60))
    #expect(try await fixture.found("/before") == nil)
    #expect(fixture.count(.farFailed) >= 3)
    #expect(fixture.count(.usedUnconfirmed) >= 1)
  }

  @Test func `what could not be written to the far tier is written when it is back`() async throws {
    let fixture = try TierFixture()
    try await fixture.put(fixture.entry("/a", "old"))
    fixture.far.always(.store, .error(down))
    for number in 0..<10 { try await fixture.put(fixture.entry("/a", Bytes("new \(number)"))) }
    // One may still be on its way, to fail.
    await eventually { fixture.tiers.waitingWriteCount == 1 }
    #expect(fixture.peeked("/a") == "new 9")
    fixture.far.heal()
    await fixture.advance { fixture.tiers.waitingWriteCount == 0 }
    #expect(try await fixture.store.lookup(TierFixture.key("/a")).entry?.body == "new 9")
    await eventually { fixture.count(.writeFlushed) == 1 }
  }

  /// The windows that begin with a soft invalidation must not begin when the far tier is back.
  @Test(arguments: [false, true])
  func `what the far tier learns late to be stale is gone from there`(isLate: Bool) async throws {
    let fixture = try TierFixture()
    try await fixture.put(fixture.entry("/a"))
    fixture.far.always(.invalidate, .error(down))
    try await fixture.tiers.invalidate(CacheInvalidation(.key(TierFixture.key("/a")), mode: .soft))
    await fixture.near.base.invalidate(CacheInvalidation(.everything))
    if isLate { fixture.clock.advance(by: .seconds(2)) }
    fixture.far.heal()
    await eventually {
      _ = await fixture.tiers.drainOnce()
      return fixture.tiers.pendingInvalidationCount == 0
    }
    let found = try await fixture.tiers.lookup(TierFixture.key("/a")).entry
    #expect((found == nil) == isLate)
    if let found { #expect(found.times.freshUntil <= fixture.now) }
  }

  @Test func `with the near tier down the far one goes on`() async throws {
    let fixture = try TierFixture(nearIsSynchronous: false)
    try await fixture.put(fixture.entry("/a"))
    fixture.near.always(.error(down))
    #expect(try await fixture.found("/a") == "content")
    #expect(try await fixture.put(fixture.entry("/b", "new")) == .stored)
    #expect(try await fixture.found("/b") == "new")
    #expect(try await fixture.found("/none") == nil)
    // What it could not be told it is told later, and until then is not believed.
    try await fixture.tiers.removeEntry(for: TierFixture.key("/a"))
    fixture.near.heal()
    #expect(try await fixture.found("/a") == nil)
    await fixture.advance { fixture.tiers.pendingInvalidationCount == 0 }
    #expect(await fixture.near.base.entry(for: TierFixture.key("/a")) == nil)
  }

  @Test func `with both tiers down a lookup says so`() async throws {
    let fixture = try TierFixture(nearIsSynchronous: false)
    fixture.near.always(.error(down))
    fixture.far.always(.error(down))
    await #expect(throws: CacheError.self) { try await fixture.found("/a") }
  }

  @Test func `a far tier that hangs costs the timeout, and after several times nothing`() async throws {
    let fixture = try TierFixture(TierConfiguration(timeout: .milliseconds(100)))
    fixture.far.always(.hang)
    for round in 0..<5 {
      async let found = fixture.found("/\(round)")
      await fixture.clock.waitForSleepers()
      await fixture.far.waitForHanging()
      fixture.clock.advance(by: .milliseconds(101))
      #expect(try await found == nil)
    }
    #expect(fixture.count(.farSuspended) == 1)
    let count = fixture.far.count(.lookup)
    for _ in 0..<100 { #expect(try await fixture.found("/more") == nil) }
    #expect(fixture.far.count(.lookup) == count)
    // One call tries, and brings it back.
    fixture.far.heal()
    try await fixture.put(fixture.entry("/there"), in: fixture.store)
    fixture.clock.advance(by: .seconds(2))
    #expect(try await fixture.found("/there") == "content")
    #expect(fixture.count(.farRecovered) == 1)
  }

  @Test func `an invalidation that the far tier could not be told holds at once, and is told later`() async throws {
    let fixture = try TierFixture()
    for path in ["/a", "/b"] { try await fixture.put(fixture.entry(path, tags: [path]), in: fixture.store) }
    #expect(try await fixture.found("/a") != nil)
    fixture.far.always(.invalidate, .error(down))
    #expect(try await !fixture.tiers.invalidate(CacheInvalidation(.anyTag(["/a"]))).isComplete)
    #expect(fixture.tiers.pendingInvalidationCount == 1)
    #expect(fixture.store.contains(TierFixture.key("/a")))
    #expect(fixture.peeked("/a") == nil)
    #expect(try await fixture.found("/a") == nil)
    #expect(try await fixture.found("/b") != nil)
    fixture.far.heal()
    await fixture.advance { fixture.tiers.pendingInvalidationCount == 0 }
    #expect(!fixture.store.contains(TierFixture.key("/a")))
    #expect(fixture.count(.invalidationReplayed) == 1)
    try await fixture.put(fixture.entry("/a", "new", tags: ["/a"]))
    #expect(try await fixture.found("/a") == "new")
  }

  @Test func `what a lookup has found before the far tier was told is not used afterwards`() async throws {
    let fixture = try TierFixture()
    let clock = CacheClock(fixture.clock)
    let far = StoppedLookups(fixture.far)
    let tiers = try MultiTierBackend(
      near: InMemoryBackend(configuration: .init(clock: clock)), far: far,
      configuration: TierConfiguration(clock: clock)
    )
    let key = TierFixture.key("/a")
    try await fixture.put(fixture.entry("/a"), in: tiers)
    fixture.far.always(.invalidate, .error(down))
    try await tiers.invalidate(CacheInvalidation(.key(key)))
    #expect(tiers.pendingInvalidationCount == 1)
    far.gate.close()
    async let late = tiers.lookup(key)
    await eventually { far.gate.waitingCount == 1 }
    fixture.far.heal()
    await eventually {
      _ = await tiers.drainOnce()
      return tiers.pendingInvalidationCount == 0
    }
    far.gate.open()
    #expect(try await late.entry == nil)
    #expect(try await tiers.lookup(key).entry == nil)
  }

  @Test func `after a long absence the far tier is told what waits as soon as it answers again`() async throws {
    let fixture = try TierFixture()
    fixture.far.always(.error(down))
    try await fixture.tiers.invalidate(CacheInvalidation(.anyTag(["a"])))
    let end = fixture.now.advanced(by: .seconds(120))
    await fixture.advance { fixture.now > end }
    #expect(fixture.count(.farSuspended) == 1)
    fixture.far.heal()
    // Somebody asks, and so it is noticed.
    await fixture.advance {
      _ = try? await fixture.found("/any")
      return fixture.count(.farRecovered) == 1
    }
    for _ in 0..<5 {
      fixture.clock.advance(by: .milliseconds(200))
      try await Task.sleep(for: .milliseconds(10))
    }
    await eventually { fixture.tiers.pendingInvalidationCount == 0 }
  }

  @Test func `what neither tier takes because the far one does not answer is not called too large`() async throws {
    for writing in [TierConfiguration.Writing.through, .back] {
      var configuration = TierConfiguration(writing: writing)
      configuration.maximumNearBodySize = 10
      let fixture = try TierFixture(configuration)
      fixture.far.always(.error(down))
      let cache = try CacheLayer(backend: fixture.tiers, clock: CacheClock(fixture.clock))
      let service = Handler { _ in CacheResponse(body: "more than ten octets") }.layer(cache)
      #expect(try await service.call(CacheRequest()).status == 200)
      await eventually { cache.statistics.refusals.values.reduce(0, +) == 1 }
      #expect(cache.statistics.refusals == [.backend: 1], "\(writing)")
    }
  }

  @Test func `too many waiting invalidations become one of everything`() async throws {
    var configuration = TierConfiguration()
    configuration.maximumPendingInvalidations = 3
    configuration.failureThreshold = 1000
    let fixture = try TierFixture(configuration)
    try await fixture.put(fixture.entry("/other"), in: fixture.store)
    fixture.far.always(.invalidate, .error(down))
    for number in 0..<3 { try await fixture.tiers.invalidate(CacheInvalidation(.anyTag(["\(number)"]))) }
    // The same again takes no more room.
    try await fixture.tiers.invalidate(CacheInvalidation(.anyTag(["1"])))
    #expect(fixture.tiers.pendingInvalidationCount == 3)
    #expect(try await fixture.found("/other") != nil)
    try await fixture.tiers.invalidate(CacheInvalidation(.anyTag(["3"])))
    #expect(fixture.tiers.pendingInvalidationCount == 1)
    #expect(fixture.count(.invalidationsMerged) == 1)
    fixture.far.heal()
    await fixture.advance { fixture.tiers.pendingInvalidationCount == 0 }
    #expect(!fixture.store.contains(TierFixture.key("/other")))
  }

  @Test func `an invalidation that the far tier does not have is an error, and done in the near one`() async throws {
    let fixture = try TierFixture()
    try await fixture.put(fixture.entry("/a"))
    fixture.far.script(.invalidate, [.error(CacheError(.unsupported, "no predicates"))])
    await #expect(throws: CacheError.self) {
      try await fixture.tiers.invalidate(CacheInvalidation(.matching { _, _ in true }))
    }
    #expect(fixture.peeked("/a") == nil)
    #expect(fixture.tiers.pendingInvalidationCount == 0)
  }

  // MARK: Write-back

  @Test func `writing back takes no waiting, the newest wins, and shutting down writes the rest`() async throws {
    let fixture = try TierFixture(TierConfiguration(writing: .back))
    fixture.far.always(.store, .error(down))
    for number in 0..<50 {
      let entry = fixture.entry("/\(number % 5)", Bytes("\(number)"))
      let stamp = try await fixture.tiers.lookup(entry.key).stamp
      #expect(fixture.tiers.storeNow(entry, stamp: stamp) == .stored)
    }
    #expect(fixture.peeked("/4") == "49")
    await fixture.advance { fixture.count(.farFailed) > 0 }
    // An older one may still be on its way, to fail.
    await eventually { fixture.tiers.waitingWriteCount == 5 }
    fixture.far.heal()
    let isDone = Locked<Bool?>(nil)
    Task {
      let result = await fixture.tiers.shutdown()
      isDone.withLock { $0 = result }
    }
    await fixture.advance { isDone.withLock { $0 } != nil }
    #expect(isDone.withLock { $0 } == true)
    for number in 0..<5 {
      #expect(try await fixture.store.lookup(TierFixture.key("/\(number)")).entry?.body == Bytes("\(45 + number)"))
    }
    await #expect(throws: CacheError.self) { try await fixture.put(fixture.entry("/late")) }
    #expect(try await fixture.found("/4") == "49")
  }

  @Test func `what waits to be written is found, unless it is invalidated`() async throws {
    let fixture = try TierFixture(TierConfiguration(writing: .back, maximumNearBodySize: 3))
    fixture.far.always(.store, .hang)
    for path in ["/a", "/b"] { try await fixture.put(fixture.entry(path, "large", tags: [path])) }
    #expect(fixture.peeked("/a") == nil)
    #expect(try await fixture.found("/a") == "large")
    try await fixture.tiers.invalidate(CacheInvalidation(.anyTag(["/a"])))
    #expect(try await fixture.found("/a") == nil)
    #expect(try await fixture.found("/b") == "large")
    fixture.far.heal()
    await fixture.advance { fixture.tiers.waitingWriteCount == 0 }
    #expect(try await fixture.found("/a") == nil)
    #expect(try await fixture.found("/b") == "large")
    #expect(!fixture.store.contains(TierFixture.key("/a")))
  }

  @Test func `what waits to be written is used as long as a copy, and no other node's invalidation is missed`()
    async throws
  {
    let fixture = try TierFixture()
    fixture.far.always(.store, .error(down))
    try await fixture.put(fixture.entry("/a", tags: ["t"]))
    try await fixture.store.invalidate(CacheInvalidation(.anyTag(["t"])))
    #expect(try await fixture.found("/a") != nil)
    fixture.clock.advance(by: fixture.tiers.configuration.nearTimeToLive)
    #expect(fixture.tiers.waitingWriteCount == 1)
    #expect(try await fixture.found("/a") == nil)
    fixture.far.heal()
    await fixture.advance { fixture.tiers.waitingWriteCount == 0 }
    #expect(try await fixture.found("/a") == nil)
  }

  /// A lookup that finds what waits does not ask the far tier, whose last stamp may be from before an invalidation.
  @Test func `what is made after an invalidation is not taken for older because something still waits`() async throws {
    let fixture = try TierFixture(TierConfiguration(writing: .back))
    let key = TierFixture.key("/a")
    let stamp = try await fixture.tiers.lookup(key).stamp
    try await fixture.tiers.invalidate(CacheInvalidation(.key(key), mode: .soft))
    fixture.far.always(.store, .hang)
    #expect(fixture.tiers.storeNow(fixture.entry("/a", "filled"), stamp: stamp) == .stored)
    await fixture.far.waitForHanging()
    #expect(try await fixture.put(fixture.entry("/a", "renewed")) == .stored)
    fixture.far.heal()
    await fixture.advance { fixture.tiers.waitingWriteCount == 0 }
    let found = try #require(try await fixture.store.lookup(key).entry)
    #expect(found.body == "renewed")
    #expect(found.times.freshUntil > fixture.now)
    #expect(fixture.peeked("/a") == "renewed")
  }

  /// A near tier in another process cannot say what an invalidation means for an entry that it is just getting.
  @Test func `an invalidation that does not concern an entry does not keep it out, whatever the near tier can tell`()
    async throws
  {
    for (tag, expected) in [("other", CacheStoreResult.stored), ("t", .invalidated)] {
      let fixture = try TierFixture(nearIsSynchronous: false)
      let entry = fixture.entry("/a", tags: ["t"])
      let stamp = try await fixture.tiers.lookup(entry.key).stamp
      fixture.near.script(.store, [.hang])
      async let result = fixture.tiers.store(entry, stamp: stamp)
      await fixture.near.waitForHanging()
      await fixture.tiers.apply(CacheInvalidation(.anyTag([tag])))
      fixture.near.heal()
      #expect(try await result == expected)
      #expect(fixture.store.contains(entry.key) == (expected == .stored))
    }
  }

  @Test func `no more waits to be written than there is room for`() async throws {
    var configuration = TierConfiguration(writing: .back)
    configuration.maximumWaitingWrites = 10
    let fixture = try TierFixture(configuration)
    fixture.far.always(.store, .error(down))
    for number in 0..<100 { try await fixture.put(fixture.entry("/\(number)")) }
    #expect(fixture.tiers.waitingWriteCount <= 10 + configuration.concurrentWrites)
    #expect(fixture.count(.writeDropped) >= 100 - 10 - configuration.concurrentWrites)
    fixture.far.heal()
    await fixture.advance { fixture.tiers.waitingWriteCount == 0 }
    #expect(fixture.store.contains(TierFixture.key("/99")))
  }

  /// Whatever goes wrong in between: when an invalidation has returned, nothing older is found.
  @Test(arguments: [UInt64(1), 2, 3]) func `nothing invalidated is found, whatever fails`(seed: UInt64) async throws {
    let store = try SharedStore()
    let far = FaultyBackend(store)
    let faults: [FaultyBackend<SharedStore>.Fault] = [
      .error(CacheError(.unavailable, "x")), .errorAfterwards(CacheError(.timedOut, "x")), .delay(.milliseconds(3)),
      .hang,
    ]
    for (number, operation) in [FaultyBackend<SharedStore>.Operation.lookup, .store, .invalidate].enumerated() {
      far.sometimes(operation, faults, probability: 0.2, seed: seed &* 10 &+ UInt64(number))
    }
    var configuration = TierConfiguration(
      writing: seed % 2 == 0 ? .back : .through, nearTimeToLive: .milliseconds(5), timeout: .milliseconds(5))
    configuration.suspension = .milliseconds(10)
    configuration.longestSuspension = .milliseconds(40)
    let tiers = try MultiTierBackend(near: InMemoryBackend(), far: far, configuration: configuration)
    let fixture = try TierFixture()
    /// The version that the origin has, and the one below which nothing may be found.
    let versions = Locked(Array(repeating: (origin: 0, floor: 0), count: 4))
    let reads = Counter()
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<8 {
        group.addTask {
          var numbers = SplitMix64(seed: seed &+ UInt64(worker) &* 97)
          for _ in 0..<150 {
            let index = Int(numbers.next() % 4)
            let key = TierFixture.key("/\(index)")
            let floor = versions.withLock { $0[index].floor }
            guard let found = try? await tiers.lookup(key) else { continue }
            if let entry = found.entry {
              reads.increment()
              let version = Int("\(entry.body)") ?? -1
              #expect(version >= floor)
            }
            switch numbers.next() % 4 {
            case 0:
              let version = versions.withLock { versions in
                versions[index].origin += 1
                return versions[index].origin
              }
              _ = try? await tiers.invalidate(
                CacheInvalidation(numbers.next() % 2 == 0 ? .key(key) : .anyTag(["\(index)"])))
              versions.withLock { $0[index].floor = max($0[index].floor, version) }
            default:
              guard found.entry == nil else { continue }
              let version = versions.withLock { $0[index].origin }
              let entry = CacheEntry(
                key: key, status: 200, fields: [:], body: Bytes("\(version)"),
                times: fixture.entry("/").times.shifted(),
                tags: CacheTags(["\(index)"]))
              if tiers.storeNow(entry, stamp: found.stamp) == .unavailable {
                _ = try? await tiers.store(entry, stamp: found.stamp)
              }
            }
          }
        }
      }
    }
    #expect(reads.value > 50)
    far.heal()
    // Calls end after five milliseconds here, which is little on a busy machine.
    #expect(await tiers.shutdown(within: .seconds(200)))
  }
}

extension EntryTimes {
  /// Beginning now by the machine's clock.
  fileprivate func shifted() -> EntryTimes {
    let now = CacheClock.system.now
    return EntryTimes(
      birth: now, receivedAt: now, freshUntil: now.advanced(by: .seconds(600)),
      staleWhileRevalidateUntil: now.advanced(by: .seconds(600)), staleIfErrorUntil: now.advanced(by: .seconds(600)),
      reclaimAt: now.advanced(by: .seconds(3600)))
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite struct InMemoryBackendTests {
  @Test func `an entry is found under its key and no other`() async throws {
    let backend = InMemoryBackend()
    let entry = EntrySample.entry(1)
    #expect(backend.peek(EntrySample.key(1), at: .seconds(0)).entry == nil)
    #expect(await backend.store(entry))
    #expect(backend.peek(EntrySample.key(1), at: .seconds(0)).entry === entry)
    #expect(await backend.entry(for: EntrySample.key(1)) === entry)
    #expect(backend.peek(EntrySample.key(2), at: .seconds(0)).entry == nil)
    #expect(backend.peek(EntrySample.key(1).variant("gzip"), at: .seconds(0)).entry == nil)
    #expect(await backend.removeEntry(for: EntrySample.key(1)))
    #expect(await !backend.removeEntry(for: EntrySample.key(1)))
    #expect(backend.peek(EntrySample.key(1), at: .seconds(0)).entry == nil)
  }

  @Test func `storing replaces, and the weight follows`() {
    let counter = LifeCounter()
    let backend = InMemoryBackend()
    for weight in [1000, 5000, 700] {
      _ = backend.storeNow(EntrySample.entry(1, weight: weight, counter: counter))
      #expect(backend.statistics.entryCount == 1)
      #expect(backend.statistics.byteCount == weight)
      #expect(counter.count == 1)
      #expect(backend.inconsistency() == nil)
    }
  }

  @Test func `the least recently used entry goes first`() {
    let backend = InMemoryBackend(maximumEntryCount: 3)
    for number in 1...3 { _ = backend.storeNow(EntrySample.entry(number)) }
    #expect(backend.peek(EntrySample.key(1), at: .seconds(0)).entry != nil)
    _ = backend.storeNow(EntrySample.entry(4))
    let kept = (1...4).filter { backend.peek(EntrySample.key($0), at: .seconds(0)).entry != nil }
    #expect(kept == [1, 3, 4])
    #expect(backend.statistics.evictions == 1)
  }

  @Test func `under FIFO a use does not keep an entry`() {
    let backend = InMemoryBackend(maximumEntryCount: 3, evictionPolicy: .fifo)
    for number in 1...3 { _ = backend.storeNow(EntrySample.entry(number)) }
    #expect(backend.peek(EntrySample.key(1), at: .seconds(0)).entry != nil)
    _ = backend.storeNow(EntrySample.entry(4))
    let kept = (1...4).filter { backend.peek(EntrySample.key($0), at: .seconds(0)).entry != nil }
    #expect(kept == [2, 3, 4])
  }

  @Test func `what is too large is refused and drives out nothing but its predecessor`() async throws {
    let counter = LifeCounter()
    let backend = try InMemoryBackend(configuration: .init(capacity: 100_000, maximumEntryShare: 0.2))
    for number in 1...5 { _ = backend.storeNow(EntrySample.entry(number, weight: 10_000, counter: counter)) }
    #expect(await !backend.store(EntrySample.entry(6, weight: 20_001, counter: counter)))
    #expect(await !backend.store(EntrySample.entry(5, weight: 20_001, counter: counter)))
    #expect(await backend.store(EntrySample.entry(7, weight: 20_000, counter: counter)))
    #expect(backend.statistics.refusals == 2)
    #expect(backend.statistics.evictions == 0)
    #expect(counter.count == 5)
    #expect(backend.peek(EntrySample.key(5), at: .seconds(0)).entry == nil)
  }

  @Test func `one large entry may take the room of small ones in other shards`() throws {
    let backend = try InMemoryBackend(
      configuration: .init(capacity: 1_000_000, maximumEntryShare: 0.9, shardCount: 64))
    for number in 1...1000 { _ = backend.storeNow(EntrySample.entry(number, weight: 1000)) }
    #expect(backend.statistics.byteCount == 1_000_000)
    _ = backend.storeNow(EntrySample.entry(0, weight: 900_000))
    #expect(backend.peek(EntrySample.key(0), at: .seconds(0)).entry != nil)
    #expect(backend.statistics.entryCount == 101)
    #expect(backend.inconsistency() == nil)
  }

  @Test func `among shards the oldest goes first, to the tick of the clock`() throws {
    let time = TestTime()
    let backend = try InMemoryBackend(
      configuration: .init(capacity: 1 << 30, maximumEntryCount: 500, shardCount: 64, clock: CacheClock(time)))
    var reference = ReferenceLRU(capacity: .max, maximumCount: 500)
    var generator = SplitMix64(seed: 5)
    for tick in 1...20_000 {
      time.advance(to: CacheInstant(nanoseconds: Int64(tick)))
      let number = Int.random(in: 0..<800, using: &generator)
      let isHit = backend.peek(EntrySample.key(number), at: time.now).entry != nil
      #expect(isHit == reference.peek(number, at: Int64(tick)))
      if !isHit {
        _ = backend.storeNow(EntrySample.entry(number))
        reference.store(number, weight: 0, reclaimAt: .max)
      }
    }
    #expect(backend.inconsistency() == nil)
  }

  @Test func `everything is removed`() async {
    let counter = LifeCounter()
    let backend = InMemoryBackend()
    for number in 1...1000 { _ = backend.storeNow(EntrySample.entry(number, counter: counter)) }
    #expect(counter.count == 1000)
    await backend.removeAll()
    #expect(counter.count == 0)
    #expect(backend.statistics.entryCount == 0)
    #expect(backend.statistics.byteCount == 0)
    #expect(backend.inconsistency() == nil)
    _ = backend.storeNow(EntrySample.entry(1))
    #expect(backend.peek(EntrySample.key(1), at: .seconds(0)).entry != nil)
  }

  @Test func `the backend frees its entries, and an entry in use outlives it`() {
    let counter = LifeCounter()
    var backend: InMemoryBackend? = InMemoryBackend()
    for number in 1...1000 { _ = backend?.storeNow(EntrySample.entry(number, counter: counter)) }
    let kept = backend?.peek(EntrySample.key(500), at: .seconds(0)).entry
    backend = nil
    #expect(counter.count == 1)
    withExtendedLifetime(kept) {}
  }

  @Test func `bookkeeping is reported`() {
    let backend = InMemoryBackend()
    let empty = backend.statistics.bookkeepingByteCount
    for number in 1...10_000 { _ = backend.storeNow(EntrySample.entry(number)) }
    let perEntry = (backend.statistics.bookkeepingByteCount - empty) / 10_000
    #expect(perEntry > MemoryLayout<EntryNode>.stride && perEntry < CacheEntry.allocationSize + 2 * EntryNode.byteCount)
  }

  @Test(arguments: [
    (InMemoryBackend.Configuration(capacity: 0), "capacity"),
    (.init(capacity: -1), "capacity"),
    (.init(maximumEntryCount: 0), "entries"),
    (.init(maximumEntryShare: 0), "share"),
    (.init(maximumEntryShare: 1.5), "share"),
    (.init(maximumEntryShare: .nan), "share"),
    (.init(shardCount: 3), "power of two"),
    (.init(shardCount: 8192), "power of two"),
    (.init(sweepInterval: .zero), "interval"),
  ])
  func `nonsense is refused by name`(configuration: InMemoryBackend.Configuration, word: String) {
    let error = #expect(throws: CacheConfigurationError.self) { try InMemoryBackend(configuration: configuration) }
    #expect(error?.message.contains(word) == true)
  }

  @Test func `small caches are not spread`() {
    #expect(InMemoryBackend.Configuration().effectiveShardCount == 64)
    #expect(InMemoryBackend.Configuration(maximumEntryCount: 1000).effectiveShardCount == 1)
    #expect(InMemoryBackend.Configuration(maximumEntryCount: 10_000).effectiveShardCount == 8)
    #expect(InMemoryBackend.Configuration(capacity: 1 << 20).effectiveShardCount == 1)
    #expect(InMemoryBackend.Configuration(capacity: 1 << 40).effectiveShardCount == 64)
    #expect(InMemoryBackend.Configuration(shardCount: 256).effectiveShardCount == 256)
  }
}

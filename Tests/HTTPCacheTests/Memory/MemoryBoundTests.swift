//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// Memory that an `InMemoryBackend` takes beside its entries counts too, and does not add up while the same keys come back and time
/// passes.
@Suite struct MemoryBoundTests {
  private static func head(until end: CacheInstant) -> HeaderFields {
    var head: HeaderFields = ["Cache-Control": "max-age=60", "Age": "0", "Cache-Status": "cache; hit; ttl=60"]
    head.setValidity(HeadValidity(from: 0, until: end.nanoseconds, owner: 1))
    return head
  }

  @Test func `heads kept for hits count, and go when they are too old to be sent`() async throws {
    let time = TestTime()
    let backend = InMemoryBackend(clock: CacheClock(time))
    let entries = (0..<300).map { EntrySample.entry($0) }
    for entry in entries { _ = backend.storeNow(entry) }
    let before = backend.statistics.byteCount
    let head = Self.head(until: .seconds(1))
    for _ in 0..<50 {
      for entry in entries { backend.keep(head, of: entry) }
    }
    #expect(backend.statistics.byteCount == before + 300 * head.storage.allocationByteCount)
    #expect(backend.inconsistency() == nil)
    backend.dropOldHeads(at: CacheInstant(nanoseconds: 999_999_999))
    #expect(backend.head(of: entries[0], at: .seconds(0), owner: 1) != nil)
    backend.dropOldHeads(at: .seconds(1))
    #expect(backend.statistics.byteCount == before)
    #expect(backend.head(of: entries[0], at: .seconds(0), owner: 1) == nil)
    #expect(backend.inconsistency() == nil)

    for entry in entries + entries { backend.keep(head, of: entry) }
    #expect(backend.statistics.byteCount > before)
    await time.waitForSleep(1)
    time.advance(to: .seconds(5))
    await time.waitForSleep(2)
    #expect(backend.statistics.byteCount == before, "the background lets go of them too")
  }

  @Test func `an entry that is hit once in a second keeps no head, until it is hit twice`() {
    let backend = InMemoryBackend()
    let entry = EntrySample.entry(1)
    _ = backend.storeNow(entry)
    func keep(from second: Int64) -> Bool {
      var head: HeaderFields = ["Age": "\(second)"]
      let from = second * 1_100_000_000
      head.setValidity(HeadValidity(from: from, until: from + 1_000_000_000, owner: 1))
      backend.keep(head, of: entry)
      return backend.head(of: entry, at: CacheInstant(nanoseconds: from), owner: 1) != nil
    }
    for second in Int64(0)..<50 { #expect(!keep(from: second)) }
    #expect(keep(from: 49))
    // Whoever is hit so often has one for each second, from the first hit on.
    for second in Int64(50)..<60 { #expect(keep(from: second)) }
    #expect(backend.inconsistency() == nil)
  }

  @Test func `a head goes with its entry`() {
    let backend = InMemoryBackend()
    let entry = EntrySample.entry(1)
    for other in [entry, EntrySample.entry(1, weight: 1000)] {
      _ = backend.storeNow(other)
      for _ in 0..<2 { backend.keep(Self.head(until: .distantFuture), of: other) }
      #expect(backend.statistics.byteCount > other.weight)
    }
    backend.keep(Self.head(until: .distantFuture), of: entry)
    #expect(backend.inconsistency() == nil)
    backend.removeEntryNow(for: entry.key)
    #expect(backend.statistics.byteCount == 0)
  }

  @Test func `keeping heads evicts what there is no more room for`() throws {
    let entries = (0..<100).map { EntrySample.entry($0, weight: 1000) }
    let backend = try InMemoryBackend(configuration: .init(capacity: 100_000, shardCount: 1))
    for entry in entries { _ = backend.storeNow(entry) }
    #expect(backend.statistics.evictions == 0)
    for entry in entries + entries { backend.keep(Self.head(until: .distantFuture), of: entry) }
    #expect(backend.statistics.evictions > 0)
    #expect(backend.inconsistency() == nil)
  }

  @Test func `storing the same keys again takes no more`() {
    let backend = InMemoryBackend()
    var counted: Set<Int> = []
    for round in 0..<200 {
      for number in 0..<100 { _ = backend.storeNow(EntrySample.entry(number, weight: 2000)) }
      if round > 0 { counted.insert(backend.statistics.byteCount) }
    }
    #expect(counted == [200_000])
  }

  // The others would not let in what is large.
  @Test(arguments: [EvictionPolicy.lru, .fifo, .sieve, .s3FIFO])
  func `tables that many small entries have left behind count when large ones come`(policy: EvictionPolicy) throws {
    let capacity = 4 << 20
    let backend = try InMemoryBackend(
      configuration: .init(capacity: capacity, evictionPolicy: policy, shardCount: 1))
    for number in 0..<20_000 { _ = backend.storeNow(EntrySample.entry(number)) }
    #expect(backend.statistics.evictions > 0 && backend.statistics.byteCount <= capacity)
    let tables = backend.statistics.tableByteCount
    for number in 0..<200 { _ = backend.storeNow(EntrySample.entry(number, weight: 64 << 10)) }
    let large = backend.statistics
    #expect(large.entryCount < 64)
    #expect(large.byteCount <= capacity)
    #expect(large.byteCount > large.entryCount * (64 << 10) + tables * 3 / 4)
    #expect(backend.inconsistency() == nil)
  }

  @Test func `what a soft invalidation adds to an entry counts`() async {
    let backend = InMemoryBackend(clock: CacheClock(TestTime()))
    let entry = EntrySample.entry(1, reclaimAt: .seconds(60))
    _ = backend.storeNow(entry)
    await backend.invalidate(CacheInvalidation(.pathPrefix("/"), mode: .soft))
    let stale = backend.peek(entry.key, at: .seconds(0)).entry
    #expect(stale !== entry)
    #expect(backend.statistics.byteCount == stale?.weight)
    #expect(backend.inconsistency() == nil)
  }

  // MARK: Bodies keep nothing else alive

  /// Foreign memory that does not say how large it is.
  private final class Buffer {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    init() { memory.initializeMemory(as: UInt8.self, repeating: 7) }
    deinit { memory.deallocate() }
    var bytes: Bytes { Bytes(owner: self, base: UnsafeRawPointer(memory.baseAddress!), count: memory.count) }
  }

  private static func entry(_ body: Bytes) -> CacheEntry {
    let end = CacheInstant.seconds(60)
    return CacheEntry(
      key: EntrySample.key(1), status: 200, fields: ["A": "1"], body: body, trailers: ["T": "1"],
      times: EntryTimes(
        birth: .seconds(0), receivedAt: .seconds(0), freshUntil: end, staleWhileRevalidateUntil: end,
        staleIfErrorUntil: end, reclaimAt: end), traits: .immutable, tags: CacheTags(["tag"]))
  }

  @Test(arguments: [1, 15, 4096, 40_000]) func `a slice of a larger buffer is stored without the rest`(count: Int)
    throws
  {
    let backend = InMemoryBackend(clock: CacheClock(TestTime()))
    weak var owner: AnyObject?
    do {
      let buffer = Bytes(repeatElement(3, count: 64 << 10))
      owner = buffer.owner
      _ = backend.storeNow(Self.entry(buffer.slice(10..<10 + count)))
    }
    #expect(owner == nil, "the buffer is gone")
    let stored = try #require(backend.peek(EntrySample.key(1), at: .seconds(0)).entry)
    #expect(stored.body == Bytes(repeatElement(3, count: count)))
    #expect(stored.trailers == ["T": "1"] && stored.tags?.names == ["tag"] && stored.traits == .immutable)
    #expect(backend.statistics.byteCount == stored.weight)
  }

  @Test func `foreign memory is copied, for nobody knows how large it is`() throws {
    let backend = InMemoryBackend(clock: CacheClock(TestTime()))
    weak var owner: Buffer?
    do {
      let buffer = Buffer()
      owner = buffer
      let entry = Self.entry(buffer.bytes)
      entry.setTierMark(TierMark.word(doubts: 3, at: .seconds(0)))
      _ = backend.storeNow(entry)
    }
    #expect(owner == nil)
    let stored = try #require(backend.peek(EntrySample.key(1), at: .seconds(0)).entry)
    #expect(stored.body.count == 64 << 10 && stored.body.allSatisfy { $0 == 7 })
    #expect(stored.tierMark?.isUndoubted(after: 3) == true)
  }

  @Test(arguments: [0, 1, 5000, 32 << 10, 33_000, 100_000, 1 << 20]) func `a body in memory of its own is not copied`(
    count: Int
  ) throws {
    let backend = InMemoryBackend(clock: CacheClock(TestTime()))
    let entry = Self.entry(Bytes(unsafeUninitializedCapacity: count) { $0.count })
    _ = backend.storeNow(entry)
    #expect(backend.peek(EntrySample.key(1), at: .seconds(0)).entry === entry)
  }
}

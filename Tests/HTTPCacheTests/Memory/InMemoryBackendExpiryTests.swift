//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite(.timeLimit(.minutes(5))) struct InMemoryBackendExpiryTests {
  @Test func `an entry is absent from its moment on, and reclaimed by the look`() {
    let counter = LifeCounter()
    let backend = InMemoryBackend(clock: CacheClock(TestTime()))
    _ = backend.storeNow(EntrySample.entry(1, reclaimAt: .seconds(10), counter: counter))
    #expect(backend.peek(EntrySample.key(1), at: CacheInstant(nanoseconds: 9_999_999_999)).entry != nil)
    #expect(backend.peek(EntrySample.key(1), at: .seconds(10)).entry == nil)
    #expect(counter.count == 0)
    #expect(backend.statistics.expirations == 1)
    #expect(backend.statistics.byteCount == 0)
  }

  @Test func `removing what has expired is removing nothing`() {
    let time = TestTime()
    let backend = InMemoryBackend(clock: CacheClock(time))
    _ = backend.storeNow(EntrySample.entry(1, reclaimAt: .seconds(10)))
    time.advance(to: .seconds(10))
    #expect(!backend.removeEntryNow(for: EntrySample.key(1)))
    #expect(backend.statistics.entryCount == 0)
  }

  @Test func `stores reclaim in passing`() throws {
    let time = TestTime()
    let counter = LifeCounter()
    let backend = try InMemoryBackend(
      configuration: .init(shardCount: 1, sweepInterval: .seconds(1000), clock: CacheClock(time)))
    for number in 0..<1000 {
      _ = backend.storeNow(EntrySample.entry(number, reclaimAt: .seconds(10), counter: counter))
    }
    time.advance(to: .seconds(10))
    for number in 1000..<1500 { _ = backend.storeNow(EntrySample.entry(number, counter: counter)) }
    #expect(counter.count == 500)
    #expect(backend.statistics.expirations == 1000)
    #expect(backend.inconsistency() == nil)
  }

  @Test func `the background sweep reclaims what nobody touches, ends when nothing is left, and begins again`() async {
    let time = TestTime()
    let counter = LifeCounter()
    let backend = InMemoryBackend(clock: CacheClock(time))
    #expect(!backend.isSweeping)
    for number in 0..<1000 {
      _ = backend.storeNow(EntrySample.entry(number, reclaimAt: .seconds(number < 900 ? 4 : 7), counter: counter))
    }
    await time.waitForSleep(1)
    time.advance(to: .seconds(5))
    await time.waitForSleep(2)
    #expect(counter.count == 100)
    time.advance(to: .seconds(10))
    while backend.isSweeping { await Task.yield() }
    #expect(counter.count == 0)
    #expect(time.sleeperCount == 0)
    #expect(backend.statistics.expirations == 1000)

    _ = backend.storeNow(EntrySample.entry(1, reclaimAt: .seconds(12), counter: counter))
    await time.waitForSleep(3)
    time.advance(to: .seconds(15))
    while backend.isSweeping { await Task.yield() }
    #expect(counter.count == 0)
  }

  @Test func `the background sweep does not keep the backend alive, and ends with it`() async {
    let time = TestTime()
    let counter = LifeCounter()
    do {
      let backend = InMemoryBackend(clock: CacheClock(time))
      _ = backend.storeNow(EntrySample.entry(1, counter: counter))
      await time.waitForSleep(1)
      #expect(time.sleeperCount == 1)
    }
    #expect(counter.count == 0)
    while time.sleeperCount > 0 { await Task.yield() }
  }
}

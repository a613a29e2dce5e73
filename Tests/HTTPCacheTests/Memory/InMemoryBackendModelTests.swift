//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Random operations on the backend and on a reference that is too simple to be wrong.
@Suite struct InMemoryBackendModelTests {
  @Test(arguments: 0..<12) func `behaves like the reference`(seed: UInt64) throws {
    var generator = SplitMix64(seed: seed)
    let capacity = Int.random(in: 20_000...200_000, using: &generator)
    let maximumCount = Bool.random(using: &generator) ? Int.random(in: 1...200, using: &generator) : 1_000_000
    let keyCount = Int.random(in: 10...600, using: &generator)
    let time = TestTime()
    let counter = LifeCounter()
    let backend = try InMemoryBackend(
      configuration: .init(
        capacity: capacity, maximumEntryCount: maximumCount, maximumEntryShare: 1, shardCount: 1,
        clock: CacheClock(time)))
    var reference = ReferenceLRU(capacity: capacity, maximumCount: maximumCount)
    var now: Int64 = 0

    for step in 0..<6000 {
      let number = Int.random(in: 0..<keyCount, using: &generator)
      switch Int.random(in: 0..<100, using: &generator) {
      case 0..<50:
        let isHit = backend.peek(EntrySample.key(number), at: time.now).entry != nil
        #expect(isHit == reference.peek(number, at: now), "seed \(seed), step \(step)")
      case 50..<92:
        let weight = Int.random(in: 500...4000, using: &generator)
        let entry = EntrySample.entry(number, weight: weight, counter: counter)
        guard entry.weight <= capacity else { continue }
        _ = backend.storeNow(entry)
        reference.store(number, weight: entry.weight, reclaimAt: .max)
      case 92..<98:
        #expect(backend.removeEntryNow(for: EntrySample.key(number)) == reference.remove(number))
      default:
        now += Int64.random(in: 0...5, using: &generator)
        time.advance(to: CacheInstant(nanoseconds: now))
      }
      if step % 50 == 0 {
        #expect(backend.inconsistency() == nil, "seed \(seed), step \(step)")
      }
      let statistics = backend.statistics
      #expect(statistics.entryCount == reference.entries.count, "seed \(seed), step \(step)")
      #expect(
        statistics.byteCount == reference.weight && statistics.byteCount <= capacity, "seed \(seed), step \(step)")
      #expect(counter.count == reference.entries.count, "seed \(seed), step \(step)")
    }
  }

  @Test(arguments: EvictionPolicy.all, [1, 4, 64])
  func `with lifetimes and shards it never shows what has expired nor exceeds its bounds`(
    policy: EvictionPolicy, shardCount: Int
  ) throws {
    let seed = UInt64(shardCount)
    var generator = SplitMix64(seed: seed)
    let time = TestTime()
    let counter = LifeCounter()
    let backend = try InMemoryBackend(
      configuration: .init(
        capacity: 150_000, maximumEntryShare: 1, evictionPolicy: policy, shardCount: shardCount, clock: CacheClock(time)
      ))
    var stored: [Int: (entry: ObjectIdentifier, reclaimAt: Int64)] = [:]
    var now: Int64 = 0
    for step in 0..<6000 {
      let number = Int.random(in: 0..<400, using: &generator)
      switch Int.random(in: 0..<100, using: &generator) {
      case 0..<50:
        if let entry = backend.peek(EntrySample.key(number), at: time.now).entry {
          #expect(stored[number]?.entry == ObjectIdentifier(entry), "seed \(seed), step \(step)")
          #expect(stored[number]?.reclaimAt ?? 0 > now, "seed \(seed), step \(step)")
        }
      case 50..<90:
        let reclaimAt = now + Int64.random(in: 0...200, using: &generator)
        let entry = EntrySample.entry(
          number, weight: Int.random(in: 500...9000, using: &generator),
          reclaimAt: CacheInstant(nanoseconds: reclaimAt), counter: counter)
        _ = backend.storeNow(entry)
        stored[number] = (ObjectIdentifier(entry), reclaimAt)
        #expect(backend.statistics.byteCount <= 150_000, "seed \(seed), step \(step)")
      case 90..<95:
        backend.removeEntryNow(for: EntrySample.key(number))
        stored[number] = nil
      default:
        now += Int64.random(in: 0...30, using: &generator)
        time.advance(to: CacheInstant(nanoseconds: now))
      }
      if step % 50 == 0 {
        if Bool.random(using: &generator) {
          backend.sweep(at: time.now)
          #expect(counter.count <= stored.values.count { $0.reclaimAt > now }, "seed \(seed), step \(step)")
        }
        #expect(backend.inconsistency() == nil, "seed \(seed), step \(step)")
        #expect(counter.count == backend.statistics.entryCount, "seed \(seed), step \(step)")
      }
    }
  }
}

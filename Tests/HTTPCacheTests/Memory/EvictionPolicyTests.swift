//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// The policies alone, over a slab, on traffic from a seed: no entries, no locks.
@Suite struct EvictionPolicyTests {
  /// Replays keys against one policy with room for `capacity` nodes of weight 1.
  private static func hits(_ keys: [UInt64], _ policy: EvictionPolicy, capacity: Int) -> Int {
    var eviction = EvictionState(policy.kind)
    var slab = NodeSlab(keepsHashes: eviction.needsHashes)
    var nodes: [UInt64: Int32] = [:]
    var keyOf: [Int32: UInt64] = [:]
    var hits = 0
    for (time, key) in keys.enumerated() {
      if let index = nodes[key] {
        hits += 1
        eviction.touch(index, at: Int64(time), in: &slab)
        continue
      }
      let index = slab.allocate()
      var mixer = SplitMix64(seed: key)
      slab.setHash(mixer.next(), of: index)
      slab[index].weight = 1
      slab[index].lastUsed = Int64(time)
      eviction.insert(index, in: &slab)
      nodes[key] = index
      keyOf[index] = key
      if nodes.count > capacity {
        let victim = eviction.evict(from: &slab)
        nodes[keyOf[victim]!] = nil
        slab.takeBack(victim)
      }
    }
    if let problem = eviction.inconsistency(in: slab) { Issue.record("\(policy): \(problem)") }
    return hits
  }

  /// Popularity falls with rank about as 1/rank, and drifts: each thousand requests, ranks move on by ten.
  private static func webLike(count: Int, seed: UInt64) -> [UInt64] {
    var generator = SplitMix64(seed: seed)
    return (0..<count).map { position in
      // Each power of two of ranks is asked for equally often.
      let octave = UInt64.random(in: 0..<14, using: &generator)
      let rank = (1 << octave) + UInt64.random(in: 0..<(1 << octave), using: &generator)
      return rank + UInt64(position / 1000 * 10)
    }
  }

  private static func loop(_ length: UInt64, times: Int) -> [UInt64] { (0..<times).flatMap { _ in 0..<length } }

  @Test func `on a loop that does not fit, only frequency and reuse help`() {
    let keys = Self.loop(1000, times: 50)
    for policy in [EvictionPolicy.lru, .fifo, .sieve, .s3FIFO] {
      #expect(Self.hits(keys, policy, capacity: 500) == 0, "\(policy)")
    }
    // At best 499 or 500 of each round but the first can hit.
    #expect(Self.hits(keys, .wTinyLFU, capacity: 500) > 20_000)
    #expect(Self.hits(keys, .adaptive, capacity: 500) > 24_000)
  }

  @Test func `the model's policy learns that recency matters`() {
    // Every key is used twice, 50 requests apart, and never again: LRU is at its best.
    let keys = (0..<40_000).map { (number: Int) -> UInt64 in
      number.isMultiple(of: 2) ? UInt64(number) : UInt64(max(number - 51, 0))
    }
    let best = Self.hits(keys, .lru, capacity: 100)
    #expect(best > 19_900)
    #expect(Self.hits(keys, .adaptive, capacity: 100) > best * 95 / 100)
  }

  @Test(arguments: [50, 500]) func `scans and drift`(capacity: Int) {
    let keys = Self.webLike(count: 60_000, seed: 42)
    var counts: [String: Int] = [:]
    for policy in EvictionPolicy.all { counts[policy.description] = Self.hits(keys, policy, capacity: capacity) }
    for weaker in ["LRU", "FIFO", "SIEVE", "S3-FIFO"] {
      #expect(counts["adaptive"]! > counts[weaker]! - keys.count / 200, "\(counts)")
    }
    #expect(counts["FIFO"]! < counts["LRU"]!)
    #expect(counts["LRU"]! < counts["SIEVE"]!)
  }

  @Test func `LRU and FIFO agree with their definitions`() {
    let keys = Self.webLike(count: 20_000, seed: 7)
    for capacity in [1, 2, 10, 300] {
      var order: [UInt64] = []
      var queue: [UInt64] = []
      var lruHits = 0
      var fifoHits = 0
      for key in keys {
        if let position = order.firstIndex(of: key) {
          lruHits += 1
          order.remove(at: position)
        }
        order.append(key)
        if order.count > capacity { order.removeFirst() }
        if queue.contains(key) { fifoHits += 1 } else { queue.append(key) }
        if queue.count > capacity { queue.removeFirst() }
      }
      #expect(Self.hits(keys, .lru, capacity: capacity) == lruHits)
      #expect(Self.hits(keys, .fifo, capacity: capacity) == fifoHits)
    }
  }

  @Test func `SIEVE agrees with its definition`() {
    let keys = Self.webLike(count: 20_000, seed: 9)
    for capacity in [1, 2, 10, 300] {
      // From the oldest to the youngest, with the mark; the hand is a position in it.
      var queue: [(key: UInt64, used: Bool)] = []
      var hand = 0
      var hits = 0
      for key in keys {
        if let position = queue.firstIndex(where: { $0.key == key }) {
          hits += 1
          queue[position].used = true
          continue
        }
        if queue.count == capacity {
          if hand >= queue.count { hand = 0 }
          while queue[hand].used {
            queue[hand].used = false
            hand = hand + 1 == queue.count ? 0 : hand + 1
          }
          queue.remove(at: hand)
          // Past the youngest, the hand begins again at the oldest, and does not meet what comes now.
          if hand == queue.count { hand = 0 }
        }
        queue.append((key, false))
      }
      #expect(Self.hits(keys, .sieve, capacity: capacity) == hits, "capacity \(capacity)")
    }
  }

  @Test func `a ghost queue remembers the last`() {
    var ghosts = GhostQueue()
    var mixer = SplitMix64(seed: 3)
    let hashes = (0..<1000).map { _ in mixer.next() }
    for hash in hashes { ghosts.insert(hash, limit: 300) }
    #expect(hashes.prefix(700).allSatisfy { !ghosts.remove($0) })
    #expect(hashes.suffix(300).allSatisfy { ghosts.remove($0) })
    #expect(hashes.allSatisfy { !ghosts.remove($0) })
  }

  @Test func `a remembered history comes back as it went`() {
    var memory = ReuseMemory(capacity: 64)
    var history = ReuseHistory(lastUse: 1000)
    history.use(at: 1500)
    history.use(at: 2100)
    #expect(memory.insert(history, hash: 0xABCD_EF01_2345_6789, at: 3000) == nil)
    #expect(memory.take(0x1BCD_EF01_2345_6789, at: 3000) == nil)
    memory.grow(at: 3000)
    let back = memory.take(0xABCD_EF01_2345_6789, at: 100_000)
    #expect(back?.lastUse == 2100)
    #expect(back?.uses == 3)
    #expect(abs((back?.gap ?? 0) - 550) < 550 / 16)
    #expect(memory.take(0xABCD_EF01_2345_6789, at: 100_000) == nil)
  }

  @Test func `the model prefers what comes back soon`() {
    var model = ReuseModel()
    let once = ReuseHistory(lastUse: 0)
    var often = once
    for time in 1...20 { often.use(at: UInt32(time * 100)) }
    for _ in 0..<100 {
      model.noteReuse(often, at: 2100)
      model.noteDeparture(once, at: 5000)
    }
    model.update()
    #expect(model.worth(of: often, at: 2050) > model.worth(of: once, at: 50))
    // Just before the moment at which it always comes, waiting is worth the most.
    #expect(model.worth(of: often, at: 2090) > model.worth(of: often, at: 2010))
    // Long after, it is worth nothing.
    #expect(model.worth(of: often, at: 9000) < model.worth(of: often, at: 2010))
  }

  @Test func `the sketch counts and forgets`() {
    var sketch = FrequencySketch(capacity: 64)
    for _ in 0..<9 { sketch.add(1, count: 1) }
    sketch.add(2, count: 3)
    #expect(sketch.frequency(of: 1) >= 9)
    #expect(sketch.frequency(of: 2) >= 3 && sketch.frequency(of: 2) < 9)
    for key in 100..<1000 as Range<UInt64> { sketch.add(key, count: 1) }
    #expect(sketch.frequency(of: 1) < 9)
  }
}

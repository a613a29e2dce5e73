//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Learns, for each row of keys (``ReuseHistory/row``), how likely a use is at which age, and tells from that what keeping an entry is worth.
///
/// The worth is the Gittins index: the greatest rate of hits per time that can be had by keeping an entry of that age for
/// some while longer, over all lengths of the while. For independent entries with known distributions that is the ranking
/// to evict by; what is known as LRU, LFU or MRU are the rankings it takes on when chances fall with age, are constant, or
/// rise with age as in a loop. It learns from keys that are remembered as well as from those that are there, so what it
/// learns does not depend on what it decided.
struct ReuseModel: ~Copyable {
  /// Ages fall into two buckets per power of two.
  private static let bucketCount = 48
  private static let cellCount = ReuseHistory.rowCount * bucketCount

  /// Uses seen, by row and age.
  private let reuses: UnsafeMutablePointer<Float>
  /// Keys forgotten without having been used again, by row and age.
  private let departures: UnsafeMutablePointer<Float>
  /// Keys that are waiting for their next use just now, by row and age; filled in before each update.
  private let pending: UnsafeMutablePointer<Float>
  /// The worth, by row and age, in hits per unit of the row's time.
  private let worth: UnsafeMutablePointer<Float>
  private var events: Float = 0

  /// How many keys the experience of all groups counts for in one group's, and a group's in one of its rows'.
  private static let groupPseudoCount: Float = 4
  private static let rowPseudoCount: Float = 64

  init() {
    // One allocation: a hit touches a cell of the first part, an eviction reads some of the last.
    reuses = .allocate(capacity: Self.cellCount * 4)
    reuses.initialize(repeating: 0, count: Self.cellCount * 4)
    departures = reuses + Self.cellCount
    pending = reuses + Self.cellCount * 2
    worth = reuses + Self.cellCount * 3
  }

  deinit {
    reuses.deallocate()
  }

  var byteCount: Int { Self.cellCount * 4 * MemoryLayout<Float>.stride }

  /// Notes that a key with this history is being used.
  @inline(__always)
  mutating func noteReuse(_ history: ReuseHistory, at now: UInt32) {
    reuses[Self.cell(history, at: now)] += 1
    events += 1
  }

  /// Notes that a key with this history is being forgotten.
  mutating func noteDeparture(_ history: ReuseHistory, at now: UInt32) {
    departures[Self.cell(history, at: now)] += 1
    events += 1
  }

  /// Counts a key that is waiting for its next use, for the next update.
  mutating func notePending(_ history: ReuseHistory, at now: UInt32, count: Float) {
    pending[Self.cell(history, at: now)] += count
  }

  /// The hits per time that keeping an entry promises.
  @inline(__always)
  func worth(of history: ReuseHistory, at now: UInt32) -> Float {
    worth[Self.cell(history, at: now)] * history.timeScale
  }

  /// Halves what was learned once there is more than `limit` events of it, so that what is new weighs more than what is old.
  mutating func age(limit: Float) {
    guard events > limit else { return }
    for cell in 0..<Self.cellCount {
      reuses[cell] *= 0.5
      departures[cell] *= 0.5
    }
    events *= 0.5
  }

  /// Computes the worths anew from all that was noted, and forgets the pending keys.
  ///
  /// - Complexity: O(rows × buckets²) at most, some 30 µs.
  mutating func update() {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: Self.cellCount + Self.bucketCount * 3) { buffer in
      let atRisk = buffer.baseAddress!
      let chances = atRisk + Self.cellCount
      let kinChances = chances + Self.bucketCount
      let groupChances = kinChances + Self.bucketCount
      for row in 0..<ReuseHistory.rowCount { countAtRisk(row, into: atRisk) }
      // Group 0 measures its ages by another clock than the others, and has no kin.
      for bucket in 0..<Self.bucketCount { chances[bucket] = 0 }
      estimate(0..<1, atRisk: atRisk, prior: chances, pseudoCount: Self.groupPseudoCount, into: chances)
      rank(0, chances: chances)

      for bucket in 0..<Self.bucketCount { kinChances[bucket] = 0 }
      estimate(1..<ReuseHistory.rowCount, atRisk: atRisk, prior: kinChances, pseudoCount: 1, into: kinChances)
      for group in 1..<ReuseHistory.groupCount {
        let first = 1 + (group - 1) * ReuseHistory.gapClassCount
        let rows = first..<first + ReuseHistory.gapClassCount
        estimate(rows, atRisk: atRisk, prior: kinChances, pseudoCount: Self.groupPseudoCount, into: groupChances)
        for row in rows {
          estimate(
            row..<row + 1, atRisk: atRisk, prior: groupChances, pseudoCount: Self.rowPseudoCount, into: chances)
          rank(row, chances: chances)
        }
      }
    }
  }

  /// How many of a row's keys have been through each bucket.
  private func countAtRisk(_ row: Int, into atRisk: UnsafeMutablePointer<Float>) {
    var count: Float = 0
    for bucket in stride(from: Self.bucketCount - 1, through: 0, by: -1) {
      let cell = row * Self.bucketCount + bucket
      let censored = departures[cell] + pending[cell]
      // Who left within the bucket was at risk for half of it.
      count += reuses[cell] + censored * 0.5
      atRisk[cell] = count
      count += censored * 0.5
      pending[cell] = 0
    }
  }

  /// The chance, for each bucket, that a key of these rows which has reached it is used within it. Where they have seen
  /// little, what a wider circle has seen stands in, with the weight of `pseudoCount` keys.
  private func estimate(
    _ rows: Range<Int>, atRisk: UnsafeMutablePointer<Float>, prior: UnsafeMutablePointer<Float>, pseudoCount: Float,
    into chances: UnsafeMutablePointer<Float>
  ) {
    for bucket in 0..<Self.bucketCount {
      var used = pseudoCount * prior[bucket]
      var reached = pseudoCount
      for row in rows {
        used += reuses[row * Self.bucketCount + bucket]
        reached += atRisk[row * Self.bucketCount + bucket]
      }
      chances[bucket] = min(used / reached, 1)
    }
  }

  /// For each age, the best ratio of hits to time over all horizons.
  private func rank(_ row: Int, chances: UnsafeMutablePointer<Float>) {
    for start in 0..<Self.bucketCount {
      var survival: Float = 1
      var hits: Float = 0
      var time: Float = 0
      var best: Float = 0
      for bucket in start..<Self.bucketCount {
        let hit = survival * chances[bucket]
        hits += hit
        // A hit comes, on average, in the middle of its bucket.
        time += Self.width(of: bucket) * (survival - hit * 0.5)
        survival -= hit
        best = max(best, hits / time)
        if survival < 1e-6 { break }
      }
      worth[row * Self.bucketCount + start] = best
    }
  }

  @inline(__always)
  private static func cell(_ history: ReuseHistory, at now: UInt32) -> Int {
    // Ages beyond 2^24 have no bucket of their own, so the conversion to a signed number cannot overflow.
    let age = min(Float(history.age(at: now)) * history.timeScale, 16_777_215)
    return history.row &* bucketCount &+ bucket(of: UInt32(age))
  }

  @inline(__always)
  private static func bucket(of age: UInt32) -> Int {
    guard age > 1 else { return 0 }
    let exponent = 31 &- age.leadingZeroBitCount
    return exponent &* 2 &+ Int((age &>> UInt32(truncatingIfNeeded: exponent &- 1)) & 1)
  }

  /// How long ages stay in a bucket.
  private static func width(of bucket: Int) -> Float {
    func start(_ bucket: Int) -> Float {
      Float(UInt32(1) << UInt32(bucket / 2)) * (bucket & 1 == 0 ? 1 : 1.5)
    }
    return start(bucket + 1) - start(bucket)
  }
}

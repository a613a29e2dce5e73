//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Counts durations by how long they were, for several series of one metric, without a lock.
package final class DurationHistograms: @unchecked Sendable {
  // @unchecked: the memory is allocated once, holds nothing but atomics, and is freed in deinit.

  /// The upper bounds of the buckets but the last, in nanoseconds: 1, 2.5 and 5 of each power of ten, from what a hit in memory
  /// takes to what a slow origin takes.
  static let bounds: [Int64] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
    5_000_000,
    10_000_000, 25_000_000, 50_000_000, 100_000_000, 250_000_000, 500_000_000, 1_000_000_000, 2_500_000_000,
    5_000_000_000, 10_000_000_000, 30_000_000_000,
  ]
  /// Words of one histogram: its buckets, and the sum.
  private static let width = 32
  private static let sumSlot = width - 1
  /// The sum is kept in units of 16 ns: 64 bits are then enough for ten thousand requests that wait at the same time for a year.
  private static let sumShift = 4
  /// Threads that record for different keys seldom write to the same cache line.
  private static let stripeCount = 4

  private let cells: UnsafeMutablePointer<Atomic<UInt>>
  private let bounds: UnsafeMutableBufferPointer<Int64>
  private let seriesCount: Int

  package init(seriesCount: Int) {
    precondition(Self.bounds.count < Self.sumSlot, "a histogram has more buckets than room for them")
    self.seriesCount = seriesCount
    let count = Self.stripeCount * seriesCount * Self.width
    cells = .allocate(capacity: count)
    for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
    bounds = .allocate(capacity: Self.bounds.count)
    _ = bounds.initialize(fromContentsOf: Self.bounds)
  }

  deinit {
    cells.deinitialize(count: Self.stripeCount * seriesCount * Self.width)
    cells.deallocate()
    bounds.deinitialize()
    bounds.deallocate()
  }

  /// Records a duration.
  ///
  /// - Parameters:
  ///   - series: The number of the series.
  ///   - nanoseconds: The duration. One below zero counts as zero.
  ///   - weight: The number of durations that this one stands for.
  ///   - stripe: Any number that spreads; the low bits of a key's digest.
  package func record(_ series: Int, nanoseconds: Int64, weight: UInt = 1, stripe: UInt64 = 0) {
    let duration = UInt(max(0, nanoseconds))
    let stripe = Int(truncatingIfNeeded: stripe) & (Self.stripeCount - 1)
    let histogram = cells + (stripe &* seriesCount &+ series) &* Self.width
    histogram[bucket(of: nanoseconds)].wrappingAdd(weight, ordering: .relaxed)
    histogram[Self.sumSlot].wrappingAdd(
      (duration &* weight &+ (1 << (Self.sumShift - 1))) >> Self.sumShift, ordering: .relaxed)
  }

  /// The first bucket whose bound is not below.
  private func bucket(of nanoseconds: Int64) -> Int {
    var (low, high) = (0, bounds.count)
    while low < high {
      let middle = (low &+ high) >> 1
      if bounds[middle] < nanoseconds { low = middle &+ 1 } else { high = middle }
    }
    return low
  }

  /// The totals of a series: how many durations fell into each bucket, the last being without a bound, and their
  /// sum in seconds.
  package func totals(_ series: Int) -> (counts: [UInt], seconds: Double) {
    func total(_ slot: Int) -> UInt {
      (0..<Self.stripeCount).reduce(0) {
        $0 &+ cells[($1 * seriesCount + series) * Self.width + slot].load(ordering: .relaxed)
      }
    }
    return ((0...bounds.count).map(total), Double(total(Self.sumSlot)) * Double(1 << Self.sumShift) / 1e9)
  }
}

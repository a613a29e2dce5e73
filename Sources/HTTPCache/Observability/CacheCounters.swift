//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Counts events without a lock. Striped: threads that answer different keys seldom write to the same cache line.
final class CacheCounters: @unchecked Sendable {
  // @unchecked: the memory is allocated once, holds nothing but atomics, and is freed in deinit; `shardHits` is set before
  // anybody else has the object.
  private static let stripeCount = 16
  private static let width = 64

  private let cells: UnsafeMutablePointer<Atomic<Int>>
  /// The plain hits in a store in memory, which are counted under the locks of its shards.
  private var shardHits: HitCounts?

  init() {
    cells = .allocate(capacity: Self.stripeCount * Self.width)
    for index in 0..<Self.stripeCount * Self.width { (cells + index).initialize(to: Atomic(0)) }
  }

  deinit {
    cells.deinitialize(count: Self.stripeCount * Self.width)
    cells.deallocate()
    shardHits?.destroy()
  }

  /// Makes the counts for the plain hits in a store of so many shards. To be called once at most, by who has made the object.
  /// They live as long as the object.
  func hitCounts(shardCount: Int) -> HitCounts {
    precondition(shardHits == nil, "there is one store")
    let counts = HitCounts(shardCount: shardCount)
    shardHits = counts
    return counts
  }

  /// Counts `kind`.
  ///
  /// - Parameter stripe: Any number that spreads; the low bits of the key's digest.
  @inline(__always)
  func count(_ kind: CacheEvent.Kind, stripe: UInt64) {
    add(Self.slot(kind), stripe: stripe)
  }

  /// Counts a hit.
  @inline(__always)
  func countHit(stripe: UInt64) { add(0, stripe: stripe) }

  @inline(__always)
  private func add(_ slot: Int, stripe: UInt64) {
    let index = Int(truncatingIfNeeded: stripe) & (Self.stripeCount - 1)
    cells[index &* Self.width &+ slot].wrappingAdd(1, ordering: .relaxed)
  }

  var snapshot: CacheStatistics {
    var statistics = CacheStatistics()
    func total(_ kind: CacheEvent.Kind) -> Int {
      let slot = Self.slot(kind)
      return (0..<Self.stripeCount).reduce(0) { $0 + cells[$1 * Self.width + slot].load(ordering: .relaxed) }
    }
    func totals<Reason: CaseIterable & Hashable>(_ kind: (Reason) -> CacheEvent.Kind) -> [Reason: Int] {
      var totals: [Reason: Int] = [:]
      for reason in Reason.allCases {
        let count = total(kind(reason))
        if count > 0 { totals[reason] = count }
      }
      return totals
    }
    statistics.hits = total(.answered(.hit)) + (shardHits?.total ?? 0)
    statistics.stale = totals { .answered(.stale($0)) }
    statistics.revalidated = total(.answered(.revalidated))
    statistics.misses = totals { .answered(.miss($0)) }
    statistics.collapsed = total(.answered(.collapsed))
    statistics.bypasses = totals { .answered(.bypass($0)) }
    statistics.failures = totals { .answered(.failed($0)) }
    statistics.stores = total(.stored)
    statistics.refusals = totals { .refused($0) }
    statistics.refreshes = total(.refreshStarted)
    statistics.failedRefreshes = total(.refreshFailed)
    statistics.invalidations = total(.invalidated)
    statistics.backendFailures = total(.backendFailed)
    return statistics
  }

  /// The cell of a kind: each has one of its own below `width`.
  private static func slot(_ kind: CacheEvent.Kind) -> Int {
    switch kind {
    case .answered(.hit): 0
    case .answered(.revalidated): 1
    case .answered(.collapsed): 2
    case .stored: 3
    case .refreshStarted: 4
    case .refreshFailed: 5
    case .invalidated: 6
    case .backendFailed: 7
    case .answered(.stale(let reason)): 8 + ordinal(of: reason)
    case .answered(.miss(let reason)): 14 + ordinal(of: reason)
    case .answered(.bypass(let reason)): 22 + ordinal(of: reason)
    case .answered(.failed(let reason)): 32 + ordinal(of: reason)
    case .refused(let reason): 38 + ordinal(of: reason)
    }
  }

  /// The number of a case. The compiler numbers those of an enum without payloads in their order, in one octet.
  @inline(__always)
  private static func ordinal<Reason: CaseIterable>(of reason: Reason) -> Int {
    Int(unsafeBitCast(reason, to: UInt8.self))
  }
}

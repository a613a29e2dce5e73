//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Counts what happens between the tiers, without a lock, and tells whoever wants to know. Striped: threads that look for
/// different keys seldom write to the same cache line.
final class TierReporter: @unchecked Sendable {
  // @unchecked: the memory is allocated once, holds nothing but atomics, and is freed in deinit.
  private static let stripeCount = 16
  private static let width = 32

  private let cells: UnsafeMutablePointer<Atomic<Int>>
  private let observer: (@Sendable (TierEvent) -> Void)?

  init(_ observer: (@Sendable (TierEvent) -> Void)?) {
    precondition(TierEvent.Kind.allCases.count <= Self.width, "a stripe has no room for every kind of event")
    self.observer = observer
    cells = .allocate(capacity: Self.stripeCount * Self.width)
    for index in 0..<Self.stripeCount * Self.width { (cells + index).initialize(to: Atomic(0)) }
  }

  deinit {
    cells.deinitialize(count: Self.stripeCount * Self.width)
    cells.deallocate()
  }

  /// Counts `kind`, and tells the observer.
  @inline(__always)
  func report(_ kind: TierEvent.Kind, _ key: CacheKey? = nil, _ error: (any Error)? = nil) {
    let stripe = Int(truncatingIfNeeded: key?.digest.low ?? 0) & (Self.stripeCount - 1)
    cells[stripe &* Self.width &+ kind.rawValue].wrappingAdd(1, ordering: .relaxed)
    if let observer { observer(TierEvent(kind: kind, key: key, error: error)) }
  }

  var statistics: TierStatistics {
    TierStatistics(
      Dictionary(
        uniqueKeysWithValues: TierEvent.Kind.allCases.map { kind in
          let total = (0..<Self.stripeCount).reduce(0) {
            $0 + cells[$1 * Self.width + kind.rawValue].load(ordering: .relaxed)
          }
          return (kind, total)
        }))
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Measures what a store, or a tier of one, takes for its operations: those that wait, not those that are answered at once from
/// this process's memory.
package struct OperationTimes: Sendable {
  /// An operation of a store.
  package enum Operation: Int, CaseIterable, Sendable {
    case lookup, store, invalidate, lease
  }

  let histograms = DurationHistograms(seriesCount: Operation.allCases.count)

  package init() {}

  /// Records an operation that has begun at `start`, by the clock's ``CacheClock/preciseNow``.
  package func record(_ operation: Operation, since start: CacheInstant, _ clock: CacheClock) {
    histograms.record(
      operation.rawValue,
      nanoseconds: clock.preciseNow.nanoseconds.subtractingSaturated(start.nanoseconds))
  }
}

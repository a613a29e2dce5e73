//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// Nanoseconds of the monotonic clock, which is what deadlines are kept in here.
enum MonotonicTime {
  /// The coarse clock: a tick of some milliseconds is fine enough for timeouts, and reading it takes 6 ns.
  static var now: Int64 { CacheClock.system.now.nanoseconds }
}

extension Duration {
  /// In nanoseconds. The configuration has seen to it that they fit.
  var inNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? (seconds < 0 ? .min : .max) : product + attoseconds / 1_000_000_000
  }
}

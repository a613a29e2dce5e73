//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Where a cache gets the time from. `CacheClock.system` is the real one; `ManualClock` in `HTTPCacheTesting` is its twin
/// that stands still until it is told to move.
public protocol TimeSource: Sendable {
  /// The time that only goes forward.
  var now: CacheInstant { get }
  /// The time of day.
  var unixTime: UnixTime { get }
  /// Returns at `deadline`.
  ///
  /// - Throws: `CancellationError` when the task is cancelled first.
  func sleep(until deadline: CacheInstant) async throws
}

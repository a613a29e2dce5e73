//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A moment by the wall clock: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Used for what HTTP says about dates, and in what is written for other machines to read. Durations are measured with
/// ``CacheInstant``, which no clock adjustment moves.
public struct UnixTime: Hashable, Comparable, Sendable {
  /// Milliseconds since the epoch.
  public var milliseconds: Int64

  /// A moment given in milliseconds.
  public init(milliseconds: Int64) { self.milliseconds = milliseconds }

  /// A moment given in seconds; clamped to what fits.
  public init(seconds: Int64) {
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    milliseconds = overflow ? (seconds < 0 ? .min : .max) : product
  }

  /// Whole seconds since the epoch, rounded down.
  public var seconds: Int64 {
    let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1000)
    return remainder < 0 ? quotient - 1 : quotient
  }

  /// Whether `left` comes first.
  public static func < (left: UnixTime, right: UnixTime) -> Bool { left.milliseconds < right.milliseconds }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A moment by a clock that only goes forward: nanoseconds since some fixed moment of this process's machine.
///
/// Ages and lifetimes are measured with it, so that setting the wall clock neither revives nor expires anything.
public struct CacheInstant: Hashable, Comparable, Sendable {
  /// Nanoseconds since the clock's own origin.
  public var nanoseconds: Int64

  /// A moment given in nanoseconds since the clock's own origin.
  @inlinable
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Later than every moment a clock will show.
  public static let distantFuture = CacheInstant(nanoseconds: .max)
  /// Earlier than every moment a clock will show.
  public static let distantPast = CacheInstant(nanoseconds: .min)

  /// Whether `left` comes first.
  @inlinable
  public static func < (left: CacheInstant, right: CacheInstant) -> Bool { left.nanoseconds < right.nanoseconds }

  /// `duration` later; clamped to the representable range instead of overflowing.
  public func advanced(by duration: Duration) -> CacheInstant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.clampedNanoseconds)
    return CacheInstant(nanoseconds: overflow ? (duration < .zero ? .min : .max) : sum)
  }

  /// How long after `earlier` this is; negative when it is before. Clamped instead of overflowing.
  public func duration(since earlier: CacheInstant) -> Duration {
    let (difference, overflow) = nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
    return .nanoseconds(overflow ? (nanoseconds < 0 ? Int64.min : .max) : difference)
  }
}

extension Duration {
  /// The duration in nanoseconds, clamped to what 64 bits hold (292 years).
  var clampedNanoseconds: Int64 {
    // Not by way of `components`, whose divisions cost as much as a whole lookup.
    Int64(clamping: attoseconds / 1_000_000_000)
  }

  /// Whole seconds, rounded down.
  var wholeSeconds: Int64 {
    let (seconds, attoseconds) = components
    return attoseconds < 0 ? seconds - 1 : seconds
  }
}

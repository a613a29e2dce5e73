//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Sums that stop at the ends of what can be represented, as RFC 9111 §1.2.2 wants of every calculation with times.
extension Int64 {
  func addingSaturated(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  func subtractingSaturated(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }

  func multipliedSaturated(by other: Int64) -> Int64 {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
  }

  /// Seconds as nanoseconds.
  var secondsAsNanoseconds: Int64 { multipliedSaturated(by: 1_000_000_000) }

  /// The quotient rounded down, also for negative numbers.
  func flooredQuotient(dividingBy divisor: Int64) -> Int64 {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? quotient - 1 : quotient
  }
}

extension CacheInstant {
  /// So many nanoseconds later; saturated.
  func advanced(byNanoseconds nanoseconds: Int64) -> CacheInstant {
    CacheInstant(nanoseconds: self.nanoseconds.addingSaturated(nanoseconds))
  }
}

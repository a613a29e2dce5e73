//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Refreshing at random before the expiry, the likelier the nearer it is and the longer the origin takes: XFetch (Vattani,
/// Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", VLDB 2015). Pure.
///
/// Each request throws dice of its own, so many processes that share nothing but an origin do not all refresh at once.
enum EarlyRefresh {
  /// Beyond so many times cost and beta before the expiry the dice come up once in half a billion requests.
  private static let reach: Int64 = 20

  /// Whether it is worth throwing dice: the expiry is within reach.
  @inline(__always)
  static func isWithinReach(
    freshUntil: CacheInstant, cost: Duration, beta: Double, at now: CacheInstant
  ) -> Bool {
    let remaining = freshUntil.nanoseconds.subtractingSaturated(now.nanoseconds)
    return Double(remaining) < Double(reach) * Double(cost.clampedNanoseconds) * beta
  }

  /// Whether a request at `now` is to refresh.
  ///
  /// - Parameters:
  ///   - cost: How long the origin took.
  ///   - beta: 1 is optimal under the paper's assumptions; more refreshes earlier.
  ///   - random: From above 0 to 1, evenly distributed.
  static func isDue(
    freshUntil: CacheInstant, cost: Duration, beta: Double, at now: CacheInstant, random: Double
  ) -> Bool {
    let head = Double(cost.clampedNanoseconds) * beta * -log(random)
    return Double(freshUntil.nanoseconds.subtractingSaturated(now.nanoseconds)) <= head
  }
}

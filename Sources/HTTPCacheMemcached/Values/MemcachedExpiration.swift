//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// When a server may drop a value, in memcached's own terms.
///
/// Up to 30 days it counts seconds from now, beyond that it is a moment in Unix time; zero is for ever, and a negative
/// number is at once. The server's clock ticks once a second, and the first second may be over at once: one is added, so
/// that a value is there for all of its lifetime. The exact moment is in the value, and decides.
package struct MemcachedExpiration: Hashable, Sendable {
  /// What is sent.
  package let exptime: Int

  private init(exptime: Int) { self.exptime = exptime }

  /// Only when the server needs the memory.
  package static let never = MemcachedExpiration(exptime: 0)

  private static let longestRelative: Int64 = 30 * 24 * 3600

  /// After `lifetime`.
  ///
  /// - Parameters:
  ///   - lifetime: How long the value may be of use.
  ///   - now: The time as the server has it: that of the machines, whatever clock the entries are of.
  /// - Returns: nil when that is over already: such a value is not stored.
  package init?(lifetime: Duration, now: UnixTime = CacheClock.system.unixTime) {
    guard lifetime > .zero else { return nil }
    let (whole, fraction) = lifetime.components
    let (seconds, overflow) = whole.addingReportingOverflow(fraction > 0 ? 2 : 1)
    if !overflow, seconds <= Self.longestRelative {
      exptime = Int(seconds)
      return
    }
    // The server reads 32 bits with a sign. When a moment does not fit, the latest that fits; when even that has passed
    // (in 2038), as long as can be said.
    let (moment, isTooLate) = now.seconds.addingReportingOverflow(overflow ? .max : seconds)
    let latest = Int64(Int32.max)
    if latest - now.seconds <= Self.longestRelative {
      exptime = Int(Self.longestRelative)
    } else {
      exptime = Int(isTooLate ? latest : min(moment, latest))
    }
  }
}

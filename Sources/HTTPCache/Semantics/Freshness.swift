//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A freshness lifetime and where it comes from (RFC 9111 §4.2.1).
struct Freshness: Hashable, Sendable {
  /// Where a lifetime comes from.
  enum Source: Hashable, Sendable {
    /// `s-maxage`, `max-age` or `Expires`.
    case response
    /// ``CachingRules/lifetime``.
    case policy
    /// A guess (§4.2.2).
    case heuristic
    /// Nothing gave one: it is zero.
    case none
  }

  /// In nanoseconds; not negative.
  var lifetime: Int64
  var source: Source
}

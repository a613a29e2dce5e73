//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How many calls the origin is given at a time, across all keys, and what becomes of those beyond.
///
/// Requests for the same resource share one call anyway; this is for many different resources at once: after a restart, a
/// purge of everything, or under a flood. Hits never wait for it.
public struct OriginLimit: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case fixed(Int)
    case adaptive(minimum: Int, maximum: Int)
  }

  var kind: Kind
  /// How many calls may wait for their turn. One more is turned away at once: answered with what is stored and stale if
  /// that is allowed, else with 503 and `Retry-After`.
  public var queueLimit: Int
  /// How long a call may wait for its turn before it is turned away.
  public var queueDeadline: Duration

  /// Always the same number of calls at a time.
  public static func fixed(
    _ limit: Int, queueLimit: Int = 1_000, queueDeadline: Duration = .seconds(5)
  ) -> OriginLimit {
    OriginLimit(kind: .fixed(limit), queueLimit: queueLimit, queueDeadline: queueDeadline)
  }

  /// As many calls at a time as the origin takes without becoming slower: the limit rises while latencies stay near the
  /// lowest seen, and falls when they grow or calls fail (``AdaptiveLimit``).
  public static func adaptive(
    minimum: Int = 4, maximum: Int = 512, queueLimit: Int = 1_000, queueDeadline: Duration = .seconds(5)
  ) -> OriginLimit {
    OriginLimit(
      kind: .adaptive(minimum: minimum, maximum: maximum), queueLimit: queueLimit, queueDeadline: queueDeadline)
  }

  /// Refuses what makes no sense.
  func validate(_ name: String) throws(CacheConfigurationError) {
    switch kind {
    case .fixed(let limit):
      guard limit > 0 else {
        throw CacheConfigurationError(
          "\(name) is \(limit) calls at a time: nothing could be fetched; use nil for no limit")
      }
    case .adaptive(let minimum, let maximum):
      guard minimum > 0, maximum >= minimum else {
        throw CacheConfigurationError("\(name) adapts between \(minimum) and \(maximum): give 1 <= minimum <= maximum")
      }
    }
    guard queueLimit >= 0 else {
      throw CacheConfigurationError("\(name).queueLimit is \(queueLimit): a number of waiting calls cannot be negative")
    }
    guard queueDeadline >= .zero else {
      throw CacheConfigurationError("\(name).queueDeadline is \(queueDeadline): a time cannot be negative")
    }
  }
}

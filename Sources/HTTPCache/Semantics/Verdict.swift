//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a stored response is good for, for one request at one moment (RFC 9111 §4).
enum Verdict: Hashable, Sendable {
  /// Fresh: use it.
  case serve
  /// Fresh, but not for long: use it, and refresh it in the background.
  case serveAndRefresh
  /// Stale, but allowed to be used while it is refreshed in the background (RFC 5861 §3).
  case serveStaleAndRevalidate
  /// Stale, but the client takes it.
  case serveStale(CacheOutcome.StaleReason)
  /// The origin has to be asked, with a condition if the response can be validated.
  case validate(CacheOutcome.MissReason)

  /// Why the origin is asked, if it is.
  var missReason: CacheOutcome.MissReason {
    if case .validate(let reason) = self { reason } else { .stale }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What the cache did to answer a request, and why. The one vocabulary for it: `Cache-Status` (RFC 9211), statistics,
/// events, logs and tests all speak it.
public enum CacheOutcome: Hashable, Sendable {
  /// A stored response was fresh and was used.
  case hit
  /// A stored response was used although it is no longer fresh.
  case stale(StaleReason)
  /// The origin confirmed with a 304 that the stored response is still good (RFC 9111 §4.3.3).
  case revalidated
  /// The origin was asked, and its answer was used.
  case miss(MissReason)
  /// Like a miss, but another request was already asking: its answer was used for this one too.
  case collapsed
  /// The cache stood aside: neither looked up nor stored.
  case bypass(BypassReason)
  /// No answer could be had: the cache made the response itself.
  case failed(FailureReason)

  /// Why a stale response was allowed.
  public enum StaleReason: String, Hashable, Sendable, CaseIterable {
    /// `stale-while-revalidate` (RFC 5861 §3): it is being refreshed in the background.
    case whileRevalidating = "stale-while-revalidate"
    /// `stale-if-error` (RFC 5861 §4): the origin failed.
    case ifError = "stale-if-error"
    /// The client said `max-stale` (RFC 9111 §5.2.1.2).
    case maxStale = "max-stale"
    /// The origin took longer than the soft timeout; its answer will be stored when it comes.
    case softTimeout = "soft-timeout"
    /// A refresh has failed a moment ago and the next attempt is not due.
    case retryPending = "retry-pending"
    /// The origin has as many calls as it is given at a time (``OriginLimit``).
    case originSaturated = "origin-saturated"
  }

  /// Why no stored response could be used.
  public enum MissReason: String, Hashable, Sendable, CaseIterable {
    /// Nothing is stored for this URL.
    case absent = "uri-miss"
    /// Something is stored for this URL, but for other selecting header fields (RFC 9111 §4.1).
    case variant = "vary-miss"
    /// What is stored has expired, or must be validated before every use, and the origin sent something new.
    case stale = "stale"
    /// The client demanded it (`no-cache`, `max-age`, `min-fresh`, RFC 9111 §5.2.1).
    case request = "request"
    /// Only a part of what the client wants is stored.
    case partial = "partial"
  }

  /// Why the cache stood aside.
  public enum BypassReason: String, Hashable, Sendable, CaseIterable {
    /// The method's responses are not cached.
    case method = "method"
    /// The policy excludes the request.
    case policy = "policy"
    /// The policy gave the request no key.
    case noKey = "no-key"
    /// Responses to this request have lately turned out not to be cacheable.
    case uncacheable = "uncacheable"
    /// Another request was asking the origin the same for longer than the wait limit.
    case waitLimit = "wait-limit"
  }

  /// Why no response could be had.
  public enum FailureReason: String, Hashable, Sendable, CaseIterable {
    /// The client said `only-if-cached` and nothing suitable is stored (RFC 9111 §5.2.1.7).
    case onlyIfCached = "only-if-cached"
    /// The origin took longer than the hard timeout.
    case originTimeout = "origin-timeout"
    /// The origin failed, for this request and for the one made in its stead.
    case originFailed = "origin-failed"
    /// The origin has as many calls as it is given at a time, and too many wait (``OriginLimit``): 503 with `Retry-After`.
    case originSaturated = "origin-saturated"
  }
}

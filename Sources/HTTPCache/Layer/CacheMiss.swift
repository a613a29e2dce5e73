//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What has been found out about a request that the store could not answer at once.
@usableFromInline
final class CacheMiss: Sendable {
  /// The request without the fields of its connection; nil when it has not been asked for them.
  let request: CacheRequest?
  /// The policy; nil when the request has none.
  let policy: ResolvedPolicy?
  /// The reason why the cache stands aside; nil when the request is its business.
  let bypass: CacheOutcome.BypassReason?
  /// What the response is stored under; nil when it has not been made yet.
  let key: CacheKey?
  /// What is stored; nil when that is to be looked up.
  let lookup: CacheLayer.Lookup?

  init(
    _ request: CacheRequest? = nil, _ policy: ResolvedPolicy?, bypass: CacheOutcome.BypassReason? = nil,
    key: CacheKey? = nil, lookup: CacheLayer.Lookup? = nil
  ) {
    self.request = request
    self.policy = policy
    self.bypass = bypass
    self.key = key
    self.lookup = lookup
  }
}

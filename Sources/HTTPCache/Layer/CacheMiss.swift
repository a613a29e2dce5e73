//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A request that the store could not answer at once, with what has been found out about it.
@usableFromInline
final class CacheMiss: Sendable {
  /// The request without the fields of its connection; nil when it has not been asked for them.
  let request: CacheRequest?
  /// The policy; nil when the request has none.
  let policy: ResolvedPolicy?
  /// The reason why the cache stands aside; nil when the request is its business.
  let bypass: CacheOutcome.BypassReason?
  /// The key of the response; nil when it has not been made yet.
  let key: CacheKey?
  /// The result of the lookup; nil when there has been none.
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

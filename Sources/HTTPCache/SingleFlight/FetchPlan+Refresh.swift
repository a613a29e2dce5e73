//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension FetchPlan {
  /// The same request, with something else stored.
  func storing(
    _ entry: CacheEntry, stamp: InvalidationStamp? = nil, startedAt: CacheInstant? = nil
  ) -> FetchPlan {
    FetchPlan(
      request: request, directives: .none, policy: policy, key: key, next: next, stored: entry, reason: .stale,
      stamp: stamp ?? self.stamp, startedAt: startedAt ?? self.startedAt, outer: nil,
      withholdsCredentials: withholdsCredentials)
  }

  /// The request that asks for all of what is stored, for nobody in particular: without the client's conditions, ranges,
  /// demands on the cache, credentials and body.
  func withoutConditions(storing entry: CacheEntry) -> FetchPlan {
    var request = request.as(.get)
    for name in Self.clientsOwn { request.fields.removeAll(name) }
    var hasCredentials = false
    for name in Self.credentials where request.fields.contains(name) {
      hasCredentials = true
      request.fields.removeAll(name)
    }
    request.body = .empty
    request.onInformational = nil
    return FetchPlan(
      request: request, directives: .none, policy: policy, key: key, next: next, stored: entry, reason: .stale,
      stamp: stamp, startedAt: startedAt, outer: nil, withholdsCredentials: withholdsCredentials || hasCredentials)
  }

  /// Whether a request with `fields` has credentials.
  static func hasCredentials(_ fields: HeaderFields) -> Bool { credentials.contains(where: fields.contains) }

  /// The fields that say who a client is, so that a response may be for that client only. A refresh goes on when the client
  /// has left, and must not act in its name.
  static let credentials: [HeaderName] = [
    .authorization, .cookie, "Proxy-Authorization", "X-API-Key", "X-Auth-Token", "X-Access-Token", "X-CSRF-Token",
    "X-XSRF-Token", "X-Amz-Security-Token",
  ]

  private static let clientsOwn: [HeaderName] = [
    .ifMatch, .ifNoneMatch, .ifModifiedSince, .ifUnmodifiedSince, .ifRange, .range, .cacheControl, .pragma,
  ]
}

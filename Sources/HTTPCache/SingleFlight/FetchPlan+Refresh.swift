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
      withholdsCredentials: withholdsCredentials, isNeutral: isNeutral)
  }

  /// The request that asks for all of what is stored, for nobody in particular: it has none of the client's fields but those
  /// that select what is stored, so that no client decides by others what everybody gets.
  ///
  /// A key that is made of other fields needs them. Then only conditions, ranges, demands on the cache and credentials are
  /// left out.
  func withoutConditions(storing entry: CacheEntry) -> FetchPlan {
    var (request, withholdsCredentials) = Self.anonymous(request)
    let vary = (try? RFC9111.varySelection(of: entry.fields, limit: .max).get()) ?? .none
    let neutral = Self.neutral(request, keeping: vary.names)
    if isKey(of: neutral) {
      request = neutral
    } else {
      // The answer may be one to the fields that are left.
      withholdsCredentials = true
    }
    return FetchPlan(
      request: request, directives: .none, policy: policy, key: key, next: next, stored: entry, reason: .stale,
      stamp: stamp, startedAt: startedAt, outer: nil,
      withholdsCredentials: self.withholdsCredentials || withholdsCredentials, isNeutral: true)
  }

  /// The request that finds out whether the origin fails for everybody, after it has failed for a client: with the fields only
  /// that choose a representation. Nil if the response would be another one by that.
  func neutral() -> FetchPlan? {
    let (anonymous, hasCredentials) = Self.anonymous(request)
    let vary = stored.flatMap { try? RFC9111.varySelection(of: $0.fields, limit: .max).get() } ?? .none
    let neutral = Self.neutral(anonymous, keeping: Self.negotiation + vary.names)
    guard reason != .variant, partial == nil, !request.fields.contains(KnownHeader.authorization),
      stored != nil || !request.fields.contains(KnownHeader.range), isKey(of: neutral)
    else { return nil }
    return FetchPlan(
      request: neutral, directives: .none, policy: policy, key: key, next: next, stored: stored, outdated: outdated,
      reason: reason, stamp: stamp, landings: landings, startedAt: startedAt, outer: nil,
      withholdsCredentials: withholdsCredentials || hasCredentials, isNeutral: true)
  }

  /// Whether `request` has the same key. Only keys of a user's own making depend on fields.
  private func isKey(of request: CacheRequest) -> Bool {
    if case .custom = policy.policy.key.kind { policy.policy.key.key(for: request) == key } else { true }
  }

  private static func neutral(_ request: CacheRequest, keeping names: [HeaderName]) -> CacheRequest {
    let kept = NameSet(names)
    var request = request
    request.fields = request.fields.filter { kept.contains($0) }
    if !request.fields.contains(userAgent.name) { request.fields.append(userAgent.name, userAgent.value) }
    return request
  }

  private static let negotiation: [HeaderName] = ["Accept", .acceptEncoding, .acceptLanguage]

  /// The `User-Agent` of requests that the cache makes by itself (RFC 9110 §10.1.5). A client's own could be one that the
  /// origin refuses.
  private static let userAgent: (name: HeaderName, value: String) = ("User-Agent", "swift-http-cache")

  /// Returns the request of nobody in particular for the same resource, and whether `request` has credentials.
  static func anonymous(_ request: CacheRequest) -> (request: CacheRequest, hasCredentials: Bool) {
    var request = request.as(.get)
    for name in clientsOwn { request.fields.removeAll(name) }
    var hasCredentials = false
    for name in credentials where request.fields.contains(name) {
      hasCredentials = true
      request.fields.removeAll(name)
    }
    request.body = .empty
    request.onInformational = nil
    return (request, hasCredentials)
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

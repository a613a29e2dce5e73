//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension FetchPlan {
  /// The request that asks for all of what is stored, for nobody in particular: it has none of the client's fields but those
  /// that select what is stored, so that no client decides by others what everybody gets.
  ///
  /// A key that is made of other fields needs them. Then only conditions, ranges, demands on the cache and credentials are
  /// left out.
  func withoutConditions(storing entry: CacheEntry) -> FetchPlan {
    let (request, hasCredentials) = Self.anonymous(self.request)
    let vary = (try? RFC9111.varySelection(of: entry.fields, limit: .max).get()) ?? .none
    let neutral = Self.neutral(request, keeping: vary.names)
    let isNeutral = isKey(of: neutral)
    return storing(entry).with {
      $0.request = isNeutral ? neutral : request
      // The answer may be one to the fields that are left.
      $0.withholdsCredentials = $0.withholdsCredentials || hasCredentials || !isNeutral
      $0.isNeutral = true
    }
  }

  /// The same request without demands, with something else stored.
  func storing(_ entry: CacheEntry) -> FetchPlan {
    with {
      $0.directives = .none
      $0.stored = entry
      $0.partial = nil
      $0.outdated = nil
      $0.reason = .stale
      $0.outer = nil
    }
  }

  /// The request that finds out whether the origin fails for everybody, after it has failed for a client: with the fields only
  /// that choose a representation. Nil if the response would be another one by that.
  func neutral() -> FetchPlan? {
    let request = self.request
    let (anonymous, hasCredentials) = Self.anonymous(request)
    let vary = self.stored.flatMap { try? RFC9111.varySelection(of: $0.fields, limit: .max).get() } ?? .none
    let neutral = Self.neutral(anonymous, keeping: Self.negotiation + vary.names)
    guard self.reason != .variant, self.partial == nil, !request.fields.contains(KnownHeader.authorization),
      self.stored != nil || !request.fields.contains(KnownHeader.range), isKey(of: neutral)
    else { return nil }
    return with {
      $0.request = neutral
      $0.directives = .none
      $0.outer = nil
      $0.withholdsCredentials = $0.withholdsCredentials || hasCredentials
      $0.isNeutral = true
    }
  }

  /// Whether `request` has the same key. Only keys of a user's own making depend on fields.
  private func isKey(of request: CacheRequest) -> Bool {
    if case .custom = self.policy.policy.key.kind {
      self.policy.policy.key.key(for: request) == self.key
    } else {
      true
    }
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

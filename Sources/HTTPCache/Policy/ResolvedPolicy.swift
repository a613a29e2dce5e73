//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A policy, checked and turned into what the request path needs, once.
final class ResolvedPolicy: Sendable {
  let policy: CachePolicy
  /// The number under which requests are counted: policies of the same name share one.
  let number: Int
  let rules: CachingRules
  /// The policy's own limit of calls to the origin.
  let shield: OriginShield?
  /// What new resources the policy lets in.
  let admission: AdmissionFilter?
  /// Other names of the server, as keys have them.
  let ownAuthorities: Set<String>
  /// The owner of heads that are made for hits under this policy (``HeadValidity``).
  let headOwner = HeadValidity.newOwner()
  /// Whether keys are those of resources, so that a hit need not make one.
  let isResourceKeyed: Bool
  /// Whether requests are admitted by their method alone.
  let admitsByMethod: Bool
  /// Whether requests get an identifier (``MLLogging/includeRequestID``).
  let identifiesRequests: Bool
  /// Whether responses are stored as they come: nobody makes tags of them, validators for them, or keeps them out.
  let storesAsIs: Bool

  init(_ policy: CachePolicy, number: Int = 0, clock: CacheClock) throws(CacheConfigurationError) {
    try policy.validate()
    self.policy = policy
    self.number = number
    identifiesRequests = policy.mlLogging.map { $0.enabled && $0.includeRequestID } ?? false
    self.rules = policy.rules
    self.shield = policy.originLimit.map { OriginShield($0, clock: clock) }
    self.admission = policy.admission.map { AdmissionFilter($0) }
    self.ownAuthorities = Set(
      policy.ownAuthorities.flatMap { authority in
        ["http", "https"].map { CacheRequest(scheme: $0, authority: authority).authority }
      })
    self.isResourceKeyed = if case .resource = policy.key.kind { true } else { false }
    self.admitsByMethod =
      if case .standard = policy.methods.kind { policy.shouldCache == nil } else { false }
    self.storesAsIs = policy.admission == nil && policy.tags.extract == nil && !policy.generatesEntityTags
  }

  /// Whether a response that has come just now may be stored, and how (RFC 9111 §3).
  ///
  /// Here, and not inlined, because what a reference at hand holds is lent, and what is reached through others is copied:
  /// for the rules, a dozen counted references.
  @inline(never)
  func storability(of response: CacheResponse, to request: CacheRequest, exchange: ExchangeTimes) -> Storability {
    RFC9111.storability(
      of: response, to: request, exchange: exchange, rules: rules, lifetimeScale: lifetimeScale())
  }

  /// The key that the response to `request` is stored under; nil when it has none.
  @inline(__always)
  func key(of request: CacheRequest, _ searchRules: SearchRules) -> CacheKey? {
    if isResourceKeyed, let target = searchRules.target(of: request) {
      return CacheKey(scheme: request.scheme, authority: request.authority, target: target)
    }
    return policy.key.key(for: request)
  }

  /// The demands of a request with these fields, as far as the policy follows them, and whether it is one user's own.
  @inline(never)
  func directives(of fields: HeaderFields) -> RequestDirectives {
    var directives = RequestDirectives(fields)
    if !rules.respectsRequestDirectives { directives = directives.withoutDemands }
    directives.isPersonal = rules.personalReason(fields) != nil
    return directives
  }

  /// The factor for the lifetime of a response that is stored now.
  func lifetimeScale() -> Double {
    policy.lifetimeJitter == 0 ? 1 : 1 - Double.random(in: 0...policy.lifetimeJitter)
  }
}

extension CachePolicy {
  /// The values that the rules of HTTP ask for.
  var rules: CachingRules {
    var rules = CachingRules()
    rules.respectsResponseDirectives = respectsCacheControl
    rules.respectsRequestDirectives = respectsRequestDirectives
    rules.ignoresNoStore = overrides.contains(.noStore)
    rules.ignoresPrivate = overrides.contains(.private)
    rules.setCookies = setCookies
    rules.cookies = cookies
    rules.staleWhileRevalidate = staleWhileRevalidate
    rules.staleIfError = staleIfError
    rules.refreshBeforeExpiration = refreshBeforeExpiration
    rules.keepsForValidation = keepsForValidation
    // With a soft timeout, what is stale is wanted although it can be used for nothing else.
    rules.keepsForDisconnection = softTimeout == nil ? .zero : keepsForValidation
    rules.givesValidators = generatesEntityTags
    rules.storedFieldNames = storedFieldNames
    rules.targetedFields = targetedFields
    if case .custom(let predicate) = statuses.kind { rules.storesStatus = predicate }
    let (byStatus, positive, negative) = (timeToLiveByStatus, timeToLive, negativeTimeToLive)
    rules.lifetime = { status in
      if let lifetime = byStatus[status] { return lifetime }
      return switch status {
      case 200, 203, 204, 206, 300, 301, 308: positive
      case 404, 405, 410, 414, 501: negative
      default: nil
      }
    }
    return rules
  }
}

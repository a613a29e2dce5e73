//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// The freshness lifetime of a response (§4.2.1), and where it comes from.
  ///
  /// In this order: `s-maxage`, `max-age`, `Expires` (less `Date`), the policy, the heuristic. With
  /// ``CachingRules/respectsResponseDirectives`` off, the policy first. A targeted field takes the place of
  /// `Cache-Control` and `Expires` both (RFC 9213 §2.2).
  ///
  /// - Parameter date: What the response has as `Date`, if that is valid.
  static func freshness(
    status: Int, fields: HeaderFields, directives: ResponseDirectives, isTargeted: Bool, date: UnixTime?,
    receivedUnix: UnixTime, rules: CachingRules
  ) -> Freshness {
    if !rules.respectsResponseDirectives, let policy = policyFreshness(status: status, rules: rules) { return policy }
    if directives.sMaxage == nil, directives.maxAge == nil, isTargeted || !fields.contains(KnownHeader.expires),
      let policy = policyFreshness(status: status, rules: rules)
    {
      return policy
    }
    return ownFreshness(
      status: status, fields: fields, directives: directives, isTargeted: isTargeted, date: date,
      receivedUnix: receivedUnix, rules: rules)
  }

  /// The same without the policy.
  static func ownFreshness(
    status: Int, fields: HeaderFields, directives: ResponseDirectives, isTargeted: Bool, date: UnixTime?,
    receivedUnix: UnixTime, rules: CachingRules
  ) -> Freshness {
    if let seconds = directives.sMaxage ?? directives.maxAge {
      return Freshness(lifetime: seconds.secondsAsNanoseconds, source: .response)
    }
    let date = date ?? receivedUnix
    if !isTargeted, fields.contains(KnownHeader.expires) {
      return Freshness(
        lifetime: expiresLifetime(of: fields, date: date, receivedUnix: receivedUnix), source: .response)
    }
    if rules.usesHeuristics, directives.isPublic || isHeuristicallyCacheable(status: status),
      let lifetime = heuristicLifetime(of: fields, date: date, receivedUnix: receivedUnix, rules: rules)
    {
      return Freshness(lifetime: lifetime, source: .heuristic)
    }
    return Freshness(lifetime: 0, source: .none)
  }

  private static func policyFreshness(status: Int, rules: CachingRules) -> Freshness? {
    rules.lifetime(status).map { Freshness(lifetime: max(0, $0.clampedNanoseconds), source: .policy) }
  }

  /// `Expires` less `Date` in nanoseconds, at most 2^31 seconds; zero when it is invalid, repeated or past (§5.3).
  private static func expiresLifetime(of fields: HeaderFields, date: UnixTime, receivedUnix: UnixTime) -> Int64 {
    guard let expires = dateValue(of: fields, known: .expires, now: receivedUnix) else { return 0 }
    let seconds = expires.seconds.subtractingSaturated(date.seconds)
    return min(max(0, seconds), FieldSyntax.greatestDeltaSeconds).secondsAsNanoseconds
  }

  /// A fraction of the time since the last modification in nanoseconds (§4.2.2); nil when that is not known, or not
  /// past.
  private static func heuristicLifetime(
    of fields: HeaderFields, date: UnixTime, receivedUnix: UnixTime, rules: CachingRules
  ) -> Int64? {
    guard let modified = dateValue(of: fields, known: .lastModified, now: receivedUnix) else { return nil }
    let age = min(date.seconds.subtractingSaturated(modified.seconds), FieldSyntax.greatestDeltaSeconds)
    guard age > 0 else { return nil }
    let lifetime = scaled(age.secondsAsNanoseconds, by: rules.heuristicFraction)
    return min(lifetime, max(0, rules.heuristicMaximum.clampedNanoseconds))
  }

  /// Statuses that may be given a lifetime by heuristics (RFC 9110 §15.1; RFC 7725 §3 for 451).
  static func isHeuristicallyCacheable(status: Int) -> Bool {
    switch status {
    case 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501: true
    default: false
    }
  }

  /// Statuses whose requirements for caching the cache knows, for `must-understand` (§5.2.2.3): those that RFC 9110
  /// defines.
  static func isUnderstood(status: Int) -> Bool {
    switch status {
    case 200...206, 300...305, 307, 308, 400...417, 421, 422, 426, 451, 500...505: true
    default: false
    }
  }

  /// `nanoseconds` times `factor`, rounded down; a factor that is no number counts as one, a negative one as zero.
  static func scaled(_ nanoseconds: Int64, by factor: Double) -> Int64 {
    guard !factor.isNaN, factor != 1 else { return nanoseconds }
    let product = Double(nanoseconds) * max(0, factor)
    return product >= 9.2e18 ? .max : Int64(product)
  }

  /// The moments that will decide about a response (§4.2, RFC 5861).
  ///
  /// A lifetime that the response gives counts from its birth, so that time spent in other caches is used up; one of
  /// the policy counts from receipt.
  static func entryTimes(
    freshness: Freshness, initialAge: Int64, directives: ResponseDirectives, hasValidator: Bool,
    exchange: ExchangeTimes,
    rules: CachingRules, lifetimeScale: Double
  ) -> EntryTimes {
    let received = exchange.receivedAt
    // Rounded to what an entry keeps in little room, so that nothing lasts longer than it should.
    let birth = received.advanced(
      byNanoseconds: Int64(0).subtractingSaturated(CompactTimes.rounded(initialAge, .up)))
    let lifetime = CompactTimes.rounded(
      min(scaled(freshness.lifetime, by: min(1, lifetimeScale)), rules.maximumLifetimeNanoseconds), .down)
    let freshUntil = (freshness.source == .policy ? received : birth).advanced(byNanoseconds: lifetime)
    var whileRevalidating: Int64 = 0
    var ifError: Int64 = 0
    if !forbidsStale(directives) {
      // The policy extends lifetimes. A response that is stale when it comes is one that nobody else is to have as it is:
      // frameworks mark pages for one user so. Only the response itself can allow that.
      let isExtended = !rules.respectsResponseDirectives || freshUntil > received
      whileRevalidating = staleWindow(
        directives.staleWhileRevalidate, policy: isExtended ? rules.staleWhileRevalidateNanoseconds : 0,
        directives: directives, rules: rules)
      ifError = staleWindow(
        directives.staleIfError, policy: isExtended ? rules.staleIfErrorNanoseconds : 0, directives: directives,
        rules: rules)
    }
    let whileRevalidatingUntil = freshUntil.advanced(byNanoseconds: whileRevalidating)
    let ifErrorUntil = freshUntil.advanced(byNanoseconds: ifError)
    // What has outlived all of that when it comes is kept from now on, not from when it was still good.
    let lastUse = max(freshUntil, whileRevalidatingUntil, ifErrorUntil, received)
    var kept = hasValidator ? rules.keepsForValidationNanoseconds : 0
    if !requiresValidationWhenStale(directives) { kept = max(kept, rules.keepsForDisconnectionNanoseconds) }
    return EntryTimes(
      birth: birth, receivedAt: received, freshUntil: freshUntil,
      staleWhileRevalidateUntil: whileRevalidatingUntil, staleIfErrorUntil: ifErrorUntil,
      reclaimAt: lastUse.advanced(byNanoseconds: kept))
  }

  /// The moments of a response that is used once and not stored: it has an age, and nothing else.
  static func timesOfUnstored(_ fields: HeaderFields, exchange: ExchangeTimes) -> EntryTimes {
    let date = dateValue(of: fields, known: .date, now: exchange.receivedUnix)
    let initialAge = correctedInitialAge(of: fields, date: date, exchange: exchange)
    let received = exchange.receivedAt
    return EntryTimes(
      birth: received.advanced(byNanoseconds: Int64(0).subtractingSaturated(initialAge)), receivedAt: received,
      freshUntil: received, staleWhileRevalidateUntil: received, staleIfErrorUntil: received, reclaimAt: received)
  }

  /// Whether the origin has expressly forbidden every use of a stale response (§4.2.4).
  private static func forbidsStale(_ directives: ResponseDirectives) -> Bool {
    directives.noCache || !directives.flags.isDisjoint(with: [.mustRevalidate, .proxyRevalidate])
  }

  /// The same, `s-maxage` included, which implies `proxy-revalidate` (§5.2.2.10).
  static func requiresValidationWhenStale(_ directives: ResponseDirectives) -> Bool {
    forbidsStale(directives) || directives.sMaxage != nil
  }

  private static func staleWindow(
    _ seconds: Int64?, policy: Int64, directives: ResponseDirectives, rules: CachingRules
  ) -> Int64 {
    if !rules.respectsResponseDirectives, policy > 0 { return policy }
    if directives.sMaxage != nil {
      // Only the origin can take back what its s-maxage implies.
      return rules.staleExtensionsOverrideSharedMaxAge ? (seconds ?? 0).secondsAsNanoseconds : 0
    }
    return seconds?.secondsAsNanoseconds ?? policy
  }
}

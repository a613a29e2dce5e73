//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// Whether a shared cache may store a response, and how (§3).
  ///
  /// Only the head is looked at.
  ///
  /// - Parameters:
  ///   - exchange: When it was asked for and when it came.
  ///   - lifetimeScale: What lifetimes are multiplied by, at most 1, so that what was stored together does not expire
  ///     together.
  static func storability(
    of response: CacheResponse, to request: CacheRequest, exchange: ExchangeTimes, rules: CachingRules,
    lifetimeScale: Double = 1
  ) -> Storability {
    let fields = response.fields
    let directives: ResponseDirectives
    let isTargeted: Bool
    if rules.mayTarget(fields.presence) {
      (directives, isTargeted) = RFC9213.effectiveDirectives(of: fields, targetedFields: rules.targetedFields)
    } else {
      directives = ResponseDirectives(fields)
      isTargeted = false
    }
    let hasExplicitLifetime = hasExplicitLifetime(fields, directives: directives, isTargeted: isTargeted)

    var traits: EntryTraits = []
    if !rules.storesMethod(request.method) {
      guard rules.storesPostForGet, hasExplicitLifetime, answersGet(response, to: request) else {
        return .refuse(.method)
      }
      traits.insert(.fromPost)
    }
    if let refusal = refusal(of: response, to: request, directives: directives, rules: rules) {
      return .refuse(refusal)
    }
    let hasSetCookie = fields.contains(KnownHeader.setCookie)
    if hasSetCookie, rules.setCookies == .refuse { return .refuse(.setCookie) }
    var vary = VarySelection.none
    if fields.contains(KnownHeader.vary) {
      switch varySelection(of: fields, limit: rules.maximumVaryFields) {
      case .failure(let refusal): return .refuse(refusal.reason)
      case .success(let selection): vary = selection
      }
    }

    let date = dateValue(of: fields, known: .date, now: exchange.receivedUnix)
    var freshness = freshness(
      status: response.status, fields: fields, directives: directives, isTargeted: isTargeted, date: date,
      receivedUnix: exchange.receivedUnix, rules: rules)
    // Where the policy's lifetimes come first, the response may have one of its own all the same.
    var explicitLifetime = freshness.source == .response ? freshness.lifetime : 0
    if freshness.source == .policy {
      let personalReason = rules.personalReason(request.fields)
      var own = Freshness(lifetime: 0, source: .none)
      if hasExplicitLifetime || personalReason != nil {
        own = ownFreshness(
          status: response.status, fields: fields, directives: directives, isTargeted: isTargeted, date: date,
          receivedUnix: exchange.receivedUnix, rules: rules)
        if own.source == .response { explicitLifetime = own.lifetime }
      }
      if explicitLifetime <= 0 {
        if let personalReason {
          // A guess counts as the origin's, but for no longer than the policy lets anybody have the response.
          guard own.lifetime > 0 else { return .refuse(personalReason) }
          freshness = Freshness(lifetime: min(own.lifetime, freshness.lifetime), source: own.source)
        } else {
          traits.insert(.policyLifetime)
        }
      }
    }
    // §3, the last condition: something must say that the response is meant to be stored.
    guard
      hasExplicitLifetime || directives.isPublic || freshness.source == .policy
        || isHeuristicallyCacheable(status: response.status)
    else { return .refuse(.noLifetime) }

    let initialAge = correctedInitialAge(of: fields, date: date, exchange: exchange)
    if hasSetCookie, rules.setCookies == .whenExplicit, explicitLifetime <= initialAge || directives.noCache {
      return .refuse(.setCookie)
    }
    // Also without its cookie: the page that comes with it is likely to be one user's own.
    if hasSetCookie, rules.setCookies == .strip, freshness.source == .heuristic { return .refuse(.setCookie) }
    let hasValidator = hasValidator(fields) || (rules.givesValidators && response.status == 200)
    let times = entryTimes(
      freshness: freshness, initialAge: initialAge, directives: directives,
      hasValidator: hasValidator, exchange: exchange, rules: rules, lifetimeScale: lifetimeScale)
    // What could neither be used nor validated would only take room.
    guard hasValidator || (!directives.noCache && times.reclaimAt > exchange.receivedAt) else {
      return .refuse(.noLifetime)
    }

    if directives.noCache { traits.insert(.alwaysValidate) }
    if requiresValidationWhenStale(directives) { traits.insert(.mustRevalidate) }
    if freshness.source == .heuristic { traits.insert(.heuristic) }
    if hasValidator { traits.insert(.hasValidator) }
    if directives.flags.contains(.immutable) { traits.insert(.immutable) }
    if request.fields.contains(KnownHeader.authorization) { traits.insert(.authorized) }
    if response.status == 206 { traits.insert(.partial) }
    return .store(
      StorePlan(
        times: times, traits: traits,
        fields: storedFields(
          of: fields, directives: directives, date: date, rules: rules, receivedUnix: exchange.receivedUnix),
        vary: vary))
  }

  /// What in status, directives and request forbids to store the response; nil when nothing does.
  private static func refusal(
    of response: CacheResponse, to request: CacheRequest, directives: ResponseDirectives, rules: CachingRules
  ) -> StoreRefusal? {
    let status = response.status
    guard (200...999).contains(status) else { return .status }
    if status == 206 {
      guard rules.storesPartialContent, ContentRange(response.fields) != nil else { return .partial }
    } else if !rules.storesStatus(status) {
      return .status
    }
    let mustUnderstand = directives.flags.contains(.mustUnderstand)
    if mustUnderstand, !isUnderstood(status: status) { return .mustUnderstand }
    // §5.2.2.3: no-store beside must-understand is for caches that do not know the latter.
    if directives.noStore, !mustUnderstand, !rules.ignoresNoStore { return .noStore }
    if !RequestDirectives.isAbsent(in: request.fields.presence), RequestDirectives(request.fields).noStore {
      return .requestNoStore
    }
    if directives.isPrivate, !rules.ignoresPrivate { return .isPrivate }
    if request.fields.contains(KnownHeader.authorization), !rules.storesAuthorized,
      !directives.isPublic, directives.sMaxage == nil, !directives.flags.contains(.mustRevalidate)
    {
      return .authorization
    }
    return nil
  }

  /// Whether the response itself gives its lifetime (§4.2.1).
  static func hasExplicitLifetime(_ fields: HeaderFields, directives: ResponseDirectives, isTargeted: Bool) -> Bool {
    directives.maxAge != nil || directives.sMaxage != nil
      || (!isTargeted && fields.contains(KnownHeader.expires))
  }

  /// Whether the response can be validated later (§4.3.1).
  static func hasValidator(_ fields: HeaderFields) -> Bool {
    if fields.withFirstValue(of: .etag, EntityTag.isPresent) == true { return true }
    return fields.withFirstValue(of: .lastModified, { HTTPDate.parse($0) != nil }) == true
  }

  /// Whether the response to an unsafe or bodied request is also what GET of its target would give (RFC 9110 §9.3.3).
  private static func answersGet(_ response: CacheResponse, to request: CacheRequest) -> Bool {
    guard request.method == .post || request.method == .query, response.status == 200 else { return false }
    let locations = response.fields.values(of: .contentLocation)
    guard locations.count == 1, let location = locations.first,
      let target = TargetURI(request).resolving(location)
    else { return false }
    return target == TargetURI(request)
  }

  /// How many octets of content a complete response has (RFC 9112 §6.3, §3.3); nil when its head does not say.
  static func expectedLength(_ fields: HeaderFields, status: Int, method: RequestMethod) -> Int? {
    if method == .head || (100..<200).contains(status) || status == 204 || status == 304 { return 0 }
    if fields.contains(KnownHeader.transferEncoding) { return nil }
    return contentLength(of: fields)
  }

  /// Whether there is one `Content-Length`, and it is `length` written in the usual way.
  static func isLength(_ length: Int, of fields: HeaderFields) -> Bool {
    guard let position = fields.position(of: .contentLength),
      fields.position(of: .contentLength, from: position + 1) == nil
    else { return false }
    return fields.withValue(at: position) { value in
      var rest = length
      for offset in stride(from: value.count - 1, through: 0, by: -1) {
        guard value[offset] == UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10) else { return false }
        rest /= 10
      }
      return rest == 0 && !value.isEmpty
    }
  }

  /// The value of `Content-Length`; nil when it is missing or invalid. The same number several times counts once
  /// (RFC 9110 §8.6).
  static func contentLength(of fields: HeaderFields) -> Int? {
    var length: Int?
    var isValid = true
    fields.forEachValue(of: KnownHeader.contentLength) { value in
      var members = ListCursor(0..<value.count)
      while let member = members.next(in: value) {
        let number = FieldSyntax.number(value, member.range)
        if number == nil || number == .max || (length != nil && length != number) { isValid = false }
        length = number
      }
    }
    return isValid ? length : nil
  }
}

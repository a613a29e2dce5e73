//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// Fields between a proxy and its next neighbour (§3.1).
  private static let proxySpecific =
    KnownHeader.proxyAuthenticate.bit | KnownHeader.proxyAuthenticationInfo.bit | KnownHeader.proxyAuthorization.bit

  /// The fields that may be passed on: without those of the connection, and those that `Connection` lists
  /// (RFC 9110 §7.6.1).
  ///
  /// - Parameter receivedUnix: When the message was received, if it is a response: it gets a `Date` when it has none,
  ///   as RFC 9110 §6.6.1 demands of whoever passes it on.
  /// - Complexity: O(1) when there are none of them.
  static func fieldsWithoutHopByHop(_ fields: HeaderFields, receivedUnix: UnixTime? = nil) -> HeaderFields {
    var result = ConnectionFields.removed(from: fields)
    if let receivedUnix, !result.contains(KnownHeader.date) {
      result.append(KnownHeader.date, HTTPDate.format(receivedUnix))
    }
    return result
  }

  /// The fields of an answer that is made of a response which is not stored: those that may be passed on, without `Age`,
  /// which every answer gets anew (§5.1).
  static func answeredFields(_ fields: HeaderFields, receivedUnix: UnixTime) -> HeaderFields {
    fieldsWithoutHopByHop(fields, receivedUnix: receivedUnix).filter { $0.known != .age }
  }

  /// The header section to store for a response with `fields` (§3.1).
  ///
  /// Left out are the fields of the connection and those it lists, those of a proxy's authentication, those that
  /// `no-cache` and `private` list, `Age` (which becomes part of the entry's times), and what the rules do not want.
  /// `Date` is added where there is none that is valid, as RFC 9110 §6.6.1 has recipients with a clock do.
  ///
  /// - Parameter date: What `fields` have as `Date`, if that is valid.
  static func storedFields(
    of fields: HeaderFields, directives: ResponseDirectives, date: UnixTime?, rules: CachingRules,
    receivedUnix: UnixTime
  ) -> HeaderFields {
    let isDateValid = date != nil
    var dropped = ConnectionFields.known | proxySpecific | KnownHeader.age.bit
    if rules.setCookies == .strip { dropped |= KnownHeader.setCookie.bit }
    if !isDateValid { dropped |= KnownHeader.date.bit }
    // The usual case: nothing is left out, and nothing has to be looked at for that.
    if fields.presence & dropped == 0, isDateValid, directives.noCacheFields.isEmpty,
      directives.privateFields.isEmpty, rules.storedFieldNames == nil
    {
      return fields
    }
    let listed = ConnectionFields.listed(in: fields)
    var withheld = NameSet(directives.noCacheFields)
    if !rules.ignoresPrivate { withheld.formUnion(NameSet(directives.privateFields)) }
    var stored = fields.filter { view in
      if let known = view.known, known.bit & dropped != 0 { return false }
      if listed.contains(view) || withheld.contains(view) { return false }
      guard let allowed = rules.storedFieldNames else { return true }
      return isNeededForCaching(view, rules: rules) || allowed.contains { view.isNamed($0) }
    }
    // A connection option or directive may name Date; what is stored has one all the same, its times depend on it.
    if !stored.contains(KnownHeader.date) {
      let date = isDateValid ? fields.withFirstValue(of: .date) { FieldSyntax.text($0, 0..<$0.count) } : nil
      stored.append(KnownHeader.date, date ?? HTTPDate.format(receivedUnix))
    }
    return stored
  }

  /// Whether the content of a response may be changed on its way, compressed for instance (§5.2.2.6).
  static func allowsTransformation(of fields: HeaderFields, rules: CachingRules) -> Bool {
    guard fields.contains(KnownHeader.cacheControl) || rules.targetedFields.contains(where: fields.contains) else {
      return true
    }
    // Not a matter of caching: it is for every intermediary, whether or not a targeted field speaks to this one.
    let targeted = RFC9213.effectiveDirectives(of: fields, targetedFields: rules.targetedFields).directives
    return !targeted.flags.contains(.noTransform) && !ResponseDirectives(fields).flags.contains(.noTransform)
  }

  /// Fields without which a stored response could not be used as HTTP wants it.
  private static let neededForCaching =
    KnownHeader.cacheControl.bit | KnownHeader.date.bit | KnownHeader.etag.bit | KnownHeader.expires.bit
    | KnownHeader.lastModified.bit | KnownHeader.vary.bit | KnownHeader.location.bit | KnownHeader.cacheGroups.bit
    | KnownHeader.noVarySearch.bit | KnownHeader.cdnCacheControl.bit

  private static func isNeededForCaching(_ view: HeaderFields.View, rules: CachingRules) -> Bool {
    if let known = view.known, known.bit & neededForCaching != 0 { return true }
    return view.hasName(startingWith: "content-") || rules.targetedFields.contains { view.isNamed($0) }
  }

  /// The `Set-Cookie` fields of a response.
  static func setCookies(of fields: HeaderFields) -> HeaderFields {
    fields.contains(KnownHeader.setCookie) ? fields.filter { $0.known == .setCookie } : HeaderFields()
  }

  /// The stored header section after a 304, or a response to HEAD, has brought news of it (§3.2).
  ///
  /// Each field of the new section replaces those of its name. Not taken over are the fields that are not stored
  /// anyway, and those that describe the stored octets, which have not changed: `Content-Length`, `Content-Encoding`,
  /// `Content-Range`, `Transfer-Encoding` and the digests of the content. `Age` is taken over, and dropped again by
  /// ``storability(of:to:exchange:rules:lifetimeScale:)``, which is to be asked next. `Set-Cookie` is not taken over: it is for
  /// the client that has caused the new section (``setCookies(of:)``). A new section without `Date`
  /// counts from its exchange: the old `Date` goes.
  ///
  /// A weak entity tag stays as it is stored, although the new section may have its strong form: several
  /// representations may have been given the weak one, and the strong one may name another of them. So what describes the
  /// octets of one representation stays with it: its type and its digests.
  static func freshened(_ stored: HeaderFields, with response304: HeaderFields) -> HeaderFields {
    let listed = ConnectionFields.listed(in: response304)
    var kept =
      ConnectionFields.known | proxySpecific | KnownHeader.contentLength.bit | KnownHeader.contentEncoding.bit
      | KnownHeader.contentRange.bit | KnownHeader.setCookie.bit | KnownHeader.trailer.bit
    let hasWeakTag = stored.withFirstValue(of: .etag) { !EntityTag.isStrong($0, 0..<$0.count) } ?? false
    var keptNames = RFC9110.contentDigests
    if hasWeakTag {
      kept |= KnownHeader.etag.bit | KnownHeader.contentType.bit
      keptNames += RFC9110.representationDigests
    }
    let news = response304.filter { view in
      if let known = view.known, known.bit & kept != 0 { return false }
      return !listed.contains(view) && !keptNames.contains { view.isNamed($0) }
    }
    let replaced = NameSet(namesOf: news)
    var result = stored.filter { view in
      if view.known == .date || view.known == .age { return false }
      return !replaced.contains(view)
    }
    result.append(contentsOf: news)
    return result
  }
}

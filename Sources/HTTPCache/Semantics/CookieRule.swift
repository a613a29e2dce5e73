//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The cookies of a request that may make its response one user's own.
///
/// A response without `Cache-Control`, `Expires` and `Last-Modified` says nothing about who may have it. When a policy gives
/// it a lifetime all the same (``CachePolicy/timeToLive`` and the like), that lifetime does not apply to requests with such a
/// cookie: their responses are not stored, and they are not answered with a response that has no other lifetime. What the
/// origin itself gives a lifetime is not concerned. Requests with `Authorization` are treated likewise, whatever the rule.
///
/// ```swift
/// policy.cookies = .personal(except: ["_ga", "_ga_*"])     // all but those of analytics
/// policy.cookies = .personal(["session", "wordpress_*"])   // these alone: no other cookie tells users apart
/// ```
///
/// A name that ends in `*` stands for all that begin so. Names of cookies are case-sensitive (RFC 6265 §5.3).
public struct CookieRule: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    case all
    case none
    case only([String])
    case except([String])
  }
  let kind: Kind

  /// Every cookie is personal.
  public static let allPersonal = CookieRule(kind: .all)
  /// No cookie is: the policy's lifetimes apply to all requests. Only for sites, or routes, that give everybody the same.
  public static let nonePersonal = CookieRule(kind: .none)
  /// Only cookies with these names are personal. For sites that know all cookies they set: a session cookie that is missing
  /// from the list lets its users have each other's pages.
  public static func personal(_ names: [String]) -> CookieRule { CookieRule(kind: .only(names)) }
  /// All cookies but those with these names are personal.
  public static func personal(except names: [String]) -> CookieRule { CookieRule(kind: .except(names)) }

  /// Why the rule makes no sense; nil when it does.
  var mistake: String? {
    let names: [String]
    switch kind {
    case .all, .none: return nil
    // Likelier a list that somebody has forgotten to fill than the wish to give everybody the same.
    case .only([]): return "no names: give those of the cookies that are personal, or .nonePersonal if none is"
    case .only(let list), .except(let list): names = list
    }
    for name in names {
      if name == "*" { return "\"*\", which is every name: give .allPersonal or .nonePersonal" }
      let isName =
        !name.isEmpty && !name.dropLast().utf8.contains(UInt8(ascii: "*"))
        && name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != ASCII.semicolon && $0 != ASCII.equals }
      if !isName { return "\"\(name)\": give names of cookies, with * at the end at most, for all that begin so" }
    }
    return nil
  }

  /// Whether `fields` have a personal cookie (RFC 6265 §5.4).
  func findsPersonalCookie(in fields: HeaderFields) -> Bool {
    guard fields.contains(KnownHeader.cookie), kind != .none else { return false }
    var isFound = false
    fields.forEachValue(of: KnownHeader.cookie) { value in
      if isFound { return }
      var start = 0
      while start < value.count, !isFound {
        var end = start
        while end < value.count, !Self.endsCookie(value[end]) { end += 1 }
        let pair = FieldSyntax.trimmed(value, start..<end)
        if !pair.isEmpty { isFound = isPersonal(value, pair) }
        start = end + 1
      }
    }
    return isFound
  }

  /// Whether a cookie ends before `octet`, to some server at least: a comma ends one by RFC 2965 §3.3.4, and none of these may
  /// stand in one (RFC 6265 §4.1.1).
  private static func endsCookie(_ octet: UInt8) -> Bool {
    octet == ASCII.semicolon || octet == ASCII.comma || octet == ASCII.space || octet == ASCII.tab
  }

  /// Whether the cookie that stands at `pair` is personal. What has no equals sign counts as a name.
  private func isPersonal(_ value: Span<UInt8>, _ pair: Range<Int>) -> Bool {
    func isNamed(_ names: [String]) -> Bool {
      var end = pair.lowerBound
      while end < pair.upperBound, value[end] != ASCII.equals { end += 1 }
      let name = FieldSyntax.trimmed(value, pair.lowerBound..<end)
      return names.contains { matches($0, value, name) }
    }
    return switch kind {
    case .all: true
    case .none: false
    case .only(let names): isNamed(names)
    case .except(let names): !isNamed(names)
    }
  }

  private func matches(_ pattern: String, _ value: Span<UInt8>, _ name: Range<Int>) -> Bool {
    let pattern = pattern.utf8
    let isPrefix = pattern.last == UInt8(ascii: "*")
    let count = pattern.count - (isPrefix ? 1 : 0)
    guard isPrefix ? name.count >= count : name.count == count else { return false }
    let listsPersonal = if case .only = kind { true } else { false }
    return pattern.prefix(count).enumerated().allSatisfy { offset, expected in
      let octet = value[name.lowerBound + offset]
      // To PHP, `a.b` and `a[b` are `a_b`.
      return octet == expected
        || listsPersonal && expected == UInt8(ascii: "_") && (octet == UInt8(ascii: ".") || octet == UInt8(ascii: "["))
    }
  }
}

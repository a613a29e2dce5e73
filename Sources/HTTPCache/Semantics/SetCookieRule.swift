//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What to do with a response that sets a cookie, which HTTP lets a shared cache store (RFC 9111 §7.3) although the
/// cookie is nearly always meant for one user.
public struct SetCookieRule: Hashable, Sendable {
  enum Kind: Hashable, Sendable { case refuse, whenExplicit, strip, store }
  let kind: Kind

  /// It is not stored.
  public static let refuse = SetCookieRule(kind: .refuse)
  /// It is stored, cookie and all, if the response itself gives a lifetime that is not over when it comes: with `max-age`,
  /// `s-maxage`, `Expires` or a targeted field (RFC 9213). `public` alone, or a lifetime that only the policy or a heuristic
  /// gives, is not enough; nor is any lifetime beside `no-cache`.
  public static let whenExplicit = SetCookieRule(kind: .whenExplicit)
  /// Such a response is stored without its `Set-Cookie` fields, unless only a heuristic gives it a lifetime.
  public static let strip = SetCookieRule(kind: .strip)
  /// It is stored, cookie and all, like any other response.
  public static let store = SetCookieRule(kind: .store)
}

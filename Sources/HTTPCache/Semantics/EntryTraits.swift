//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a stored response demands or allows, worked out once when it is stored.
public struct EntryTraits: OptionSet, Hashable, Sendable {
  /// One bit for each trait.
  public let rawValue: UInt16

  /// Traits from their bits.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// Must not be used without successful validation, fresh or not (`no-cache`, RFC 9111 §5.2.2.4).
  public static let alwaysValidate = EntryTraits(rawValue: 1 << 0)
  /// Must not be used once stale without successful validation (`must-revalidate`, `proxy-revalidate`, `s-maxage`,
  /// RFC 9111 §5.2.2.2, §5.2.2.8, §5.2.2.10).
  public static let mustRevalidate = EntryTraits(rawValue: 1 << 1)
  /// Its lifetime is a guess (RFC 9111 §4.2.2).
  public static let heuristic = EntryTraits(rawValue: 1 << 2)
  /// It carries an `ETag` or a `Last-Modified`, so it can be validated (RFC 9111 §4.3).
  public static let hasValidator = EntryTraits(rawValue: 1 << 3)
  /// `immutable`: a client's reload need not be passed on while it is fresh (RFC 8246).
  public static let immutable = EntryTraits(rawValue: 1 << 4)
  /// It was asked for with `Authorization`, and the response allows sharing (RFC 9111 §3.5).
  public static let authorized = EntryTraits(rawValue: 1 << 5)
  /// It holds parts of a representation only (RFC 9111 §3.3).
  public static let partial = EntryTraits(rawValue: 1 << 6)
  /// It is no response but the list of the fields that select among the variants of its URL (RFC 9111 §4.1).
  public static let variantIndex = EntryTraits(rawValue: 1 << 7)
  /// It was stored although it was an answer to a method other than GET (RFC 9110 §9.3.3).
  public static let fromPost = EntryTraits(rawValue: 1 << 8)
  /// Its lifetime is the policy's alone: requests with personal cookies (``CookieRule``) or `Authorization` are not answered with it.
  public static let policyLifetime = EntryTraits(rawValue: 1 << 9)

  /// All of those above: what a store may hold in a bit beyond them is from a later version, which knows what it demands.
  static let all = EntryTraits(rawValue: (1 << 10) - 1)
}

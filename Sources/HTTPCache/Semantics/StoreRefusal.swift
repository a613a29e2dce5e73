//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Why a response was not stored.
public enum StoreRefusal: String, Hashable, Sendable, CaseIterable {
  /// The method's responses are not stored (RFC 9111 §3).
  case method = "method"
  /// The status is not one that is stored, or is not final (RFC 9111 §3).
  case status = "status"
  /// `no-store` in the response (RFC 9111 §5.2.2.5).
  case noStore = "no-store"
  /// `no-store` in the request (RFC 9111 §5.2.1.5).
  case requestNoStore = "request-no-store"
  /// `private` in the response (RFC 9111 §5.2.2.7).
  case isPrivate = "private"
  /// The request was authenticated and the response does not allow sharing (RFC 9111 §3.5).
  case authorization = "authorization"
  /// The response sets a cookie and does not say that it may be shared.
  case setCookie = "set-cookie"
  /// Only the policy would give the response a lifetime, and the request has a cookie that may make the response one
  /// user's own (``CookieRule``).
  case cookie = "cookie"
  /// `Vary: *` (RFC 9111 §4.1).
  case varyStar = "vary-star"
  /// `Vary` lists more fields than the cache is willing to select by.
  case varyLimit = "vary-limit"
  /// Neither the response nor the policy gives it a lifetime, and it could not be validated later (RFC 9111 §3).
  case noLifetime = "no-lifetime"
  /// `must-understand` with a status that the cache does not understand (RFC 9111 §5.2.2.3).
  case mustUnderstand = "must-understand"
  /// Partial content of a kind that is not stored (RFC 9111 §3.3).
  case partial = "partial"
  /// The body is smaller than the policy's minimum.
  case tooSmall = "too-small"
  /// The body is larger than the policy's maximum, or than the backend takes.
  case tooLarge = "too-large"
  /// The body broke off before it was complete (RFC 9111 §3.3).
  case truncated = "truncated"
  /// It was invalidated while it was being made.
  case invalidated = "invalidated"
  /// Its URL is one of too many new ones: it is stored when it is asked for again (``AdmissionPolicy``).
  case probation = "probation"
  /// Too many variants of its resource are stored already (``AdmissionPolicy/variantLimit``).
  case variantLimit = "variant-limit"
  /// It has more tags than are permitted, or others: storing it without them would lose invalidations.
  case tags = "tags"
  /// The backend failed.
  case backend = "backend"
  /// An error, in answer to a request that would have been answered with a fresh stored response if it had not demanded
  /// otherwise, or to a refresh without the credentials that the resource may need. The stored response stays.
  case demanded = "demanded"
  /// The answer to a request that was sent later has been stored meanwhile.
  case superseded = "superseded"
  /// The origin failed (5xx): nothing is stored, so that what is stored may still be served stale.
  case originError = "origin-error"

  /// Whether the reason lies in the request, and says nothing about the resource.
  var isForRequest: Bool {
    switch self {
    case .authorization, .cookie, .demanded, .requestNoStore, .method, .partial, .superseded: true
    default: false
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// Whether a stored response must go because the origin has answered something that may not be stored (§4.3.3).
  ///
  /// A full response says that the stored one is not suitable for the request that it answers. Anybody can make a request that
  /// is answered with an error, or with something for one user, so that does not count against a response that may go on to
  /// be used: not while it is fresh, nor for as long as it may stand in for an origin that fails. For the cache's own request
  /// it does, unless that lacks credentials which the answer may depend on.
  static func supersedes(
    status: Int, refusal: StoreRefusal, times: EntryTimes, traits: EntryTraits, cause: RefreshCause, now: CacheInstant
  ) -> Bool {
    guard !refusal.isForRequest, isAboutResource(status: status) else { return false }
    switch cause {
    case .cache(withholdsCredentials: false): return true
    case .cache(withholdsCredentials: true):
      if traits.contains(.authorized) { return false }
      return status >= 400 || !isServable(times: times, traits: traits, now: now)
    case .client(let hasCredentials):
      return !hasCredentials && !isServable(times: times, traits: traits, now: now)
    }
  }

  /// Whether a response says something about the resource, so that another one which the origin no longer has cannot be
  /// right: a client may cause other errors at will (§4.3.3).
  static func isAboutResource(status: Int) -> Bool { status < 400 || status == 404 || status == 410 }

  /// Whether an error that could be stored is kept from replacing what is stored: a client has demanded it although a fresh
  /// response is there, or it may be an answer to missing credentials.
  static func keepsStored(
    despite status: Int, stored: Int, times: EntryTimes, traits: EntryTraits, cause: RefreshCause, now: CacheInstant
  ) -> Bool {
    guard status >= 400, stored < 400 else { return false }
    return switch cause {
    case .client: isFresh(times: times, traits: traits, now: now)
    case .cache(let withholdsCredentials):
      withholdsCredentials && (traits.contains(.authorized) || (status != 404 && status != 410))
    }
  }

  /// Whether a response may be used without being validated (§4.2).
  static func isFresh(times: EntryTimes, traits: EntryTraits, now: CacheInstant) -> Bool {
    !traits.contains(.alwaysValidate) && now < times.freshUntil
  }

  /// Whether a response may be used without being validated, or when the origin fails.
  static func isServable(times: EntryTimes, traits: EntryTraits, now: CacheInstant) -> Bool {
    !traits.contains(.alwaysValidate) && (now < times.freshUntil || now < times.staleIfErrorUntil)
  }
}

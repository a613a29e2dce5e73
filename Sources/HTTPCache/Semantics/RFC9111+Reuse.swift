//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9111 {
  /// What a stored response is good for now (§4, §4.2.4, §5.2.1; RFC 5861 §3; RFC 8246).
  ///
  /// For a request without directives this is two or three comparisons of integers.
  @inline(__always)
  static func verdict(
    times: EntryTimes, traits: EntryTraits, directives: RequestDirectives, now: CacheInstant, rules: CachingRules
  ) -> Verdict {
    if traits.contains(.policyLifetime), directives.isPersonal { return .validate(.request) }
    if !directives.areNone {
      return verdictOnDemand(
        times: times, traits: traits,
        directives: rules.respectsRequestDirectives ? directives : directives.withoutDemands, now: now, rules: rules)
    }
    return plainVerdict(times: times, traits: traits, now: now, rules: rules)
  }

  /// Whether a response may answer a request that did not cause it, without being validated for it (§4): because it is
  /// fresh, or stale within a window in which that is allowed, and neither the response nor the request demands validation.
  ///
  /// Decides what a lookup decides, for those who share a call to the origin instead of finding its response stored.
  @inline(__always)
  static func mayReuse(
    times: EntryTimes, traits: EntryTraits, directives: RequestDirectives, now: CacheInstant, rules: CachingRules
  ) -> Bool {
    if case .validate = verdict(times: times, traits: traits, directives: directives, now: now, rules: rules) {
      return false
    }
    return true
  }

  @inline(__always)
  private static func plainVerdict(
    times: EntryTimes, traits: EntryTraits, now: CacheInstant, rules: CachingRules
  ) -> Verdict {
    if traits.contains(.alwaysValidate) { return .validate(.stale) }
    if now < times.freshUntil {
      let refreshFrom = times.freshUntil.nanoseconds.subtractingSaturated(rules.refreshBeforeNanoseconds)
      return now.nanoseconds < refreshFrom ? .serve : .serveAndRefresh
    }
    return now < times.staleWhileRevalidateUntil ? .serveStaleAndRevalidate : .validate(.stale)
  }

  private static func verdictOnDemand(
    times: EntryTimes, traits: EntryTraits, directives: RequestDirectives, now: CacheInstant, rules: CachingRules
  ) -> Verdict {
    let isFresh = now < times.freshUntil
    // RFC 9211 §2.2: the request is the reason only if it keeps a fresh response from being used.
    let onDemand: Verdict = .validate(isFresh && !traits.contains(.alwaysValidate) ? .request : .stale)
    if directives.noCache || traits.contains(.alwaysValidate) { return onDemand }
    // RFC 8246 §2: what never changes while it is fresh is as good old as young; only no-cache insists.
    let isImmutable = isFresh && traits.contains(.immutable)
    if let maxAge = directives.maxAge, !isImmutable {
      let age = now.nanoseconds.subtractingSaturated(times.birth.nanoseconds)
      // Zero is how clients say "ask again", also within the clock's tick in which the response came.
      if maxAge == 0 || age > maxAge.secondsAsNanoseconds { return onDemand }
    }
    if let minFresh = directives.minFresh {
      let remaining = times.freshUntil.nanoseconds.subtractingSaturated(now.nanoseconds)
      if remaining < minFresh.secondsAsNanoseconds { return onDemand }
    }
    if isFresh { return plainVerdict(times: times, traits: traits, now: now, rules: rules) }
    if let maxStale = directives.maxStale {
      // A client's patience reads no response that was never for others: personal pages are often marked so.
      if !traits.contains(.mustRevalidate), times.haveBeenFresh, isAccepted(maxStale, times: times, now: now) {
        // In the window it is refreshed as well: the client's patience is no reason to leave it stale for all.
        return now < times.staleWhileRevalidateUntil ? .serveStaleAndRevalidate : .serveStale(.maxStale)
      }
    }
    // §5.2.1.1: with max-age but without max-stale, no stale response is wanted.
    if directives.maxAge != nil, directives.maxStale == nil { return .validate(.stale) }
    return plainVerdict(times: times, traits: traits, now: now, rules: rules)
  }

  private static func isAccepted(_ maxStale: RequestDirectives.MaxStale, times: EntryTimes, now: CacheInstant) -> Bool {
    switch maxStale {
    case .any: true
    case .seconds(let seconds):
      now.nanoseconds.subtractingSaturated(times.freshUntil.nanoseconds) <= seconds.secondsAsNanoseconds
    }
  }

  /// Whether a status says that the origin has failed, so that something stale may be better (RFC 5861 §4).
  static func isOriginFailure(_ status: Int) -> Bool {
    status == 500 || status == 502 || status == 503 || status == 504
  }

  /// Whether a stored response may be sent when the origin has failed, with an error (5xx) or without an answer
  /// (§4.2.4, §4.3.3; RFC 5861 §4).
  ///
  /// Within the window that the response or the policy gives, or that the client asks for where the origin does not
  /// forbid it. A client that says `no-cache` gets the error.
  static func mayServeOnError(
    times: EntryTimes, traits: EntryTraits, directives: RequestDirectives, now: CacheInstant, rules: CachingRules
  ) -> Bool {
    if traits.contains(.alwaysValidate) { return false }
    if directives.noCache, rules.respectsRequestDirectives { return false }
    if traits.contains(.policyLifetime), directives.isPersonal { return false }
    if now < times.freshUntil || now < times.staleIfErrorUntil { return true }
    guard let seconds = directives.staleIfError, !traits.contains(.mustRevalidate), times.haveBeenFresh else {
      return false
    }
    return now.nanoseconds.subtractingSaturated(times.freshUntil.nanoseconds) < seconds.secondsAsNanoseconds
  }

  /// Whether a stored response may be sent although the origin has not answered in time (§4.2.4; the soft timeout):
  /// it was fresh once, nothing in it forbids that, and the client has not said that it wants no stale one.
  static func mayServeUnvalidated(
    times: EntryTimes, traits: EntryTraits, directives: RequestDirectives, now: CacheInstant
  ) -> Bool {
    if traits.contains(.alwaysValidate) || directives.noCache { return false }
    if traits.contains(.policyLifetime), directives.isPersonal { return false }
    if now < times.freshUntil { return true }
    if now < times.staleWhileRevalidateUntil || now < times.staleIfErrorUntil { return true }
    if traits.contains(.mustRevalidate) || !times.haveBeenFresh { return false }
    if let maxStale = directives.maxStale { return isAccepted(maxStale, times: times, now: now) }
    return directives.maxAge == nil && directives.minFresh == nil
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The effects of a response that is not stored on the one that is, and on the requests to come.
extension CacheLayer {
  /// Removes the stored response of `plan` if it must go because of an answer that may not be stored.
  nonisolated func removeSuperseded(
    by status: Int, _ refusal: StoreRefusal, _ flight: Flight, _ plan: FetchPlan, at now: CacheInstant
  ) async {
    guard let stored = plan.stored, !isSuperseded(flight, plan, requestedAt: .distantPast),
      RFC9111.supersedes(
        status: status, refusal: refusal, times: stored.times, traits: stored.traits, cause: cause(flight, plan),
        now: now)
    else { return }
    await remove(stored.key)
  }

  /// Whether the stored response of `plan` stays although an error could be stored in its place.
  nonisolated func keepsStored(
    despite status: Int, _ flight: Flight, _ plan: FetchPlan, at now: CacheInstant
  ) -> Bool {
    guard status >= 400, let stored = plan.stored else { return false }
    return RFC9111.keepsStored(
      despite: status, stored: stored.status, times: stored.times, traits: stored.traits, cause: cause(flight, plan),
      now: now)
  }

  private nonisolated func cause(_ flight: Flight, _ plan: FetchPlan) -> RefreshCause {
    flight.isRefresh
      ? .cache(withholdsCredentials: plan.withholdsCredentials)
      : .client(hasCredentials: FetchPlan.hasCredentials(plan.request.fields))
  }

  /// Remembers that the requests for a resource need not wait for each other, as far as the answer says something about the
  /// resource: an error, or an answer to what a client has demanded, may be that client's doing.
  nonisolated func noteUncacheable(_ status: Int, _ flight: Flight, _ plan: FetchPlan, at now: CacheInstant) {
    guard !flight.isRefresh, !plan.isNeutral, RFC9111.isAboutResource(status: status) else { return }
    if let stored = plan.stored, RFC9111.isServable(times: stored.times, traits: stored.traits, now: now) { return }
    rememberUncacheable(
      Self.uncacheableKey(flight.key, of: plan.request), for: plan.policy.policy.uncacheableTimeToLive)
  }

  /// Returns the key under which a resource is remembered as uncacheable, another one for requests with cookies: a response
  /// that is for one user because of a cookie says nothing about requests without any.
  static func uncacheableKey(_ key: CacheKey, of request: CacheRequest) -> CacheKey {
    request.fields.contains(KnownHeader.cookie) ? key.variant("cookie") : key
  }

  /// Whether a refresh of `entry` without the credentials of the request would be one of another entry: they select it (RFC
  /// 9111 §4.1), or are part of its key.
  nonisolated func needsCredentials(_ entry: CacheEntry, _ plan: FetchPlan) -> Bool {
    let request = plan.request
    guard FetchPlan.hasCredentials(request.fields) else { return false }
    if case .custom = plan.policy.policy.key.kind,
      key(of: FetchPlan.anonymous(request).request, plan.policy) != plan.key
    {
      return true
    }
    guard entry.fields.contains(KnownHeader.vary),
      case .success(let selection) = RFC9111.varySelection(of: entry.fields, limit: .max)
    else { return false }
    return FetchPlan.credentials.contains { selection.names.contains($0) && request.fields.contains($0) }
  }
}

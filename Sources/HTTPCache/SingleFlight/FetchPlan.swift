//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One request on its way to the origin: what is asked, by whom, and what is known already.
final class FetchPlan: Sendable {
  /// The client's request.
  let request: CacheRequest
  let directives: RequestDirectives
  let policy: ResolvedPolicy
  /// What a response is stored under, before `Vary`.
  let key: CacheKey
  let next: AnyService
  /// What is stored, and stale or in need of validation.
  let stored: CacheEntry?
  /// Parts that are stored, and fresh, but not all that is wanted.
  let partial: CacheEntry?
  /// A stored response that the origin has said it no longer has, by confirming another one (RFC 9111 §4.3.4).
  let outdated: CacheEntry?
  let reason: CacheOutcome.MissReason
  /// The store's last invalidation before the origin is asked; nil when the store could not say.
  let stamp: InvalidationStamp?
  /// How many flights had ended before the store was asked; nil where that does not matter.
  let landings: UInt64?
  /// When the request arrived.
  let startedAt: CacheInstant
  /// The scope of the handler further out that asks, for a response of its own.
  let outer: TagScope?
  /// Whether the request is the cache's own, made of a client's without the credentials which that had.
  let withholdsCredentials: Bool
  /// Whether the request is the cache's own, with no field by which a client could decide what comes of it.
  let isNeutral: Bool

  /// Whether nothing is stored for the resource.
  var isPlainMiss: Bool { stored == nil && partial == nil && reason != .variant }

  /// Whether what is stored is not for this request: only the policy gives it a lifetime, and the request is one user's own.
  /// Then it is not validated for that user, whose answer says nothing about it.
  var isStoredForOthers: Bool {
    guard directives.isPersonal, let stored else { return false }
    return stored.traits.contains(.policyLifetime) && !stored.traits.contains(.alwaysValidate)
  }

  /// Whether what is stored for the resource are variants, selected by fields of requests (RFC 9111 §4.1).
  var isAmongVariants: Bool { reason == .variant || (stored ?? partial ?? outdated).map { $0.key != key } ?? false }

  init(
    request: CacheRequest, directives: RequestDirectives, policy: ResolvedPolicy, key: CacheKey, next: AnyService,
    stored: CacheEntry?, partial: CacheEntry? = nil, outdated: CacheEntry? = nil, reason: CacheOutcome.MissReason,
    stamp: InvalidationStamp?, landings: UInt64? = nil, startedAt: CacheInstant, outer: TagScope?,
    withholdsCredentials: Bool = false, isNeutral: Bool = false
  ) {
    self.request = request
    self.directives = directives
    self.policy = policy
    self.key = key
    self.next = next
    self.stored = stored
    self.partial = partial
    self.outdated = outdated
    self.reason = reason
    self.stamp = stamp
    self.landings = landings
    self.startedAt = startedAt
    self.outer = outer
    self.withholdsCredentials = withholdsCredentials
    self.isNeutral = isNeutral
  }

  /// The same request, with nothing stored that could be confirmed: the origin has confirmed another response.
  func withoutStored() -> FetchPlan {
    FetchPlan(
      request: request, directives: directives, policy: policy, key: key, next: next, stored: nil, partial: partial,
      outdated: isStoredForOthers ? nil : stored, reason: reason, stamp: stamp, startedAt: startedAt, outer: outer,
      withholdsCredentials: withholdsCredentials, isNeutral: isNeutral)
  }

  /// The same request, with nothing stored that could be completed.
  func withoutPartial() -> FetchPlan {
    FetchPlan(
      request: request, directives: directives, policy: policy, key: key, next: next, stored: stored,
      outdated: outdated, reason: reason, stamp: stamp, startedAt: startedAt, outer: outer,
      withholdsCredentials: withholdsCredentials, isNeutral: isNeutral)
  }
}

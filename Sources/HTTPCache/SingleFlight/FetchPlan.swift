//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One request on its way to the origin: what is asked, by whom, and what is known already.
///
/// Immutable, and shared by all who have to do with the request; ``with(_:)`` makes another of it.
final class FetchPlan: Sendable {
  /// The client's request.
  let request: CacheRequest
  /// The demands of the request on the cache.
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
  /// How many flights had ended before the store was asked; nil where that is not known, or does not matter.
  let endedFlightCount: UInt64?
  /// When the request arrived.
  let startedAt: CacheInstant
  /// The scope of the handler further out that asks, for a response of its own.
  let outer: TagScope?
  /// Whether the request is the cache's own, made of a client's without the credentials which that had.
  let withholdsCredentials: Bool
  /// Whether the request is the cache's own, with no field by which a client could decide what comes of it.
  let isNeutral: Bool

  /// A request of which nothing is known to be stored.
  init(
    request: CacheRequest, directives: RequestDirectives = .none, policy: ResolvedPolicy, key: CacheKey,
    next: AnyService, stamp: InvalidationStamp? = nil, startedAt: CacheInstant, outer: TagScope? = nil
  ) {
    self.request = request
    self.directives = directives
    self.policy = policy
    self.key = key
    self.next = next
    self.stored = nil
    self.partial = nil
    self.outdated = nil
    self.reason = .absent
    self.stamp = stamp
    self.endedFlightCount = nil
    self.startedAt = startedAt
    self.outer = outer
    self.withholdsCredentials = false
    self.isNeutral = false
  }

  // MARK: Copies

  /// The parts of a plan that is copied. None has a default, so that no copy forgets one.
  struct Parts {
    var request: CacheRequest
    var directives: RequestDirectives
    let policy: ResolvedPolicy
    let key: CacheKey
    let next: AnyService
    var stored: CacheEntry?
    var partial: CacheEntry?
    var outdated: CacheEntry?
    var reason: CacheOutcome.MissReason
    var stamp: InvalidationStamp?
    var endedFlightCount: UInt64?
    var startedAt: CacheInstant
    var outer: TagScope?
    var withholdsCredentials: Bool
    var isNeutral: Bool

    init(_ plan: FetchPlan) {
      request = plan.request
      directives = plan.directives
      policy = plan.policy
      key = plan.key
      next = plan.next
      stored = plan.stored
      partial = plan.partial
      outdated = plan.outdated
      reason = plan.reason
      stamp = plan.stamp
      endedFlightCount = plan.endedFlightCount
      startedAt = plan.startedAt
      outer = plan.outer
      withholdsCredentials = plan.withholdsCredentials
      isNeutral = plan.isNeutral
    }
  }

  private init(_ parts: Parts) {
    request = parts.request
    directives = parts.directives
    policy = parts.policy
    key = parts.key
    next = parts.next
    stored = parts.stored
    partial = parts.partial
    outdated = parts.outdated
    reason = parts.reason
    stamp = parts.stamp
    endedFlightCount = parts.endedFlightCount
    startedAt = parts.startedAt
    outer = parts.outer
    withholdsCredentials = parts.withholdsCredentials
    isNeutral = parts.isNeutral
  }

  /// Returns the same plan but for what `change` changes. Nothing else copies a plan.
  func with(_ change: (inout Parts) -> Void) -> FetchPlan {
    var parts = Parts(self)
    change(&parts)
    return FetchPlan(parts)
  }

  /// The same request, with nothing stored that could be confirmed: the origin has confirmed another response.
  func withoutStored() -> FetchPlan {
    with {
      $0.outdated = isStoredForOthers ? nil : $0.stored
      $0.stored = nil
    }
  }

  /// The same request, with nothing stored that could be completed.
  func withoutPartial() -> FetchPlan { with { $0.partial = nil } }

  // MARK: What is stored

  /// Whether nothing is stored for the resource.
  var isPlainMiss: Bool {
    stored == nil && partial == nil && outdated == nil && reason != .variant
  }

  /// Whether what is stored is not for this request: only the policy gives it a lifetime, and the request is one user's own.
  /// Then it is not validated for that user, whose answer says nothing about it.
  var isStoredForOthers: Bool {
    guard directives.isPersonal, let stored else { return false }
    return stored.traits.contains(.policyLifetime) && !stored.traits.contains(.alwaysValidate)
  }

  /// Whether what is stored for the resource are variants, selected by fields of requests (RFC 9111 §4.1).
  var isAmongVariants: Bool {
    reason == .variant || (stored ?? partial ?? outdated).map { $0.key != key } ?? false
  }

  /// Whether what is stored may be served when the origin fails.
  func mayServeOnError(at now: CacheInstant) -> Bool {
    guard let stored else { return false }
    return RFC9111.mayServeOnError(
      times: stored.times, traits: stored.traits, directives: directives, now: now, rules: policy.rules)
  }

  /// Whether what is stored may be served when the origin takes long.
  func mayServeUnvalidated(at now: CacheInstant) -> Bool {
    guard let stored else { return false }
    return RFC9111.mayServeUnvalidated(
      times: stored.times, traits: stored.traits, directives: directives, now: now)
  }

  /// Whether `entry` could be given to the request if that looked for it now.
  func mayReuse(_ entry: CacheEntry, at now: CacheInstant) -> Bool {
    mayReuse(times: entry.times, traits: entry.traits, at: now)
  }

  /// Whether a response with these times and traits could be given to the request if that found it stored now.
  @inline(__always)
  func mayReuse(times: EntryTimes, traits: EntryTraits, at now: CacheInstant) -> Bool {
    RFC9111.mayReuse(times: times, traits: traits, directives: directives, now: now, rules: policy.rules)
  }

  /// Whether a response that was asked for with this plan may go to the request of `other`: nothing may that was invalidated
  /// before the request began.
  ///
  /// - Parameter tags: The response's tags; nil while more may come.
  func mayShare(with other: FetchPlan, key: CacheKey, tags: CacheTags??, _ backend: any CacheBackend) -> Bool {
    // By far the most: nothing has been invalidated in between.
    if self === other || stamp == other.stamp { return true }
    // Not known is not good enough: what one of them cannot be compared with may concern it.
    guard let tags, let stamp, other.stamp != nil else { return false }
    return backend.verdictNow(key: key, tags: tags, since: stamp) == .valid
  }
}

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
  let reason: CacheOutcome.MissReason
  /// When the request arrived.
  let startedAt: CacheInstant

  init(
    request: CacheRequest, directives: RequestDirectives, policy: ResolvedPolicy, key: CacheKey, next: AnyService,
    stored: CacheEntry?, reason: CacheOutcome.MissReason, startedAt: CacheInstant
  ) {
    self.request = request
    self.directives = directives
    self.policy = policy
    self.key = key
    self.next = next
    self.stored = stored
    self.reason = reason
    self.startedAt = startedAt
  }
}

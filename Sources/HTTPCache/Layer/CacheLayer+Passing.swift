//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The origin's response to a request that the cache stands aside for.
  nonisolated func passed(
    _ request: CacheRequest, _ next: AnyService, _ reason: CacheOutcome.BypassReason, policy: ResolvedPolicy?,
    startedAt: CacheInstant
  ) async throws -> CacheResponse {
    let outcome = CacheOutcome.bypass(reason)
    let response = try await forwarded(request, next, outcome, policy: policy, key: nil, startedAt: startedAt)
    if let policy { await learn(from: response, to: request, reason, policy, startedAt) }
    return response
  }

  /// The origin's response to a request that is the cache's business, but nobody else's: HEAD, conditions that only the
  /// origin can judge, `no-store`.
  nonisolated func fetchedAlone(_ plan: FetchPlan) async throws -> CacheResponse {
    try await forwarded(
      plan.request, plan.next, .miss(plan.reason), policy: plan.policy, key: plan.key, startedAt: plan.startedAt)
  }

  private nonisolated func forwarded(
    _ request: CacheRequest, _ next: AnyService, _ outcome: CacheOutcome, policy: ResolvedPolicy?, key: CacheKey?,
    startedAt: CacheInstant
  ) async throws -> CacheResponse {
    var response: CacheResponse
    do {
      response = try await withDeadline(policy?.policy.hardTimeout, clock) { try await next.call(request) }
    } catch is DeadlineExceeded {
      response = CacheResponse(
        status: 504, fields: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"],
        body: "The origin did not answer in time.\n")
      response.outcome = .failed(.originTimeout)
      RFC9211.append(
        to: &response.fields, cacheName: name, outcome: .failed(.originTimeout), details: CacheStatusDetails())
      report(
        .answered(.failed(.originTimeout)), key: key, method: request.method, status: 504, since: startedAt)
      return response
    } catch {
      report(.answered(.failed(.originFailed)), key: key, method: request.method, since: startedAt, error: error)
      throw error
    }
    response.outcome = outcome
    var details = CacheStatusDetails()
    details.fwdStatus = response.status
    RFC9211.append(to: &response.fields, cacheName: name, outcome: outcome, details: details)
    report(
      .answered(outcome), key: key, method: request.method, status: response.status, bodySize: response.body.length,
      since: startedAt)
    return response
  }

  /// What a response that was not the cache's business tells it all the same.
  private nonisolated func learn(
    from response: CacheResponse, to request: CacheRequest, _ reason: CacheOutcome.BypassReason,
    _ policy: ResolvedPolicy, _ startedAt: CacheInstant
  ) async {
    switch reason {
    case .method:
      // RFC 9111 §4.4: a successful unsafe request makes what is stored doubtful.
      for target in RFC9111.invalidatedTargets(of: request, response: response) {
        let resource = CacheRequest(scheme: target.scheme, authority: target.authority, target: target.target)
        if let key = router.policy(for: resource)?.policy.key.key(for: resource) { await removeEntry(for: key) }
      }
    case .uncacheable:
      // It may have become cacheable: then the next request makes a flight of it again.
      let receipt = Receipt(requestedAt: startedAt, receivedAt: clock.now, receivedUnix: clock.unixTime)
      if case .store = RFC9111.storability(of: response, to: request, receipt: receipt, rules: policy.rules),
        let key = policy.policy.key.key(for: request)
      {
        await forgetUncacheable(key)
      }
    case .policy, .noKey, .waitLimit, .limit: break
    }
  }
}

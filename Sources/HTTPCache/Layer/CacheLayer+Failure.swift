//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The responses that the cache makes where neither the store nor the origin has one.
extension CacheLayer {
  nonisolated func failureResponse(
    _ plan: FetchPlan, status: Int, _ reason: CacheOutcome.FailureReason, retryAfter: String? = nil
  ) -> CacheResponse {
    failureResponse(
      reason, status: status, plan.request, plan.key, plan.policy, retryAfter: retryAfter, startedAt: plan.startedAt)
  }

  nonisolated func failureResponse(
    _ reason: CacheOutcome.FailureReason, status: Int, _ request: CacheRequest, _ key: CacheKey?,
    _ policy: ResolvedPolicy?, retryAfter: String? = nil, startedAt: CacheInstant
  ) -> CacheResponse {
    var response = CacheResponse(
      status: status, fields: ["Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"])
    if let retryAfter { response.fields.append(KnownHeader.retryAfter, retryAfter) }
    switch reason {
    case .onlyIfCached: response.body = "Nothing suitable is stored, and the request said only-if-cached.\n"
    case .originTimeout: response.body = "The origin did not answer in time.\n"
    case .originFailed:
      response.body = "The origin failed to answer this and an earlier request for the same resource.\n"
    case .originSaturated: response.body = "The origin has as many calls as it can take. Ask again later.\n"
    }
    RFC9211.append(
      to: &response.fields, cacheName: name, outcome: .failed(reason), details: CacheStatusDetails())
    response.outcome = .failed(reason)
    report(
      .answered(.failed(reason)), key: key, request: request, policy: policy, status: status,
      bodySize: response.body.length, since: startedAt)
    return response
  }
}

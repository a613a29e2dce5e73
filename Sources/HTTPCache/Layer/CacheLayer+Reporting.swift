//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Counts what has happened, and tells the observers.
  ///
  /// - Parameter cost: What the origin took to make the entry that was the answer, in microseconds.
  nonisolated func report(
    _ kind: CacheEvent.Kind, key: CacheKey? = nil, entry: CacheEntry? = nil, request: CacheRequest? = nil,
    policy: ResolvedPolicy? = nil,
    tags: [String]? = nil, status: Int? = nil, bodySize: Int? = nil, age: Int64? = nil,
    since startedAt: CacheInstant? = nil,
    now: CacheInstant? = nil,
    originDuration: Duration? = nil, storing: CacheEvent.Storing = .none, error: (any Error)? = nil,
    cost: UInt32 = 0
  ) {
    let stripe = key?.digest.low ?? 0
    if case .answered(let outcome) = kind {
      let isSpared = outcome.kind == .hit || outcome.kind == .stale
      counters.countAnswer(
        outcome, policy: policy?.number ?? request.map { router.policyNumber(for: $0) } ?? 0,
        // A response to HEAD is sent without its content, whatever an origin has made.
        byteCount: request?.method == .head ? 0 : bodySize ?? 0, cost: isSpared ? cost : 0, stripe: stripe)
    } else {
      counters.count(kind, stripe: stripe)
    }
    if let key {
      note(
        kind, key: key, entry: entry, request: request, policy: policy, status: status, bodySize: bodySize,
        since: startedAt, now: now, originDuration: originDuration, storing: storing)
    }
    guard observers.want(kind) else { return }
    let policyName = if let policy { policy.policy.name } else { request.flatMap { router.policyName(for: $0) } }
    let duration = startedAt.map { (now ?? clock.now).duration(since: $0) } ?? .zero
    let event = CacheEvent(
      kind, key: key, method: request?.method, target: request?.target,
      requestID: request.flatMap { requestID?($0) }, policyName: policyName,
      tags: tags ?? [], status: status, bodySize: bodySize, age: age, duration: duration,
      originDuration: originDuration, storing: storing, error: error)
    observers.record(event)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Counts what has happened, and tells the observers.
  nonisolated func report(
    _ kind: CacheEvent.Kind, key: CacheKey? = nil, request: CacheRequest? = nil, policy: ResolvedPolicy? = nil,
    tags: [String]? = nil, status: Int? = nil, bodySize: Int? = nil, age: Int64? = nil,
    since startedAt: CacheInstant? = nil,
    now: CacheInstant? = nil,
    originDuration: Duration? = nil, storing: CacheEvent.Storing = .none, error: (any Error)? = nil
  ) {
    counters.count(kind, stripe: key?.digest.low ?? 0)
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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// How the cache and its origin stand: how many calls there are at this moment, how many wait, how many there may be.
  /// Nil without a limit for the whole cache.
  public nonisolated var originLoad: (running: Int, waiting: Int, limit: Int)? { shield?.load }

  /// Waits for a turn at the origin.
  ///
  /// - Returns: The turn; nil when there is no room, or not in time.
  /// - Throws: `CancellationError` when the waiting task is cancelled.
  nonisolated func originTurn(_ policy: ResolvedPolicy?, mayWait: Bool) async throws -> OriginTurn? {
    // The route's first: whoever waits for it must not keep other routes from the origin.
    let shields = [policy?.shield, shield].compactMap(\.self)
    return try await OriginTurn.acquire(shields, mayWait: mayWait)
  }

  /// Whether there is any limit to wait for.
  @inline(__always)
  nonisolated func isShielded(_ policy: ResolvedPolicy?) -> Bool { shield != nil || policy?.shield != nil }

  /// After how many seconds it is worth asking again, as `Retry-After` says it.
  nonisolated func retryAfter(_ policy: ResolvedPolicy?) -> String {
    let deadline = (policy?.shield ?? shield)?.limit.queueDeadline ?? .seconds(1)
    return String(Swift.max(1, deadline.wholeSeconds))
  }

  /// Why a response that could be stored under a new key is not, by the policy's limits of new ones; nil when it is.
  nonisolated func admissionRefusal(_ sharing: Sharing, at now: CacheInstant) -> StoreRefusal? {
    let plan = sharing.plan
    guard let filter = plan.policy.admission, plan.stored == nil, plan.partial == nil else { return nil }
    return filter.refusal(of: sharing.key, primary: sharing.primary, at: now)
  }
}

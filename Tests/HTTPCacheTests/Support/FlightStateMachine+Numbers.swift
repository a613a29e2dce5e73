//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

/// The state machine as tests see it: waiters are their numbers.
extension FlightStateMachine<Void> {
  struct Due: Equatable {
    var timedOut: [Int] = []
    var cancelsOrigin = false
    var expired: [Int] = []
    var overdue: [Int] = []
  }

  enum Failure: Equatable {
    case retry(Int)
    case fail([Int])
  }

  mutating func join(deadline: CacheInstant?, waitLimit: Duration? = nil, at now: CacheInstant = .distantPast)
    -> JoinAction
  {
    join((), deadline: deadline, waitLimit: waitLimit, at: now)
  }

  mutating func cancels(leave id: Int) -> Bool { leave(id).cancelsOrigin }

  /// The waiters that are none of `receivers`.
  mutating func answered(for receivers: [Int], isShared: Bool) -> [Int] {
    answered(isShared: isShared).map(\.id).filter { !receivers.contains($0) }
  }

  mutating func failure() -> Failure {
    switch originFailed() {
    case .retry(let waiter): .retry(waiter.id)
    case .fail(let waiters): .fail(waiters.map(\.id))
    }
  }

  mutating func due(at now: CacheInstant, isUnread: Bool = false) -> Due {
    let expiry = deadlineReached(now, isUnread: isUnread)
    return Due(
      timedOut: expiry.timedOut.map(\.id), cancelsOrigin: expiry.cancelsOrigin, expired: expiry.expired.map(\.id),
      overdue: expiry.overdue.map(\.id))
  }
}

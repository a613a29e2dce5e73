//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Which cache groups have been invalidated, and when in the order of invalidations (RFC 9875 §3).
///
/// Invalidating a group is O(1) however many responses belong to it: a stored response carries the number of the last
/// invalidation before it was asked for, and is void once one of its groups has a higher one. So an invalidation also
/// reaches responses that are being made at that moment.
final class GroupInvalidations: Sendable {
  /// How many groups are remembered. Beyond that the oldest are forgotten, and with them every response that is older.
  static let limit = 65_536

  private struct State {
    var numbers: [String: UInt64] = [:]
    /// In ascending order of their numbers; may hold groups that have been invalidated again since.
    var order: [(group: String, number: UInt64)] = []
    var oldest = 0
    /// Responses with a lower stamp may have been invalidated by what is forgotten.
    var floor: UInt64 = 0
  }

  private let counter = Atomic<UInt64>(0)
  private let state = Locked(State())

  /// The number of the last invalidation.
  var current: UInt64 { counter.load(ordering: .acquiring) }

  func invalidate(_ groups: [String]) {
    state.withLock { state in
      for group in groups {
        let number = counter.wrappingAdd(1, ordering: .releasing).newValue
        state.numbers[group] = number
        state.order.append((group, number))
      }
      while state.numbers.count > Self.limit || state.order.count - state.oldest > 4 * Self.limit {
        let (group, number) = state.order[state.oldest]
        state.oldest += 1
        if state.numbers[group] == number {
          state.numbers[group] = nil
          state.floor = number
        }
      }
      if state.oldest > Self.limit {
        state.order.removeFirst(state.oldest)
        state.oldest = 0
      }
    }
  }

  func isInvalid(_ membership: GroupMembership) -> Bool {
    // Nothing at all has been invalidated since: the usual case, without the lock.
    guard membership.stamp < current else { return false }
    return state.withLock { state in
      membership.stamp < state.floor || membership.groups.contains { state.numbers[$0] ?? 0 > membership.stamp }
    }
  }

  /// A group's name together with its origin.
  static func name(_ group: String, of request: CacheRequest) -> String {
    "\(request.scheme)://\(request.authority) \(group)"
  }
}

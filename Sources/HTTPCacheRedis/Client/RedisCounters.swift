//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Synchronization

/// Counts what happens between a client and its servers.
package final class RedisCounters: Sendable {
  private let commands = Atomic<Int>(0)
  private let connects = Atomic<Int>(0)
  private let connections = Atomic<Int>(0)
  private let redirections = Atomic<Int>(0)
  private let circuitOpenings = Atomic<Int>(0)
  private let topologyChanges = Atomic<Int>(0)
  private let failures = Locked([RedisError.Code: Int]())

  func sent(_ count: Int) { commands.wrappingAdd(count, ordering: .relaxed) }
  func connecting() { connects.wrappingAdd(1, ordering: .relaxed) }
  func connected() { connections.wrappingAdd(1, ordering: .relaxed) }
  func redirected() { redirections.wrappingAdd(1, ordering: .relaxed) }
  func circuitOpened() { circuitOpenings.wrappingAdd(1, ordering: .relaxed) }
  func topologyChanged() { topologyChanges.wrappingAdd(1, ordering: .relaxed) }
  func count(_ code: RedisError.Code) { failures.withLock { $0[code, default: 0] += 1 } }

  var statistics: RedisStatistics {
    RedisStatistics(
      commands: commands.load(ordering: .relaxed), connectionAttempts: connects.load(ordering: .relaxed),
      connectionsMade: connections.load(ordering: .relaxed), redirections: redirections.load(ordering: .relaxed),
      circuitOpenings: circuitOpenings.load(ordering: .relaxed),
      topologyChanges: topologyChanges.load(ordering: .relaxed), failures: failures.withLock { $0 })
  }
}

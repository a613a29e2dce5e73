//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache
internal import Synchronization

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

/// What has happened between a client and its servers so far.
public struct RedisStatistics: Sendable {
  /// How many commands were sent.
  public var commands: Int
  /// How often a connection was attempted.
  public var connectionAttempts: Int
  /// How often one came about.
  public var connectionsMade: Int
  /// How often a cluster's node referred to another.
  public var redirections: Int
  /// How often a server was left alone because it had failed repeatedly.
  public var circuitOpenings: Int
  /// How often the slots of a cluster, or the master that sentinels watch, were found to be somewhere else.
  public var topologyChanges: Int
  /// How often what failed: of connections as of commands.
  public var failures: [RedisError.Code: Int]
  /// How often something was found that is no entry, or not the one that was asked for, and why not.
  public var unreadableEntries: [WireFormatError.Code: Int] = [:]
  /// How many invalidations wait at the moment because the server could not be reached or refused them. They hold in this
  /// process, and for others as soon as they are written.
  public var waitingInvalidations = 0
}

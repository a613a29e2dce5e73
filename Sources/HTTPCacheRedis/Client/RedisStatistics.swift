//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Counts of what has happened between a client and its servers so far.
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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// Three masters that share the slots, and replicas of them if wanted.
public final class RedisClusterProcess: Sendable {
  /// The masters first, then the replicas in the same order.
  public let nodes: [RedisServerProcess]

  /// Starts the nodes and makes them a cluster; returns when all of them agree.
  public init(replicasPerMaster: Int = 0) throws {
    nodes = try (0..<3 * (1 + replicasPerMaster)).map { _ in try RedisServerProcess(.clusterNode) }
    let answer = try RedisServerProcess.runClient(
      ["--cluster", "create"] + nodes.map { "127.0.0.1:\($0.port)" }
        + ["--cluster-replicas", "\(replicasPerMaster)", "--cluster-yes"])
    for _ in 0..<500 {
      let states = try nodes.map { try $0.command("CLUSTER", "INFO") }
      let known = "cluster_known_nodes:\(nodes.count)"
      if states.allSatisfy({ $0.contains("cluster_state:ok") && $0.contains(known) }) { return }
      usleep(20_000)
    }
    throw RedisServerProcess.StartError(description: "the nodes do not become a cluster: \(answer)")
  }

  /// The identity of a node.
  public func identity(_ node: RedisServerProcess) throws -> String { try node.command("CLUSTER", "MYID") }

  /// The master that has the slot of `key`.
  public func owner(of key: String) throws -> RedisServerProcess {
    for node in nodes {
      let answer = try node.command("EXISTS", key)
      if answer == "0" || answer == "1" { return node }
    }
    throw RedisServerProcess.StartError(description: "no node has the slot of \(key)")
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension RedisBackend: MetricsSource {
  /// The ``statistics`` as metrics, and the times of operations.
  public var metrics: MetricsSnapshot {
    let statistics = statistics
    var metrics = MetricsSnapshot()
    metrics.count("http_cache_redis_commands", statistics.commands, help: "Commands that were sent.")
    metrics.count(
      "http_cache_redis_connection_attempts", statistics.connectionAttempts,
      help: "Connections that were attempted.")
    metrics.count(
      "http_cache_redis_connections", statistics.connectionsMade,
      help: "Connections that have come about, the first ones and those after a loss.")
    metrics.count(
      "http_cache_redis_redirections", statistics.redirections, help: "Commands that a node has referred to another.")
    metrics.count(
      "http_cache_redis_circuit_openings", statistics.circuitOpenings,
      help: "Times that a server was left alone because it had failed repeatedly.")
    metrics.count(
      "http_cache_redis_topology_changes", statistics.topologyChanges,
      help: "Times that the slots of a cluster, or the master, were found to be somewhere else.")
    for code in RedisError.Code.allCases {
      metrics.count(
        "http_cache_redis_failures", statistics.failures[code] ?? 0, ["code": code.description],
        help: "Failures of connections and commands, by kind.")
    }
    for code in WireFormatError.Code.allCases {
      metrics.count(
        "http_cache_redis_unreadable_entries", statistics.unreadableEntries[code] ?? 0, ["code": code.description],
        help: "Values that were not the entry that was asked for, by kind.")
    }
    metrics.gauge(
      "http_cache_redis_waiting_invalidations", statistics.waitingInvalidations,
      help: "Invalidations that wait to be written because the server could not be reached.")
    times.append(
      to: &metrics, "http_cache_redis_duration_seconds", help: "Time that the server took, by operation.")
    return metrics
  }
}

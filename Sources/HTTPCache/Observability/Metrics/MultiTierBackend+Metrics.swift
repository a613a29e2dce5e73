//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension MultiTierBackend: MetricsSource {
  /// The ``statistics`` as metrics, the times and breakers of both tiers, and the metrics of their stores, which have the
  /// label `tier`.
  public var metrics: MetricsSnapshot {
    let statistics = statistics
    var metrics = MetricsSnapshot()
    func count(
      _ name: String, _ label: String, _ values: KeyValuePairs<String, TierEvent.Kind>, help: String
    ) {
      for (value, kind) in values { metrics.count(name, statistics[kind], [label: value], help: help) }
    }
    count(
      "http_cache_tier_lookups", "result", ["near": .nearHit, "far": .farHit, "miss": .miss],
      help: "Lookups, by the tier that had the entry.")
    count(
      "http_cache_tier_failures", "tier", ["near": .nearFailed, "far": .farFailed],
      help: "Operations that have failed, or not ended in time, by tier.")
    count(
      "http_cache_tier_suspensions", "tier", ["near": .nearSuspended, "far": .farSuspended],
      help: "Times that a tier was left alone because it had failed repeatedly.")
    count(
      "http_cache_tier_promotions", "result", ["promoted": .promoted, "too-large": .tooLargeForNear],
      help: "Entries of the far tier that were copied to the near one, or not.")
    count(
      "http_cache_tier_copies", "result",
      ["confirmed": .confirmed, "contradicted": .contradicted, "unconfirmed": .usedUnconfirmed],
      help: "Copies that were compared with the far tier, or used when it could not be asked.")
    count(
      "http_cache_tier_writes", "result",
      ["queued": .writeQueued, "written": .writeFlushed, "dropped": .writeDropped],
      help: "Entries that had to wait to be written to the far tier, and what became of them.")
    count(
      "http_cache_tier_invalidations", "result",
      ["queued": .invalidationQueued, "replayed": .invalidationReplayed, "merged": .invalidationsMerged],
      help: "Invalidations that a tier could not be told at once, and what became of them.")
    metrics.count(
      "http_cache_backplane_invalidations", statistics[.invalidationReceived],
      help: "Invalidations by other nodes that were carried out.")
    metrics.count(
      "http_cache_backplane_gaps", statistics[.suspected],
      help: "Times that messages of other nodes may have been missed.")
    metrics.count(
      "http_cache_backplane_failures", statistics[.backplaneFailed],
      help: "Messages to other nodes that could not be sent.")
    metrics.gauge(
      "http_cache_tier_waiting_writes", waitingWriteCount, help: "Entries that wait to be written to the far tier.")
    let waiting = "Invalidations that a tier has yet to be told."
    metrics.gauge("http_cache_tier_waiting_invalidations", near.waitingCount, ["tier": "near"], help: waiting)
    metrics.gauge("http_cache_tier_waiting_invalidations", far.waitingCount, ["tier": "far"], help: waiting)
    append(near, "near", to: &metrics)
    append(far, "far", to: &metrics)
    return metrics
  }

  private func append(_ tier: Tier<some CacheBackend>, _ name: String, to metrics: inout MetricsSnapshot) {
    metrics.gauge(tier.breakerState, of: "tier", ["tier": name])
    tier.times.append(
      to: &metrics, "http_cache_tier_duration_seconds",
      help: "Time that a tier took, by operation; what is answered from this process's memory is not measured.",
      labels: [.init("tier", name)])
    if let source = tier.backend as? any MetricsSource {
      metrics.append(source.metrics, labels: [.init("tier", name)])
    }
  }
}

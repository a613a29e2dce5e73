//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension InMemoryBackend: MetricsSource {
  /// The ``statistics`` and the capacity as metrics.
  public var metrics: MetricsSnapshot {
    let statistics = statistics
    var metrics = MetricsSnapshot()
    metrics.gauge("http_cache_entries", statistics.entryCount, help: "Entries in memory.")
    metrics.gauge(
      "http_cache_stored_bytes", statistics.byteCount, unit: .bytes, help: "Memory of the entries in memory.")
    metrics.gauge(
      "http_cache_capacity_bytes", configuration.capacity, unit: .bytes, help: "Memory that entries may take.")
    metrics.gauge(
      "http_cache_bookkeeping_bytes", statistics.bookkeepingByteCount, unit: .bytes,
      help: "Memory beside that of keys, heads and bodies.")
    let causes = [
      ("capacity", statistics.evictions), ("expiry", statistics.expirations),
      ("invalidation", statistics.invalidations),
    ]
    for (cause, count) in causes {
      metrics.count("http_cache_evictions", count, ["cause": cause], help: "Entries that have left memory, by cause.")
    }
    metrics.count(
      "http_cache_memory_refusals", statistics.refusals, help: "Entries that were too large for the memory.")
    return metrics
  }
}

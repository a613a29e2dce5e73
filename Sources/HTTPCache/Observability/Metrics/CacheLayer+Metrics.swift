//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer: MetricsSource {
  /// The metrics of the cache and of its store, at this moment: everything that ``statistics`` says and more, for a Prometheus
  /// server (``MetricsService``) or any other.
  ///
  /// Always counted. Every series has the label `cache`, with the cache's name, and is there from the start. Taking a snapshot
  /// costs some tens of microseconds, and no request waits for it longer than for another request.
  public nonisolated var metrics: MetricsSnapshot {
    var metrics = counters.metrics
    let flights = flights.all
    metrics.gauge("http_cache_flights", flights.count, help: "Calls to the origin that requests may wait for together.")
    metrics.gauge(
      "http_cache_waiters", flights.reduce(0) { $0 + $1.waiting.count },
      help: "Requests that wait for a call to the origin.")
    for (policy, shield) in [("", shield)] + router.shields {
      guard let load = shield?.load else { continue }
      let labels: KeyValuePairs = ["scope": policy.isEmpty ? "cache" : "policy", "policy": policy]
      metrics.gauge(
        "http_cache_origin_calls_in_flight", load.running, labels,
        help: "Calls to the origin that count towards a limit, by whose limit it is.")
      metrics.gauge(
        "http_cache_origin_queue", load.waiting, labels, help: "Requests that wait for a turn at the origin.")
      metrics.gauge(
        "http_cache_origin_limit", load.limit, labels, help: "Calls to the origin that may be made at a time.")
    }
    if let source = backend as? any MetricsSource { metrics.append(source.metrics) }
    var labelled = MetricsSnapshot()
    labelled.append(metrics, labels: [.init("cache", name)])
    return labelled
  }
}

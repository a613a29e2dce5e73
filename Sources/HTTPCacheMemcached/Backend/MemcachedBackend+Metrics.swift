//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

extension MemcachedBackend: MetricsSource {
  /// The ``statistics`` as metrics, one series for each server, and the times of operations.
  public var metrics: MetricsSnapshot {
    var metrics = MetricsSnapshot()
    let hosts = statistics.map { (name: $0.host.description, $0) }
    for (name, host) in hosts {
      metrics.count("http_cache_memcached_round_trips", host.roundTrips, ["host": name], help: "Questions to a server.")
      metrics.count("http_cache_memcached_failures", host.failures, ["host": name], help: "Questions that have failed.")
      metrics.count(
        "http_cache_memcached_timeouts", host.timeouts, ["host": name],
        help: "Questions that were not answered in time.")
      metrics.count(
        "http_cache_memcached_refusals", host.refusals, ["host": name],
        help: "Calls that were not made because the server was left alone.")
      metrics.count(
        "http_cache_memcached_overflows", host.overflows, ["host": name],
        help: "Calls that were not made because too many waited for the server.")
      metrics.count(
        "http_cache_memcached_reconnections", host.reconnections, ["host": name],
        help: "Connections that were broken and made again for the same call.")
      metrics.gauge("http_cache_memcached_waiting", host.waiting, ["host": name], help: "Calls that wait for a server.")
      let states: [MemcachedHostStatistics.Availability] = [.up, .down, .trying]
      for state in states {
        metrics.gauge(
          "http_cache_memcached_availability", state == host.availability ? 1 : 0,
          ["host": name, "state": "\(state)"],
          help: "Servers, and whether they are called (up), left alone (down), or tried (trying).")
      }
    }
    metrics.count(
      "http_cache_memcached_unreadable_entries", damagedEntryCount,
      help: "Values that were no entries of this version, or damaged.")
    times.append(
      to: &metrics, "http_cache_memcached_duration_seconds", help: "Time that the servers took, by operation.")
    return metrics
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension MetricsSnapshot {
  /// Adds a counter.
  package mutating func count(
    _ name: String, _ value: Int, unit: MetricSample.Unit? = nil, _ labels: KeyValuePairs<String, String> = [:],
    help: String
  ) {
    add(name, .counter, Double(value), unit, labels, help)
  }

  /// Adds a gauge.
  package mutating func gauge(
    _ name: String, _ value: Int, unit: MetricSample.Unit? = nil, _ labels: KeyValuePairs<String, String> = [:],
    help: String
  ) {
    add(name, .gauge, Double(value), unit, labels, help)
  }

  /// Adds the state of a circuit breaker: one series for each state, of which one is 1.
  ///
  /// - Parameter backend: What the breaker protects from calling in vain.
  package mutating func gauge(
    _ state: CircuitBreaker.State, of backend: String, _ labels: KeyValuePairs<String, String> = [:]
  ) {
    let current =
      switch state {
      case .closed: "closed"
      case .open: "open"
      case .probing: "probing"
      }
    for state in ["closed", "open", "probing"] {
      append(
        MetricSample(
          "http_cache_breaker_state", .gauge,
          help: "Circuit breakers, by what protects whom, and the state they are in.",
          labels: labels.map { .init($0.key, $0.value) } + [.init("backend", backend), .init("state", state)],
          value: state == current ? 1 : 0))
    }
  }

  private mutating func add(
    _ name: String, _ kind: MetricSample.Kind, _ value: Double, _ unit: MetricSample.Unit?,
    _ labels: KeyValuePairs<String, String>, _ help: String
  ) {
    append(
      MetricSample(
        name, kind, unit: unit, help: help, labels: labels.map { .init($0.key, $0.value) }, value: value))
  }
}

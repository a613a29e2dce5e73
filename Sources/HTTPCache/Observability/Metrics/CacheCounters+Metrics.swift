//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheCounters: MetricsSource {
  var metrics: MetricsSnapshot {
    var metrics = MetricsSnapshot()
    appendAnswers(to: &metrics)
    for kind in CacheOutcome.Kind.allCases {
      metrics.append(
        requestTimes.sample(
          kind.rawValue, "http_cache_request_duration_seconds",
          help: "Time until the head of the response was there, by outcome; hits in memory are a sample, scaled.",
          labels: [.init("outcome", "\(kind)")]))
    }
    for result in OriginResult.allCases {
      metrics.append(
        originTimes.sample(
          result.rawValue, "http_cache_origin_duration_seconds",
          help: "Time that the origin took until the head of its response was there, by result.",
          labels: [.init("result", result.name)]))
    }
    for (policy, name) in policyNames.enumerated() {
      metrics.append(
        MetricSample(
          "http_cache_origin_saved_seconds", .counter, unit: .seconds,
          help: "Time that the origin would have taken to make what was answered without it, fresh or stale.",
          labels: [.init("policy", name)], value: Double(savedMicroseconds(policy: policy)) / 1e6))
    }
    appendCommon(to: &metrics)
    return metrics
  }

  private func appendAnswers(to metrics: inout MetricsSnapshot) {
    for isBytes in [false, true] {
      for (policy, name) in policyNames.enumerated() {
        for outcome in Self.outcomes {
          let answers = answers(outcome, policy: policy)
          let labels: KeyValuePairs = [
            "policy": name, "outcome": "\(outcome.kind)", "reason": outcome.reason ?? "",
          ]
          if isBytes {
            metrics.count(
              "http_cache_served_bytes", answers.byteCount, unit: .bytes, labels,
              help: "Content of the responses, by policy, outcome and reason.")
          } else {
            metrics.count(
              "http_cache_requests", answers.count, labels, help: "Requests, by policy, outcome and reason.")
          }
        }
      }
    }
  }

  private func appendCommon(to metrics: inout MetricsSnapshot) {
    let stores = "Responses of the origin that were stored, or refused, and why."
    metrics.count("http_cache_stores", total(.stored), ["result": "stored", "reason": ""], help: stores)
    for reason in StoreRefusal.allCases {
      metrics.count(
        "http_cache_stores", total(.refused(reason)), ["result": "refused", "reason": reason.rawValue], help: stores)
    }
    metrics.count("http_cache_refreshes", total(.refreshStarted), help: "Refreshes in the background that have begun.")
    metrics.count(
      "http_cache_refresh_failures", total(.refreshFailed), help: "Refreshes in the background that have failed.")
    for kind in CacheInvalidation.Target.Kind.allCases {
      for mode in [CacheInvalidation.Mode.hard, .soft] {
        metrics.count(
          "http_cache_invalidations", total(kind, mode), ["kind": kind.rawValue, "mode": "\(mode)"],
          help: "Invalidations, by what they name and whether entries are removed (hard) or marked stale (soft).")
      }
    }
    metrics.count(
      "http_cache_backend_failures", total(.backendFailed), help: "Operations of the store that have failed.")
  }
}

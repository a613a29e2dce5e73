//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// The text formats, their choice, and the difference between two snapshots.
@Suite struct MetricsFormatTests {
  private static let snapshot: MetricsSnapshot = {
    var snapshot = MetricsSnapshot()
    for (outcome, count) in [("hit", 12), ("miss", 0)] {
      snapshot.append(
        MetricSample(
          "http_cache_requests", .counter, help: "Requests, by outcome.",
          labels: [.init("outcome", outcome), .init("policy", "a \"b\"\\\nc")], value: Double(count)))
    }
    snapshot.append(
      MetricSample("http_cache_stored_bytes", .gauge, unit: .bytes, help: "Bytes \\ \"kept\",\nnow.", value: 1.5))
    snapshot.append(
      MetricSample(
        histogram: "http_cache_origin_duration_seconds", unit: .seconds, help: "Times.",
        labels: [.init("result", "ok")],
        sum: 0.25,
        buckets: [
          .init(upperBound: 0.000_000_1, count: 0), .init(upperBound: 1, count: 2),
          .init(upperBound: .infinity, count: 3),
        ]))
    return snapshot
  }()

  @Test func textIsWrittenInVersion004() {
    #expect(
      Self.snapshot.text(as: .prometheusText) == #"""
        # HELP http_cache_requests_total Requests, by outcome.
        # TYPE http_cache_requests_total counter
        http_cache_requests_total{outcome="hit",policy="a \"b\"\\\nc"} 12
        http_cache_requests_total{outcome="miss",policy="a \"b\"\\\nc"} 0
        # HELP http_cache_stored_bytes Bytes \\ "kept",\nnow.
        # TYPE http_cache_stored_bytes gauge
        http_cache_stored_bytes 1.5
        # HELP http_cache_origin_duration_seconds Times.
        # TYPE http_cache_origin_duration_seconds histogram
        http_cache_origin_duration_seconds_bucket{result="ok",le="1e-07"} 0
        http_cache_origin_duration_seconds_bucket{result="ok",le="1.0"} 2
        http_cache_origin_duration_seconds_bucket{result="ok",le="+Inf"} 3
        http_cache_origin_duration_seconds_count{result="ok"} 3
        http_cache_origin_duration_seconds_sum{result="ok"} 0.25

        """#)
  }

  @Test func textIsWrittenAsOpenMetrics() {
    #expect(
      Self.snapshot.text(as: .openMetrics) == #"""
        # HELP http_cache_requests Requests, by outcome.
        # TYPE http_cache_requests counter
        http_cache_requests_total{outcome="hit",policy="a \"b\"\\\nc"} 12
        http_cache_requests_total{outcome="miss",policy="a \"b\"\\\nc"} 0
        # HELP http_cache_stored_bytes Bytes \\ \"kept\",\nnow.
        # TYPE http_cache_stored_bytes gauge
        # UNIT http_cache_stored_bytes bytes
        http_cache_stored_bytes 1.5
        # HELP http_cache_origin_duration_seconds Times.
        # TYPE http_cache_origin_duration_seconds histogram
        # UNIT http_cache_origin_duration_seconds seconds
        http_cache_origin_duration_seconds_bucket{result="ok",le="1e-07"} 0
        http_cache_origin_duration_seconds_bucket{result="ok",le="1.0"} 2
        http_cache_origin_duration_seconds_bucket{result="ok",le="+Inf"} 3
        http_cache_origin_duration_seconds_count{result="ok"} 3
        http_cache_origin_duration_seconds_sum{result="ok"} 0.25
        # EOF

        """#)
  }

  @Test(arguments: [MetricsFormat.prometheusText, .openMetrics])
  func whatIsWrittenIsReadBack(_ format: MetricsFormat) throws {
    let text = try MetricsText(Self.snapshot.text(as: format), isOpenMetrics: format == .openMetrics)
    #expect(text.value("http_cache_requests_total", ["outcome": "hit", "policy": "a \"b\"\\\nc"]) == 12)
    #expect(text.help["http_cache_stored_bytes"] == "Bytes \\ \"kept\",\nnow.")
    #expect(text.types["http_cache_origin_duration_seconds"] == "histogram")
  }

  @Test func anEmptySnapshotIsWritten() {
    #expect(MetricsSnapshot().text(as: .prometheusText) == "")
    #expect(MetricsSnapshot().text(as: .openMetrics) == "# EOF\n")
  }

  /// Whatever a source makes up, a scrape does not fail because of it.
  @Test(arguments: [MetricsFormat.prometheusText, .openMetrics])
  func namesAndSeriesOfSourcesCannotBreakTheText(_ format: MetricsFormat) throws {
    var snapshot = MetricsSnapshot()
    func add(_ name: String, _ kind: MetricSample.Kind, _ labels: [MetricSample.Label], _ value: Double) {
      snapshot.append(MetricSample(name, kind, unit: .seconds, help: "", labels: labels, value: value))
    }
    add("9 lives\n", .gauge, [.init("ä-b", "1"), .init("", "2")], .nan)
    add("twice", .counter, [.init("a", "1"), .init("b", "2")], 3)
    add("other", .gauge, [], -.infinity)
    // The same series, then the same metric as something else.
    add("twice", .counter, [.init("b", "2"), .init("a", "1")], 4)
    add("twice", .gauge, [], 9)
    add("labels", .gauge, [.init("a", "1"), .init("a", "2")], 1)
    let text = try MetricsText(snapshot.text(as: format), isOpenMetrics: format == .openMetrics)
    #expect(text.value("twice_total", ["a": "1", "b": "2"]) == 7)
    #expect(text.value("labels", ["a": "1"]) == 1)
    #expect(text.value("__lives_", ["___b": "1", "_": "2"])?.isNaN == true)
    #expect(text.value("other") == -.infinity)
    #expect(text.values.count == 4)
  }

  @Test(
    arguments: [
      (nil, MetricsFormat.prometheusText),
      ("", .prometheusText),
      ("*/*", .prometheusText),
      ("text/html, */*;q=0.1", .prometheusText),
      ("application/json", .prometheusText),
      ("text/plain", .prometheusText),
      ("application/openmetrics-text", .openMetrics),
      ("Application/OpenMetrics-Text; Version=1.0.0; Charset=UTF-8", .openMetrics),
      ("application/openmetrics-text;version=\"1.0.0\"", .openMetrics),
      ("application/openmetrics-text;version=2.0.0", .prometheusText),
      ("application/openmetrics-text;charset=utf-16", .prometheusText),
      ("application/openmetrics-text;q=0", .prometheusText),
      ("application/openmetrics-text;q=0, */*;q=0.1", .prometheusText),
      ("application/openmetrics-text, */*", .openMetrics),
      ("application/*, text/plain;q=0.9", .openMetrics),
      ("application/openmetrics-text;q=0.3, text/plain;q=0.4", .prometheusText),
      ("application/openmetrics-text;q=0.4, text/plain;q=0.3", .openMetrics),
      ("text/plain, application/openmetrics-text", .prometheusText),
      (
        "application/openmetrics-text;version=1.0.0;q=0.5, application/openmetrics-text;q=0.1, text/plain;q=0.4",
        .openMetrics
      ),
      // A range that is not well-formed is none.
      ("application/openmetrics-text;q=2, text/plain;q=0.1", .prometheusText),
      // Prometheus 2.42.
      (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
          + "text/plain;version=0.0.4;q=0.5,*/*;q=0.1", .openMetrics
      ),
      // Prometheus 3.
      (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
          + "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
          + "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
          + "text/plain;version=0.0.4;q=0.2,*/*;q=0.1", .openMetrics
      ),
      (
        "text/plain;version=1.0.0;q=0.9, text/plain;version=0.0.4;q=0.2, application/openmetrics-text;q=0.1",
        .prometheusText
      ),
    ] as [(String?, MetricsFormat)])
  func theFormatIsTheOneThatTheClientLikesBest(_ accept: String?, _ format: MetricsFormat) {
    #expect(MetricsFormat.preferred(by: accept) == format)
  }

  @Test func deltasHaveWhatWasAddedSince() {
    func snapshot(requests: Double, entries: Double, buckets: [Double], newcomer: Double? = nil) -> MetricsSnapshot {
      var snapshot = MetricsSnapshot()
      snapshot.append(
        MetricSample("requests", .counter, help: "", labels: [.init("a", "1"), .init("b", "2")], value: requests))
      snapshot.append(MetricSample("entries", .gauge, help: "", value: entries))
      snapshot.append(
        MetricSample(
          histogram: "seconds", help: "", sum: buckets.reduce(0, +),
          buckets: [.init(upperBound: 1, count: buckets[0]), .init(upperBound: .infinity, count: buckets[1])]))
      if let newcomer { snapshot.append(MetricSample("newcomers", .counter, help: "", value: newcomer)) }
      return snapshot
    }
    let earlier = snapshot(requests: 10, entries: 5, buckets: [1, 2])
    let later = snapshot(requests: 13, entries: 4, buckets: [2, 5], newcomer: 7)
    let delta = later.delta(since: earlier)
    #expect(delta.value("requests") == 3)
    #expect(delta.value("requests", ["b": "2"]) == 3)
    #expect(delta.value("requests", ["b": "3"]) == 0)
    #expect(delta.value("entries") == 4)
    #expect(delta.value("seconds") == 3)
    #expect(delta.samples[2].value == 4)
    #expect(delta.value("newcomers") == 7)
    // Begun again.
    #expect(earlier.delta(since: later).value("requests") == 10)
    #expect(later.delta(since: later).value("seconds") == 0)
  }

  @Test func labelsAreAddedBeforeThoseOfASource() {
    var all = MetricsSnapshot()
    var one = MetricsSnapshot()
    one.append(MetricSample("entries", .gauge, help: "Entries.", labels: [.init("b", "2")], value: 1))
    all.append(one, labels: [.init("cache", "x")])
    #expect(all.text(as: .prometheusText).hasSuffix("entries{cache=\"x\",b=\"2\"} 1\n"))
  }
}

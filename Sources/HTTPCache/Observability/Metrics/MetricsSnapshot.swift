//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The metrics of a cache, or of several, at one moment.
///
/// ```swift
/// let before = cache.metrics
/// try await Task.sleep(for: .seconds(10))
/// let hits = cache.metrics.delta(since: before)
///   .value("http_cache_requests", ["outcome": "hit"])
/// ```
///
/// A value type that nothing updates: counters go on in the cache.
public struct MetricsSnapshot: Hashable, Sendable {
  /// The series, those of one metric behind each other.
  public private(set) var samples: [MetricSample] = []

  /// Creates a snapshot without any series.
  public init() {}

  /// Adds a series.
  public mutating func append(_ sample: MetricSample) { samples.append(sample) }

  /// Adds the series of `other`, each with these labels before its own.
  public mutating func append(_ other: MetricsSnapshot, labels: [MetricSample.Label] = []) {
    for var sample in other.samples {
      sample.labels.insert(contentsOf: labels, at: 0)
      samples.append(sample)
    }
  }

  /// The difference from an earlier snapshot of the same source: counters and histograms have what was added since, gauges
  /// are as they are now. A counter that has begun again, because its source is another one, has all that it has counted.
  public func delta(since earlier: MetricsSnapshot) -> MetricsSnapshot {
    let before = Dictionary(
      earlier.samples.lazy.map { (Identity(of: $0), $0) }, uniquingKeysWith: { first, _ in first })
    var delta = self
    for position in samples.indices where samples[position].kind != .gauge {
      guard let old = before[Identity(of: samples[position])] else { continue }
      delta.samples[position].subtract(old)
    }
    return delta
  }

  /// The sum over the series of a metric that have these labels; 0 when there are none. Of a histogram, the number of
  /// observations.
  ///
  /// - Parameters:
  ///   - name: The metric's name, without `_total`.
  ///   - labels: The labels that matter. Series may have others.
  public func value(_ name: String, _ labels: KeyValuePairs<String, String> = [:]) -> Double {
    samples.lazy.filter { sample in
      sample.name == name
        && labels.allSatisfy { wanted in
          sample.labels.contains { $0.name == wanted.key && $0.value == wanted.value }
        }
    }.reduce(0) { $0 + ($1.kind == .histogram ? $1.count : $1.value) }
  }

  /// The series by metric, in the order in which the metrics first appear; series that agree in their labels as one, which is
  /// their sum.
  var families: [[MetricSample]] {
    var families: [[MetricSample]] = []
    var positions: [String: Int] = [:]
    var series: [Identity: Int] = [:]
    for sample in samples {
      guard let family = positions[sample.name] else {
        positions[sample.name] = families.count
        series[Identity(of: sample)] = 0
        families.append([sample])
        continue
      }
      // A name has one kind.
      guard families[family][0].kind == sample.kind else { continue }
      if let same = series[Identity(of: sample)] {
        families[family][same].add(sample)
      } else {
        series[Identity(of: sample)] = families[family].count
        families[family].append(sample)
      }
    }
    return families
  }

  /// The identity of a series in two snapshots: its name and its labels, in any order.
  private struct Identity: Hashable {
    let name: String
    let labels: Set<MetricSample.Label>

    init(of sample: MetricSample) {
      name = sample.name
      labels = Set(sample.labels)
    }
  }
}

extension MetricSample {
  /// Takes away what an earlier sample of the same series has, unless the series has begun again since.
  fileprivate mutating func subtract(_ earlier: MetricSample) {
    guard buckets.map(\.upperBound) == earlier.buckets.map(\.upperBound), value >= earlier.value,
      zip(buckets, earlier.buckets).allSatisfy({ $0.count >= $1.count })
    else { return }
    value -= earlier.value
    for position in buckets.indices { buckets[position].count -= earlier.buckets[position].count }
  }

  /// Adds another series. Buckets with other bounds cannot be added; then the sample stays as it is.
  fileprivate mutating func add(_ other: MetricSample) {
    guard buckets.map(\.upperBound) == other.buckets.map(\.upperBound) else { return }
    value += other.value
    for position in buckets.indices { buckets[position].count += other.buckets[position].count }
  }
}

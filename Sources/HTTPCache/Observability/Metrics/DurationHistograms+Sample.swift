//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension DurationHistograms {
  /// A series as a sample.
  func sample(_ series: Int, _ name: String, help: String, labels: [MetricSample.Label]) -> MetricSample {
    let (counts, seconds) = totals(series)
    var count = 0.0
    let bounds = Self.bounds.map { Double($0) / 1e9 } + [.infinity]
    let buckets = zip(bounds, counts).map { bound, added in
      count += Double(added)
      return MetricSample.Bucket(upperBound: bound, count: count)
    }
    return MetricSample(histogram: name, unit: .seconds, help: help, labels: labels, sum: seconds, buckets: buckets)
  }
}

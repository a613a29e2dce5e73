//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One time series of a metric, with its value at the moment of a ``MetricsSnapshot``.
public struct MetricSample: Hashable, Sendable {
  /// How the values of a metric change.
  public struct Kind: Hashable, Sendable {
    enum Case { case counter, gauge, histogram }
    let kind: Case

    /// A number that only grows, until the process ends.
    public static let counter = Kind(kind: .counter)
    /// A number that grows and shrinks.
    public static let gauge = Kind(kind: .gauge)
    /// Observations, counted by how large they were.
    public static let histogram = Kind(kind: .histogram)
  }

  /// A unit of measurement.
  public struct Unit: Hashable, Sendable {
    /// The unit's name, which is the last word of the metric's name.
    public let name: String

    /// Times.
    public static let seconds = Unit(name: "seconds")
    /// Octets.
    public static let bytes = Unit(name: "bytes")
  }

  /// A name and a value that tell a series from others of the same metric.
  public struct Label: Hashable, Sendable {
    /// The name, in snake case.
    public var name: String
    /// The value: one of few, known beforehand. Never a key, a path or a tag.
    public var value: String

    /// Creates a label.
    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The number of observations up to a bound.
  public struct Bucket: Hashable, Sendable {
    /// The largest observation that is counted; infinite in the last bucket.
    public var upperBound: Double
    /// How many observations were not larger.
    public var count: Double

    /// Creates a bucket.
    public init(upperBound: Double, count: Double) {
      self.upperBound = upperBound
      self.count = count
    }
  }

  /// The metric's name, such as `http_cache_requests`: in snake case, with the unit, without `_total`.
  public var name: String
  /// How the values change.
  public var kind: Kind
  /// The unit; nil for things that are counted.
  public var unit: Unit?
  /// The metric's meaning in one sentence.
  public var help: String
  /// The labels that tell the series from others of the metric.
  public var labels: [Label]
  /// The value; of a histogram, the sum of all observations.
  public var value: Double
  /// The buckets of a histogram, each with all observations up to its bound, the last without a bound.
  public var buckets: [Bucket]

  /// How many observations a histogram has.
  public var count: Double { buckets.last?.count ?? 0 }

  /// Creates a counter or a gauge.
  ///
  /// - Parameters: see the properties of the same names.
  public init(
    _ name: String, _ kind: Kind, unit: Unit? = nil, help: String, labels: [Label] = [], value: Double
  ) {
    self.name = name
    self.kind = kind
    self.unit = unit
    self.help = help
    self.labels = labels
    self.value = value
    buckets = []
  }

  /// Creates a histogram.
  ///
  /// - Parameters:
  ///   - sum: The sum of all observations.
  ///   - buckets: In the order of their bounds.
  public init(
    histogram name: String, unit: Unit? = nil, help: String, labels: [Label] = [], sum: Double, buckets: [Bucket]
  ) {
    self.init(name, .histogram, unit: unit, help: help, labels: labels, value: sum)
    self.buckets = buckets
  }
}

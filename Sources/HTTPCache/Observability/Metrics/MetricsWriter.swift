//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension MetricsSnapshot {
  /// The metrics as text: what a Prometheus server reads.
  ///
  /// Series that agree in name and labels are written as their sum. In names, characters that the formats do not permit become
  /// `_`.
  public func text(as format: MetricsFormat) -> String {
    var writer = MetricsWriter(format: format)
    for family in families { writer.write(family) }
    return writer.end()
  }
}

/// Writes metrics in one of the formats of ``MetricsFormat``.
struct MetricsWriter {
  private let isOpenMetrics: Bool
  private var text = ""

  init(format: MetricsFormat) {
    isOpenMetrics = format == .openMetrics
    text.reserveCapacity(1 << 16)
  }

  /// The text, with its end.
  consuming func end() -> String { isOpenMetrics ? text + "# EOF\n" : text }

  /// Writes the series of one metric.
  mutating func write(_ family: [MetricSample]) {
    guard let first = family.first else { return }
    let name = Self.identifier(first.name, allowsColon: true)
    // OpenMetrics names the metric, the older format the series.
    let metadataName = first.kind == .counter && !isOpenMetrics ? "\(name)_total" : name
    text += "# HELP \(metadataName) \(escaped(first.help, quotes: isOpenMetrics))\n"
    text += "# TYPE \(metadataName) \(first.kind.name)\n"
    if isOpenMetrics, let unit = first.unit, name.hasSuffix("_\(unit.name)") { text += "# UNIT \(name) \(unit.name)\n" }
    for sample in family {
      let labels = labels(of: sample)
      switch sample.kind.kind {
      case .counter: writeSeries("\(name)_total", labels, sample.value)
      case .gauge: writeSeries(name, labels, sample.value)
      case .histogram: writeHistogram(name, labels, sample)
      }
    }
  }

  private mutating func writeHistogram(_ name: String, _ labels: String, _ sample: MetricSample) {
    for bucket in sample.buckets {
      let bound = "le=\"\(bucket.upperBound == .infinity ? "+Inf" : "\(bucket.upperBound)")\""
      writeSeries("\(name)_bucket", labels.isEmpty ? bound : "\(labels),\(bound)", bucket.count)
    }
    // The number of observations is that of the last bucket, which is without a bound.
    writeSeries("\(name)_count", labels, sample.count)
    writeSeries("\(name)_sum", labels, sample.value)
  }

  private mutating func writeSeries(_ name: String, _ labels: String, _ value: Double) {
    text += name
    if !labels.isEmpty { text += "{\(labels)}" }
    text += " \(Self.number(value))\n"
  }

  private func labels(of sample: MetricSample) -> String {
    var names: Set<String> = []
    return sample.labels.compactMap { label in
      let name = Self.identifier(label.name, allowsColon: false)
      // A name is there once; `le` is that of buckets.
      guard names.insert(name).inserted, name != "le" || sample.kind != .histogram else { return nil }
      return "\(name)=\"\(escaped(label.value, quotes: true))\""
    }.joined(separator: ",")
  }

  /// Whole numbers are written as such.
  private static func number(_ value: Double) -> String {
    if value == .infinity { return "+Inf" }
    if value == -.infinity { return "-Inf" }
    if value.isNaN { return "NaN" }
    return Int64(exactly: value).map(String.init) ?? value.description
  }

  private func escaped(_ text: String, quotes: Bool) -> String {
    guard text.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x22 }) else { return text }
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": escaped += "\\\\"
      case "\n": escaped += "\\n"
      case "\"" where quotes: escaped += "\\\""
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// The name with `_` for what no name may have.
  private static func identifier(_ name: String, allowsColon: Bool) -> String {
    func isPermitted(_ byte: UInt8, isFirst: Bool) -> Bool {
      ASCII.isLetter(byte) || byte == UInt8(ascii: "_") || (allowsColon && byte == UInt8(ascii: ":"))
        || (!isFirst && ASCII.isDigit(byte))
    }
    let octets = name.utf8
    if !octets.isEmpty, octets.enumerated().allSatisfy({ isPermitted($1, isFirst: $0 == 0) }) { return name }
    if octets.isEmpty { return "_" }
    return String(
      decoding: octets.enumerated().map { isPermitted($1, isFirst: $0 == 0) ? $1 : UInt8(ascii: "_") }, as: UTF8.self)
  }
}

extension MetricSample.Kind {
  /// The kind as both formats call it.
  fileprivate var name: String {
    switch kind {
    case .counter: "counter"
    case .gauge: "gauge"
    case .histogram: "histogram"
    }
  }
}

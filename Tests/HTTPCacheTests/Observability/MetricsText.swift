//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Metrics as a reader of the text formats sees them: strict, for tests of the writer.
struct MetricsText {
  struct Mistake: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  struct Series: Hashable {
    var name: String
    var labels: [String: String]
  }

  /// The types of the metrics, by the names of `# TYPE`.
  private(set) var types: [String: String] = [:]
  private(set) var help: [String: String] = [:]
  private(set) var units: [String: String] = [:]
  private(set) var values: [Series: Double] = [:]
  /// The metrics in their order.
  private(set) var names: [String] = []

  /// - Throws: When the text is not as the format wants it.
  init(_ text: String, isOpenMetrics: Bool) throws {
    guard text.hasSuffix("\n") else { throw Mistake("the last line has no end") }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    if isOpenMetrics {
      guard lines.popLast() == "# EOF" else { throw Mistake("there is no # EOF") }
    }
    for line in lines {
      if line.hasPrefix("# ") {
        try readMetadata(line)
      } else {
        try readSeries(line, isOpenMetrics: isOpenMetrics)
      }
    }
    for (name, type) in types where type == "histogram" { try check(histogram: name) }
  }

  private mutating func readMetadata(_ line: Substring) throws {
    let parts = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 4 else { throw Mistake("metadata without a value: \(line)") }
    let name = parts[2]
    if names.last != name {
      guard !names.contains(name) else { throw Mistake("\(name) is not in one piece") }
      names.append(name)
    }
    guard !values.keys.contains(where: { $0.name == name }) else {
      throw Mistake("metadata of \(name) behind its series")
    }
    switch parts[1] {
    case "TYPE":
      guard types.updateValue(parts[3], forKey: name) == nil else { throw Mistake("two types of \(name)") }
    case "HELP": help[name] = Self.unescaped(parts[3])
    case "UNIT":
      guard name.hasSuffix("_\(parts[3])") else { throw Mistake("\(name) does not end with its unit") }
      units[name] = parts[3]
    default: throw Mistake("unknown metadata: \(line)")
    }
  }

  private mutating func readSeries(_ line: Substring, isOpenMetrics: Bool) throws {
    guard let metric = names.last, let type = types[metric] else { throw Mistake("a series without a type: \(line)") }
    let nameEnd = line.firstIndex { $0 == "{" || $0 == " " } ?? line.endIndex
    let name = String(line[..<nameEnd])
    var rest = line[nameEnd...]
    var labels: [String: String] = [:]
    if rest.first == "{" {
      rest.removeFirst()
      while rest.first != "}" {
        guard let equals = rest.firstIndex(of: "=") else { throw Mistake("a label without a value: \(line)") }
        let label = String(rest[..<equals])
        rest = rest[equals...].dropFirst()
        guard rest.popFirst() == "\"" else { throw Mistake("a label's value without quotes: \(line)") }
        var value = ""
        var isClosed = false
        while let character = rest.popFirst() {
          if character == "\"" {
            isClosed = true
            break
          }
          value.append(character)
          if character == "\\", let next = rest.popFirst() { value.append(next) }
        }
        guard isClosed, labels.updateValue(Self.unescaped(value), forKey: label) == nil else {
          throw Mistake("a label without an end, or twice: \(line)")
        }
        if rest.first == "," { rest.removeFirst() }
      }
      rest.removeFirst()
    }
    guard rest.popFirst() == " ", let value = Double(rest == "+Inf" ? "inf" : String(rest)) else {
      throw Mistake("no number: \(line)")
    }
    let expected =
      switch type {
      case "counter": isOpenMetrics ? ["\(metric)_total"] : [metric]
      case "histogram": ["\(metric)_bucket", "\(metric)_count", "\(metric)_sum"]
      default: [metric]
      }
    guard expected.contains(name) else { throw Mistake("\(name) among the series of \(metric)") }
    if type == "counter", value < 0 || !name.hasSuffix("_total") { throw Mistake("no counter: \(line)") }
    guard values.updateValue(value, forKey: Series(name: name, labels: labels)) == nil else {
      throw Mistake("a series twice: \(line)")
    }
  }

  /// Buckets grow with their bounds, and the last is the number of all.
  private func check(histogram name: String) throws {
    var bounds: [[String: String]: [(bound: Double, count: Double)]] = [:]
    for (series, count) in values where series.name == "\(name)_bucket" {
      var labels = series.labels
      guard let text = labels.removeValue(forKey: "le"), let bound = Double(text == "+Inf" ? "inf" : text) else {
        throw Mistake("a bucket of \(name) without a bound")
      }
      bounds[labels, default: []].append((bound, count))
    }
    for (labels, buckets) in bounds {
      let sorted = buckets.sorted { $0.bound < $1.bound }
      guard sorted.last?.bound == .infinity, zip(sorted, sorted.dropFirst()).allSatisfy({ $0.count <= $1.count }),
        values[Series(name: "\(name)_count", labels: labels)] == sorted.last?.count,
        values[Series(name: "\(name)_sum", labels: labels)] != nil
      else { throw Mistake("the buckets of \(name) \(labels) make no histogram") }
    }
  }

  private static func unescaped(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let character = rest.popFirst() {
      guard character == "\\", let next = rest.popFirst() else {
        result.append(character)
        continue
      }
      result.append(next == "n" ? "\n" : next)
    }
    return result
  }

  /// The value of a series; nil when there is none.
  func value(_ name: String, _ labels: [String: String] = [:]) -> Double? { values[Series(name: name, labels: labels)] }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A text format for metrics.
public struct MetricsFormat: Hashable, Sendable {
  enum Case { case text, openMetrics }
  let kind: Case

  /// Prometheus' text format, version 0.0.4.
  public static let prometheusText = MetricsFormat(kind: .text)
  /// OpenMetrics, version 1.0.
  public static let openMetrics = MetricsFormat(kind: .openMetrics)

  /// The media type, as `Content-Type` has it.
  public var contentType: String {
    switch kind {
    case .text: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }

  private var mediaType: String {
    switch kind {
    case .text: "text/plain"
    case .openMetrics: "application/openmetrics-text"
    }
  }

  private var version: String {
    switch kind {
    case .text: "0.0.4"
    case .openMetrics: "1.0.0"
    }
  }

  /// The format that a client likes best (RFC 9110 §12.5.1): the one of the highest quality; of two that are equal, the one
  /// that `Accept` names rather than means by `*/*`; else ``prometheusText``, which is also for clients that accept neither.
  ///
  /// - Parameter accept: The value of `Accept`; nil when there is none.
  public static func preferred(by accept: String?) -> MetricsFormat {
    guard let accept else { return .prometheusText }
    var value = accept
    return value.withUTF8 { octets in
      let ranges = MediaRange.all(in: octets.span)
      let text = prometheusText.preference(in: ranges)
      let openMetrics = MetricsFormat.openMetrics.preference(in: ranges)
      return openMetrics.quality > 0 && openMetrics > text ? .openMetrics : .prometheusText
    }
  }

  private struct Rank: Comparable {
    var quality = 0
    var specificity = 0

    static func < (left: Rank, right: Rank) -> Bool {
      (left.quality, left.specificity) < (right.quality, right.specificity)
    }
  }

  /// How much a client wants the format: what the most specific of its media ranges says.
  private func preference(in ranges: [MediaRange]) -> Rank {
    var best = Rank()
    for range in ranges {
      guard let specificity = specificity(of: range), specificity > best.specificity else { continue }
      best = Rank(quality: range.quality, specificity: specificity)
    }
    return best
  }

  /// How closely a media range describes the format, from 1; nil when it means another.
  private func specificity(of range: MediaRange) -> Int? {
    let group = mediaType.prefix { $0 != "/" }
    switch range.type {
    case "*/*": return 1
    case "\(group)/*": return 2
    case mediaType: break
    default: return nil
    }
    var specificity = 3
    for (name, value) in range.parameters {
      switch name {
      case "version":
        guard value == version else { return nil }
        specificity = 4
      case "charset":
        guard value.lowercased() == "utf-8" else { return nil }
      default:
        // How names are to be escaped, for one: those here need no escaping.
        break
      }
    }
    return specificity
  }
}

/// A member of `Accept`.
private struct MediaRange {
  let type: String
  let parameters: [(name: String, value: String)]
  let quality: Int

  /// The well-formed members of `value`.
  static func all(in value: Span<UInt8>) -> [MediaRange] {
    var ranges: [MediaRange] = []
    var members = ListCursor(0..<value.count)
    var buffer: [UInt8] = []
    while let member = members.next(in: value) {
      buffer.removeAll()
      guard let preference = Preference.parse(value, member.range, hasParameters: true, into: &buffer) else { continue }
      let parts = buffer[preference.range].split(separator: ASCII.semicolon)
      guard let type = parts.first else { continue }
      ranges.append(
        MediaRange(
          type: String(decoding: type, as: UTF8.self), parameters: parts.dropFirst().map(parameter),
          quality: preference.quality))
    }
    return ranges
  }

  private static func parameter(_ part: ArraySlice<UInt8>) -> (name: String, value: String) {
    let halves = part.split(separator: ASCII.equals, maxSplits: 1)
    var value = String(decoding: halves.count == 2 ? halves[1] : [], as: UTF8.self)
    if value.count > 1, value.hasPrefix("\""), value.hasSuffix("\"") { value = String(value.dropFirst().dropLast()) }
    return (String(decoding: halves.first ?? [], as: UTF8.self), value)
  }
}

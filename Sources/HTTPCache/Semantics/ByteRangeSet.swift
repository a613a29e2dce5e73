//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The ranges of a `Range` field (RFC 9110 §14.1.2), before the length of the representation is known.
struct ByteRangeSet: Hashable, Sendable {
  /// One range.
  enum Spec: Hashable, Sendable {
    /// From an octet on, to an octet inclusive or to the end.
    case from(Int, through: Int?)
    /// So many of the last octets.
    case suffix(Int)
  }

  let specs: SmallList<Spec>

  /// The ranges of `value`; nil when it is invalid, of another unit, or asks for more than `maximumRanges`.
  static func parse(_ value: Span<UInt8>, maximumRanges: Int = 16) -> ByteRangeSet? {
    let range = FieldSyntax.trimmed(value, 0..<value.count)
    let unitEnd = FieldSyntax.tokenEnd(value, range)
    guard FieldSyntax.matches(value, range.lowerBound..<unitEnd, "bytes"), unitEnd < range.upperBound,
      value[unitEnd] == ASCII.equals
    else { return nil }
    var specs = SmallList<Spec>()
    var members = ListCursor(unitEnd + 1..<range.upperBound)
    while let member = members.next(in: value) {
      if member.range.isEmpty { continue }
      guard specs.count < maximumRanges, let spec = spec(value, member.range) else { return nil }
      specs.append(spec)
    }
    return specs.isEmpty ? nil : ByteRangeSet(specs: specs)
  }

  private static func spec(_ value: Span<UInt8>, _ range: Range<Int>) -> Spec? {
    var hyphen = range.lowerBound
    while hyphen < range.upperBound, ASCII.isDigit(value[hyphen]) { hyphen += 1 }
    guard hyphen < range.upperBound, value[hyphen] == UInt8(ascii: "-") else { return nil }
    let behind = hyphen + 1..<range.upperBound
    if hyphen == range.lowerBound {
      return FieldSyntax.number(value, behind).map { .suffix($0) }
    }
    guard let first = FieldSyntax.number(value, range.lowerBound..<hyphen) else { return nil }
    if behind.isEmpty { return .from(first, through: nil) }
    guard let last = FieldSyntax.number(value, behind), first <= last else { return nil }
    return .from(first, through: last)
  }

  /// What the ranges select of a representation of `length` octets.
  func selection(length: Int) -> RangeSelection {
    var ranges = SmallList<Range<Int>>()
    var asksForEmptySuffix = false
    for spec in specs {
      switch spec {
      case .from(let first, let last):
        guard first < length else { continue }
        ranges.append(first..<min(length, (last ?? .max) == .max ? length : last! + 1))
      case .suffix(let count):
        if count > 0, length == 0 { asksForEmptySuffix = true }
        let start = max(0, length - min(count, length))
        if start < length { ranges.append(start..<length) }
      }
    }
    // The end of nothing is nothing: satisfiable, but no Content-Range can say so.
    if ranges.isEmpty { return asksForEmptySuffix ? .whole : .unsatisfiable }
    return Self.coalesced(ranges)
  }

  /// The ranges with those that overlap or nearly touch made one. Their order is kept if nothing had to be.
  private static func coalesced(_ ranges: SmallList<Range<Int>>) -> RangeSelection {
    guard ranges.count > 1 else { return .ranges(ranges) }
    let sorted = ranges.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
    var result: [Range<Int>] = []
    var overlaps = 0
    for range in sorted {
      guard let last = result.last, range.lowerBound - last.upperBound < RFC9110.coalescedGap else {
        result.append(range)
        continue
      }
      if range.lowerBound < last.upperBound { overlaps += 1 }
      result[result.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
    }
    if overlaps > 2 { return .whole }
    guard result.count != ranges.count else { return .ranges(ranges) }
    var joined = SmallList<Range<Int>>()
    for range in result { joined.append(range) }
    return .ranges(joined)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The value of `Content-Range` (RFC 9110 §14.4): which octets of a representation a response holds.
struct ContentRange: Hashable, Sendable {
  /// The octets; nil in an answer that there are none such (`bytes */1234`).
  var range: Range<Int>?
  /// The length of the whole representation; nil when it is not known.
  var completeLength: Int?

  init(range: Range<Int>?, completeLength: Int?) {
    self.range = range
    self.completeLength = completeLength
  }

  /// What the fields of a response with a single part say; nil when they say nothing valid, or it several times.
  init?(_ fields: HeaderFields) {
    var values = 0
    var parsed: ContentRange?
    fields.forEachValue(of: KnownHeader.contentRange) { value in
      values += 1
      parsed = ContentRange.parse(value)
    }
    guard values == 1, let parsed, parsed.range != nil else { return nil }
    self = parsed
  }

  /// `bytes 0-499/1234`, `bytes 0-499/*` or `bytes */1234`; nil for anything else, and for numbers that contradict each
  /// other.
  static func parse(_ value: Span<UInt8>) -> ContentRange? {
    let range = FieldSyntax.trimmed(value, 0..<value.count)
    let unitEnd = FieldSyntax.tokenEnd(value, range)
    guard FieldSyntax.matches(value, range.lowerBound..<unitEnd, "bytes"), unitEnd < range.upperBound,
      value[unitEnd] == ASCII.space
    else { return nil }
    guard let slash = firstIndex(of: UInt8(ascii: "/"), in: value, unitEnd + 1..<range.upperBound) else { return nil }
    let lengthRange = slash + 1..<range.upperBound
    var completeLength: Int?
    if !isStar(value, lengthRange) {
      guard let number = FieldSyntax.number(value, lengthRange), number < .max else { return nil }
      completeLength = number
    }
    let octets = unitEnd + 1..<slash
    if isStar(value, octets) {
      return completeLength == nil ? nil : ContentRange(range: nil, completeLength: completeLength)
    }
    guard let hyphen = firstIndex(of: UInt8(ascii: "-"), in: value, octets),
      let first = FieldSyntax.number(value, octets.lowerBound..<hyphen),
      let last = FieldSyntax.number(value, hyphen + 1..<octets.upperBound),
      first <= last, last < .max, completeLength.map({ last < $0 }) ?? true
    else { return nil }
    return ContentRange(range: first..<last + 1, completeLength: completeLength)
  }

  private static func firstIndex(of byte: UInt8, in value: Span<UInt8>, _ range: Range<Int>) -> Int? {
    for position in range where value[position] == byte { return position }
    return nil
  }

  private static func isStar(_ value: Span<UInt8>, _ range: Range<Int>) -> Bool {
    range.count == 1 && value[range.lowerBound] == UInt8(ascii: "*")
  }

  /// Adds the field to those of a response. The value is written on the stack: as a string it would be allocated.
  func append(to fields: inout HeaderFields) {
    // "bytes -/" and three numbers of up to 19 digits.
    withUnsafeTemporaryAllocation(byteCount: 72, alignment: 1) { buffer in
      var writer = BackwardWriter(buffer)
      if let completeLength { writer.write(completeLength) } else { writer.write("*") }
      writer.write("/")
      if let range, !range.isEmpty {
        writer.write(range.upperBound - 1)
        writer.write("-")
        writer.write(range.lowerBound)
      } else {
        writer.write("*")
      }
      writer.write("bytes ")
      fields.append(.contentRange, writer.written)
    }
  }

  /// The field's value.
  var text: String {
    var fields = HeaderFields()
    append(to: &fields)
    return fields[.contentRange] ?? ""
  }
}

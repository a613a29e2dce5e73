//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A member of a field of content negotiation: what is wanted, and how much (RFC 9110 §12.4.2, §12.5).
struct Preference: Hashable, Sendable {
  /// Where, in the buffer that it was parsed into, the media range, coding, charset or language range stands: in lower
  /// case, with a media range's parameters.
  var range: Range<Int>
  /// From 0 to 1000.
  var quality: Int

  /// The preference at `member`; nil when it is not well-formed.
  ///
  /// - Parameters:
  ///   - hasParameters: Whether there may be parameters other than `q`, as in `Accept`.
  ///   - buffer: Takes the octets of its range: one buffer for all members, for this is done for every request to a
  ///     resource with variants.
  static func parse(
    _ value: Span<UInt8>, _ member: Range<Int>, hasParameters: Bool, into buffer: inout [UInt8]
  ) -> Preference? {
    let start = buffer.count
    var quality = 1000
    var hasQuality = false
    var parts = ParameterCursor(member)
    var isFirst = true
    while let part = parts.next(in: value) {
      if isFirst {
        isFirst = false
        guard !part.isEmpty else { return nil }
        for position in part {
          let byte = ASCII.lowercased(value[position])
          guard ASCII.isTokenCharacter(byte) || byte == UInt8(ascii: "/") else { return nil }
          buffer.append(byte)
        }
        continue
      }
      if part.isEmpty { continue }
      if part.count >= 2, ASCII.lowercased(value[part.lowerBound]) == UInt8(ascii: "q"),
        value[part.lowerBound + 1] == ASCII.equals
      {
        guard !hasQuality, let parsed = Self.quality(value, part.lowerBound + 2..<part.upperBound) else { return nil }
        quality = parsed
        hasQuality = true
      } else {
        // Behind q there were extensions once (RFC 7231 §5.3.2); nobody knows what they mean for a choice.
        guard hasParameters, !hasQuality, appendParameter(value, part, to: &buffer) else { return nil }
      }
    }
    return Preference(range: start..<buffer.count, quality: quality)
  }

  /// `0`, `0.5`, `1.000` in thousandths (RFC 9110 §12.4.2).
  private static func quality(_ value: Span<UInt8>, _ range: Range<Int>) -> Int? {
    guard let first = range.first, range.count <= 5,
      value[first] == UInt8(ascii: "0") || value[first] == UInt8(ascii: "1")
    else { return nil }
    var quality = Int(value[first] & 0x0F) * 1000
    guard range.count > 1 else { return quality }
    guard value[first + 1] == UInt8(ascii: ".") else { return nil }
    var weight = 100
    for position in first + 2..<range.upperBound {
      guard ASCII.isDigit(value[position]) else { return nil }
      quality += Int(value[position] & 0x0F) * weight
      weight /= 10
    }
    return quality <= 1000 ? quality : nil
  }

  /// `;name=value`, the name in lower case; a value may be case-sensitive and stays as it is.
  private static func appendParameter(_ value: Span<UInt8>, _ part: Range<Int>, to range: inout [UInt8]) -> Bool {
    let nameEnd = FieldSyntax.tokenEnd(value, part)
    guard nameEnd > part.lowerBound, nameEnd < part.upperBound, value[nameEnd] == ASCII.equals else { return false }
    range.append(ASCII.semicolon)
    for position in part.lowerBound..<nameEnd { range.append(ASCII.lowercased(value[position])) }
    for position in nameEnd..<part.upperBound { range.append(value[position]) }
    return true
  }
}

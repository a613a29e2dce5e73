//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The pieces that field values are made of (RFC 9110 §5.6): lists, tokens, quoted strings, numbers.
///
/// Everything here looks at each octet a bounded number of times and allocates nothing, so that a hostile value costs
/// no more than its length.
enum FieldSyntax {
  /// 2^31, the value that RFC 9111 §1.2.2 has a recipient put in the place of every delta-seconds beyond what it can
  /// represent.
  ///
  /// It is the cap for all of them here: in nanoseconds it leaves room for three more before 64 bits overflow.
  static let greatestDeltaSeconds: Int64 = 2_147_483_648

  /// `range` of `value` without the optional white space around it (OWS, RFC 9110 §5.6.3).
  @inline(__always)
  static func trimmed(_ value: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
    var start = range.lowerBound
    var end = range.upperBound
    while start < end, ASCII.isWhitespace(value[start]) { start += 1 }
    while end > start, ASCII.isWhitespace(value[end - 1]) { end -= 1 }
    return start..<end
  }

  /// Where the token that starts at `start` ends (RFC 9110 §5.6.2); `start` itself when there is none.
  @inline(__always)
  static func tokenEnd(_ value: Span<UInt8>, _ range: Range<Int>) -> Int {
    var end = range.lowerBound
    while end < range.upperBound, ASCII.isTokenCharacter(value[end]) { end += 1 }
    return end
  }

  /// The position behind the quoted string that starts at `start` (RFC 9110 §5.6.4); nil when it is not closed before
  /// `end`.
  static func quotedStringEnd(_ value: Span<UInt8>, from start: Int, to end: Int) -> Int? {
    var position = start + 1
    while position < end {
      switch value[position] {
      case ASCII.doubleQuote: return position + 1
      case ASCII.backslash: position += 2
      default: position += 1
      }
    }
    return nil
  }

  /// The digits of `range` as a number of seconds, at most 2^31 (RFC 9111 §1.2.2); nil when there is anything but
  /// digits.
  @inline(__always)
  static func deltaSeconds(_ value: Span<UInt8>, _ range: Range<Int>) -> Int64? {
    guard !range.isEmpty else { return nil }
    var seconds: Int64 = 0
    for position in range {
      guard ASCII.isDigit(value[position]) else { return nil }
      seconds = min(greatestDeltaSeconds, seconds * 10 + Int64(value[position] & 0x0F))
    }
    return seconds
  }

  /// The digits of `range` as a number of octets, at most `Int.max`; nil when there is anything but digits.
  static func number(_ value: Span<UInt8>, _ range: Range<Int>) -> Int? {
    guard !range.isEmpty else { return nil }
    var number = 0
    for position in range {
      guard ASCII.isDigit(value[position]) else { return nil }
      let (product, productOverflow) = number.multipliedReportingOverflow(by: 10)
      let (sum, sumOverflow) = product.addingReportingOverflow(Int(value[position] & 0x0F))
      number = productOverflow || sumOverflow ? .max : sum
    }
    return number
  }

  /// The octets of `range` as text.
  static func text(_ value: Span<UInt8>, _ range: Range<Int>) -> String {
    value.extracting(range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
  }

  /// Whether the octets of `range` are `text`, letters compared without regard to case.
  @inline(__always)
  static func matches(_ value: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
    guard range.count == text.utf8CodeUnitCount else { return false }
    return ASCII.equalsIgnoringCase(value.extracting(range), text)
  }

  /// Whether two runs of octets are the same.
  static func areEqual(
    _ left: Span<UInt8>, _ leftRange: Range<Int>, _ right: Span<UInt8>, _ rightRange: Range<Int>
  ) -> Bool {
    guard leftRange.count == rightRange.count else { return false }
    for offset in 0..<leftRange.count
    where left[leftRange.lowerBound + offset] != right[rightRange.lowerBound + offset] {
      return false
    }
    return true
  }

  /// The field names in a list of them, such as the value of `Connection` or `Vary`.
  ///
  /// - Returns: Whether all members were names; those that are not are left out, as empty members are.
  @discardableResult
  static func appendNames(
    in value: Span<UInt8>, _ range: Range<Int>, to names: inout [HeaderName], limit: Int = .max
  ) -> Bool {
    var areAllNames = true
    var members = ListCursor(range)
    while let member = members.next(in: value) {
      if member.range.isEmpty { continue }
      guard names.count < limit, let name = HeaderName(text(value, member.range)) else {
        areAllNames = false
        continue
      }
      names.append(name)
    }
    return areAllNames
  }
}

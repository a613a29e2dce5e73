//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Comparison of entity tags (RFC 9110 §8.8.3), where they stand.
///
/// A tag that is not written as the grammar demands is weak, and equals only one that is written in the same way.
enum EntityTag {
  /// Whether there is anything but white space.
  static func isPresent(_ value: Span<UInt8>) -> Bool { !FieldSyntax.trimmed(value, 0..<value.count).isEmpty }

  /// Weak comparison (§8.8.3.2): the opaque parts are the same.
  static func areWeaklyEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    let leftRange = FieldSyntax.trimmed(left, 0..<left.count)
    let rightRange = FieldSyntax.trimmed(right, 0..<right.count)
    guard let leftOpaque = opaque(left, leftRange), let rightOpaque = opaque(right, rightRange) else {
      return !leftRange.isEmpty && FieldSyntax.areEqual(left, leftRange, right, rightRange)
    }
    return FieldSyntax.areEqual(left, leftOpaque, right, rightOpaque)
  }

  /// Strong comparison (§8.8.3.2): both are strong, and the same.
  static func areStronglyEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
    let leftRange = FieldSyntax.trimmed(left, 0..<left.count)
    let rightRange = FieldSyntax.trimmed(right, 0..<right.count)
    return isStrong(left, leftRange) && isStrong(right, rightRange)
      && FieldSyntax.areEqual(left, leftRange, right, rightRange)
  }

  /// Whether what stands at `range` is a strong entity tag.
  static func isStrong(_ value: Span<UInt8>, _ range: Range<Int>) -> Bool {
    guard let opaque = opaque(value, range) else { return false }
    return opaque == range
  }

  /// The opaque part, quotes included; nil when this is no entity tag.
  static func opaque(_ value: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
    var start = range.lowerBound
    // W/ is case-sensitive.
    if range.count >= 4, value[start] == UInt8(ascii: "W"), value[start + 1] == UInt8(ascii: "/") { start += 2 }
    let end = range.upperBound
    guard end - start >= 2, value[start] == ASCII.doubleQuote, value[end - 1] == ASCII.doubleQuote else { return nil }
    for position in start + 1..<end - 1 {
      let byte = value[position]
      guard byte >= 0x21, byte != ASCII.doubleQuote, byte != 0x7F else { return nil }
    }
    return start..<end
  }

  /// Calls `body` with each member of a list of entity tags until it returns true; whether it did.
  ///
  /// Lists of tags are walked apart from other lists, for a backslash in a tag escapes nothing.
  static func contains(_ value: Span<UInt8>, where body: (Span<UInt8>) -> Bool) -> Bool {
    var position = 0
    var ignoresQuotes = false
    while position < value.count {
      let start = position
      while position < value.count, value[position] != ASCII.comma {
        guard value[position] == ASCII.doubleQuote, !ignoresQuotes else {
          position += 1
          continue
        }
        var close = position + 1
        while close < value.count, value[close] != ASCII.doubleQuote { close += 1 }
        if close < value.count {
          position = close + 1
        } else {
          ignoresQuotes = true
          position += 1
        }
      }
      let member = FieldSyntax.trimmed(value, start..<position)
      if !member.isEmpty, body(value.extracting(member)) { return true }
      position += 1
    }
    return false
  }
}

extension EntityTag {
  /// A strong tag for a representation whose handler has given none: 128 bits of its octets and codings. The same in every
  /// process.
  ///
  /// - Returns: The tag; nil for a response that has a validator of its own, or is not 200.
  static func generated(for body: Bytes, status: Int, fields: HeaderFields) -> String? {
    guard status == 200, !fields.contains(KnownHeader.etag), !fields.contains(KnownHeader.lastModified) else {
      return nil
    }
    var digest = KeyDigest.unseeded.appending(fields[.contentEncoding] ?? "").appending(fields[.contentType] ?? "")
    digest = body.withUnsafeBytes { digest.appending($0) }
    return "\"\(String(digest.high, radix: 36))-\(String(digest.low, radix: 36))\""
  }
}

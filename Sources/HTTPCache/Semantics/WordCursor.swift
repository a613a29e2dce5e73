//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Walks over the words of a stretch of a field value: what stands between white space, that within quoted strings left out.
struct WordCursor {
  private var position: Int
  private let end: Int
  /// As in ``ListCursor``: a quote that nothing closes is an ordinary character, as then are all behind it.
  private var ignoresQuotes = false

  init(_ range: Range<Int>) {
    position = range.lowerBound
    end = range.upperBound
  }

  /// Where the next word stands; nil behind the last.
  mutating func next(in value: Span<UInt8>) -> Range<Int>? {
    while position < end, ASCII.isWhitespace(value[position]) { position += 1 }
    guard position < end else { return nil }
    let start = position
    while position < end, !ASCII.isWhitespace(value[position]) {
      guard value[position] == ASCII.doubleQuote, !ignoresQuotes else {
        position += 1
        continue
      }
      if let close = FieldSyntax.quotedStringEnd(value, from: position, to: end) {
        position = close
      } else {
        ignoresQuotes = true
        position += 1
      }
    }
    return start..<position
  }
}

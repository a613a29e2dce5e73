//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Walks over a value and its parameters (RFC 9110 §5.6.6): the pieces between semicolons, one within a quoted string
/// being none.
struct ParameterCursor {
  private var position: Int
  private let end: Int
  private var isDone = false
  private var ignoresQuotes = false

  init(_ range: Range<Int>) {
    position = range.lowerBound
    end = range.upperBound
  }

  /// The next piece, without the white space around it; nil behind the last.
  mutating func next(in value: Span<UInt8>) -> Range<Int>? {
    guard !isDone else { return nil }
    let start = position
    var current = start
    while current < end, value[current] != ASCII.semicolon {
      if value[current] == ASCII.doubleQuote, !ignoresQuotes {
        if let close = FieldSyntax.quotedStringEnd(value, from: current, to: end) {
          current = close
          continue
        }
        ignoresQuotes = true
      }
      current += 1
    }
    if current < end { position = current + 1 } else { isDone = true }
    return FieldSyntax.trimmed(value, start..<current)
  }
}

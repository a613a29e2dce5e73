//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Walks over the members of a list (`#element`, RFC 9110 §5.6.1), a comma within a quoted string being none.
struct ListCursor {
  /// One member, without the white space around it.
  struct Member {
    /// Where it stands; empty for an empty member, which recipients ignore.
    var range: Range<Int>
    /// Whether a semicolon stands before or behind it where the list's syntax knows none.
    var touchesSemicolon: Bool
  }

  private var position: Int
  private let end: Int
  private let splitsAtSemicolons: Bool
  private var isDone = false
  private var isBehindSemicolon = false
  /// A quote that nothing closes is an ordinary character, as then are all behind it: otherwise one stray quote would
  /// hide the rest of the list, or be searched for its end again and again.
  private var ignoresQuotes = false

  init(_ range: Range<Int>, splitsAtSemicolons: Bool = false) {
    position = range.lowerBound
    end = range.upperBound
    self.splitsAtSemicolons = splitsAtSemicolons
  }

  /// The next member of the list in `value`; nil behind the last.
  @inline(__always)
  mutating func next(in value: Span<UInt8>) -> Member? {
    guard !isDone else { return nil }
    let start = position
    let followsSemicolon = isBehindSemicolon
    isBehindSemicolon = false
    var current = start
    scan: while current < end {
      switch value[current] {
      case ASCII.comma:
        break scan
      case ASCII.semicolon where splitsAtSemicolons:
        isBehindSemicolon = true
        break scan
      case ASCII.doubleQuote where !ignoresQuotes:
        if let close = FieldSyntax.quotedStringEnd(value, from: current, to: end) {
          current = close
        } else {
          ignoresQuotes = true
          current += 1
        }
      default:
        current += 1
      }
    }
    if current < end { position = current + 1 } else { isDone = true }
    return Member(
      range: FieldSyntax.trimmed(value, start..<current), touchesSemicolon: followsSemicolon || isBehindSemicolon)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The words of a line, with one space between them.
struct ReplyWords {
  private let line: UnsafeRawBufferPointer
  private var start: Int

  init(_ line: UnsafeRawBufferPointer, from start: Int) {
    self.line = line
    self.start = start
  }

  /// Whether the last word was taken.
  var isAtEnd: Bool { start == line.count + 1 }

  /// The next word; empty when there is none.
  mutating func next() -> UnsafeRawBufferPointer {
    guard start <= line.count else {
      start = line.count + 2
      return UnsafeRawBufferPointer(rebasing: line[..<0])
    }
    var end = start
    while end < line.count, line[end] != 0x20 { end += 1 }
    defer { start = end + 1 }
    return UnsafeRawBufferPointer(rebasing: line[start..<end])
  }
}

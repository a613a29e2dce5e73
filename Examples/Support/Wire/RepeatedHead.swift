//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The last head of a connection as it arrived, and what it was found to say.
///
/// Octets that are the same say the same, so a comparison stands for parsing them again. The request line and the header
/// section are compared apart: the one changes from request to request, the other hardly ever.
struct RepeatedHead {
  /// The most octets that are remembered, of a line and of a section. A head that is longer costs its parsing.
  static let limit = 2048

  private var line: [UInt8] = []
  private var section: [UInt8] = []
  private(set) var start = RequestParser.StartLine(method: .get, target: "/", authority: nil, version: .one)
  private var head: RequestHead?

  /// Takes the request line out of `input` if it is the last one again.
  mutating func takeLine(of input: inout UnsafeRawBufferPointer) -> Bool { Self.take(line, of: &input) }

  /// Remembers a request line.
  ///
  /// - Parameters:
  ///   - lineStart: Its first octet; nil when it was put together from several pieces of input, and is not remembered.
  ///   - lineEnd: Behind its CR LF, in the same memory.
  mutating func setLine(
    _ start: RequestParser.StartLine, from lineStart: UnsafeRawPointer?, to lineEnd: UnsafeRawPointer?
  ) {
    Self.copy(from: lineStart, to: lineEnd, into: &line)
    self.start = start
  }

  /// Takes a header section out of `input` if it is the last one again and `start` changes nothing about what it says.
  mutating func takeSection(
    behind start: RequestParser.StartLine, of input: inout UnsafeRawBufferPointer
  ) -> RequestHead? {
    guard start.authority == nil, head?.version == start.version, Self.take(section, of: &input) else { return nil }
    head?.method = start.method
    head?.target = start.target
    return head
  }

  /// Remembers a header section, with the empty line that ends it. `sectionStart` and `sectionEnd` are as in `setLine`.
  mutating func setSection(
    _ head: RequestHead, _ start: RequestParser.StartLine, from sectionStart: UnsafeRawPointer?,
    to sectionEnd: UnsafeRawPointer?
  ) {
    // An absolute target has its part in the fields.
    Self.copy(from: start.authority == nil ? sectionStart : nil, to: sectionEnd, into: &section)
    self.head = section.isEmpty ? nil : head
    self.head?.isRepetition = true
  }

  private static func take(_ remembered: [UInt8], of input: inout UnsafeRawBufferPointer) -> Bool {
    let count = remembered.count
    guard count > 0, input.count >= count, let base = input.baseAddress else { return false }
    let isSame = remembered.withUnsafeBytes { memcmp($0.baseAddress!, base, count) == 0 }
    if isSame { input = UnsafeRawBufferPointer(start: base + count, count: input.count - count) }
    return isSame
  }

  private static func copy(from start: UnsafeRawPointer?, to end: UnsafeRawPointer?, into memory: inout [UInt8]) {
    memory.removeAll(keepingCapacity: true)
    guard let start, let end, end - start <= limit else { return }
    memory.append(contentsOf: UnsafeRawBufferPointer(start: start, count: end - start))
  }
}

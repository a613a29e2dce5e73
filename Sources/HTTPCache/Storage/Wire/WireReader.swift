//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Reads memory from its beginning to its end, and never beyond it.
struct WireReader {
  /// What has not been read.
  private(set) var rest: UnsafeRawBufferPointer

  /// - Parameter bytes: Stay valid for as long as this is used.
  @inline(__always)
  init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

  var isAtEnd: Bool { rest.isEmpty }

  /// The next `count` bytes; nil when there are not as many.
  @inline(__always)
  mutating func take(_ count: Int) -> UnsafeRawBufferPointer? {
    guard count >= 0, count <= rest.count else { return nil }
    let taken = UnsafeRawBufferPointer(rebasing: rest[..<count])
    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    return taken
  }

  /// The next number.
  @inline(__always)
  mutating func number<Number: FixedWidthInteger>(as type: Number.Type) -> Number? {
    take(MemoryLayout<Number>.size).map { Number(littleEndian: $0.loadUnaligned(as: Number.self)) }
  }

  /// The next `count` bytes as text; nil when there are not as many, or when they are not UTF-8.
  mutating func text(_ count: Int) -> String? {
    take(count).flatMap { String(validating: $0, as: UTF8.self) }
  }
}

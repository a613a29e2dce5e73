//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Writes text into memory from its end on, as the digits of numbers come. What does not fit is a programming error.
struct BackwardWriter: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  private var start: Int

  init(_ memory: UnsafeMutableRawBufferPointer) {
    self.memory = memory
    start = memory.count
  }

  /// The octets written so far.
  var written: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[start...]) }

  /// Writes text of ASCII in front of what has been written.
  mutating func write(_ text: StaticString) {
    start -= text.utf8CodeUnitCount
    UnsafeMutableRawBufferPointer(rebasing: memory[start...]).copyMemory(
      from: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  /// Writes a number that is not negative, in front of what has been written.
  mutating func write(_ number: Int) {
    var rest = number.magnitude
    repeat {
      start -= 1
      memory[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
  }
}

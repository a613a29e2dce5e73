//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Writes text into memory that somebody else owns, for the few octets of a head that are made for each response.
struct ByteWriter {
  private let memory: UnsafeMutableRawBufferPointer
  private(set) var count = 0

  /// - Parameter memory: Large enough for everything that will be written; writing beyond it traps.
  init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

  mutating func write(_ text: StaticString) {
    write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func write(_ bytes: UnsafeRawBufferPointer) {
    precondition(bytes.count <= memory.count - count, "the memory for a head is too small")
    guard let source = bytes.baseAddress, let target = memory.baseAddress else { return }
    (target + count).copyMemory(from: source, byteCount: bytes.count)
    count += bytes.count
  }

  mutating func write(_ octet: UInt8) {
    memory[count] = octet
    count += 1
  }

  /// In digits of `radix`, 10 or 16.
  mutating func write(_ number: Int, radix: Int = 10) {
    precondition(number >= 0 && memory.count - count >= 20)
    var rest = number
    var digits = 1
    while rest >= radix {
      rest /= radix
      digits += 1
    }
    rest = number
    for position in stride(from: digits - 1, through: 0, by: -1) {
      let digit = UInt8(truncatingIfNeeded: rest % radix)
      memory[count + position] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
      rest /= radix
    }
    count += digits
  }
}

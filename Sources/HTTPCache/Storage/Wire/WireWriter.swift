//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Fills memory from its beginning to its end. Writing beyond the end stops the program instead: it would mean that a size
/// was worked out wrong.
struct WireWriter {
  private var memory: UnsafeMutableRawPointer
  private var remaining: Int

  /// - Parameter memory: Stays valid for as long as this is used.
  @inline(__always)
  init(_ memory: UnsafeMutableRawPointer, count: Int) {
    self.memory = memory
    self.remaining = count
  }

  /// Whether all of the memory has been written.
  var isFull: Bool { remaining == 0 }

  /// The next `count` bytes, for the caller to fill.
  @inline(__always)
  mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
    precondition(count <= remaining, "an entry is larger than was worked out")
    let place = memory
    memory += count
    remaining -= count
    return place
  }

  @inline(__always)
  mutating func put<Number: FixedWidthInteger>(_ number: Number) {
    reserve(MemoryLayout<Number>.size).storeBytes(of: number.littleEndian, as: Number.self)
  }

  @inline(__always)
  mutating func put(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
    reserve(bytes.count).copyMemory(from: base, byteCount: bytes.count)
  }

  @inline(__always)
  mutating func put(_ text: String) {
    let isDone: Void? = text.utf8.withContiguousStorageIfAvailable { put(UnsafeRawBufferPointer($0)) }
    // Strings that are not contiguous come from Objective-C only.
    if isDone == nil { putCopy(text) }
  }

  @inline(never)
  private mutating func putCopy(_ text: String) {
    var text = text
    text.withUTF8 { put(UnsafeRawBufferPointer($0)) }
  }
}

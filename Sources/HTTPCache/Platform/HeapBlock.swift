//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Blocks of memory, with what they take beyond what is asked for.
enum HeapBlock {
  /// The bytes that the allocator takes for an object or a buffer of `size` bytes.
  ///
  /// As glibc has it: a word ahead of the block, multiples of 16, at least 32. Other allocators round differently, by a
  /// tenth at most for the sizes of entries.
  @inline(__always)
  static func byteCount(_ size: Int) -> Int { max((size &+ 23) & ~15, 32) }

  /// The bytes that an object with these stored properties takes: its header is two words.
  static func byteCount<Properties>(ofObjectWith properties: Properties.Type) -> Int {
    byteCount(MemoryLayout<(Int, Int, Properties)>.size)
  }

  /// The bytes that an array's buffer for `capacity` elements takes; none for an array without capacity.
  static func byteCount<Element>(ofArrayOf element: Element.Type, capacity: Int) -> Int {
    capacity == 0 ? 0 : byteCount(32 + capacity * MemoryLayout<Element>.stride)
  }

  /// The bytes that the text takes outside the string's own two words, if there is no room to spare: none for up to 15
  /// octets.
  @inline(__always)
  static func byteCount(of text: String) -> Int {
    let count = text.utf8.count
    // The runtime's header of four words, the octets and a zero, in multiples of 16.
    return count < 16 ? 0 : byteCount(32 &+ (count &+ 16) & ~15)
  }
}

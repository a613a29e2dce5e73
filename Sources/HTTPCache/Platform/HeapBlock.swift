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

  /// The size to ask for instead of `byteCount`, so that a block that has been freed fits the next one: blocks of more than
  /// 1 KiB come in eight sizes for each power of two, 6 % more on average.
  ///
  /// A block of any size would be put into a hole that is a little larger, and the splinter behind it be taken by something
  /// small. Then no hole is ever as large again: heads of 2 to 3 KiB took 1.5 times what was counted (64 MiB, replaced
  /// twenty times; `scripts/memory_check.sh --kinds fields`, 2026-11-30).
  @inline(__always)
  static func sizeClass(_ byteCount: Int) -> Int {
    guard byteCount > 1024 else { return byteCount }
    let step = 1 << (Int.bitWidth - 4 - byteCount.leadingZeroBitCount)
    return (byteCount &+ step &- 1) & ~(step &- 1)
  }

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

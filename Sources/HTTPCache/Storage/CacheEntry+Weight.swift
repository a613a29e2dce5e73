//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheEntry {
  /// What the entry counts for in a byte-bounded store: key, head, body, trailers, and about what it takes to keep them.
  public var weight: Int {
    let parts = keyByteCount + fields.serializedByteCount + body.count + Self.overhead
    return hasExtras ? parts + extrasWeight : parts
  }

  private var keyByteCount: Int {
    packed.isRare ? key.byteCount : packed.scheme.usualByteCount + authority.utf8.count + target.utf8.count
  }

  @inline(never)
  private var extrasWeight: Int {
    // Those that were made for a mark do not count: a weight does not change.
    guard let extras, !extras.isMadeForMark else { return 0 }
    return extras.byteCount + (extras.trailers?.serializedByteCount ?? 0) + (extras.tags?.byteCount ?? 0)
  }

  /// The bookkeeping of one entry without extras, in bytes, beyond what `weight` counts exactly.
  static let overhead = 224

  /// What the object itself takes, in bytes, with the allocator's word and rounding: without the memory that the key, the
  /// head and the body refer to.
  static let allocationSize = allocationSize(
    of: (
      String, String, PackedWord, Int16, EntryTraits, (AnyObject?, UnsafeRawPointer), UInt, HeaderFields,
      KeyDigest, CompactTimes, UInt32
    ).self)

  /// What an object with these stored properties takes. (A test asks the allocator whether it is right.)
  static func allocationSize<Contents>(of contents: Contents.Type) -> Int {
    // The object's header of two words, and the allocator's word.
    (MemoryLayout<(Int, Int, Contents)>.size + MemoryLayout<Int>.size + 15) & ~15
  }

  /// What the entry's objects take, in bytes.
  var objectByteCount: Int { Self.allocationSize + (extras?.byteCount ?? 0) }
}

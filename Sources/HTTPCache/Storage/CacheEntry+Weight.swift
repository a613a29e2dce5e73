//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheEntry {
  /// The bytes of memory that it takes to keep the entry: its objects, key, head, body, trailers and tags as the allocator
  /// rounds them, and its place in the tables of ``InMemoryBackend``.
  ///
  /// A body counts with all the memory that it keeps alive, where that is known. A head that several entries share counts
  /// for each of them.
  public var weight: Int {
    let body = body
    return weight(bodyByteCount: body.memoryByteCount ?? BytesStorage.byteCount(of: body.count))
  }

  /// The weight with a body that takes so much memory.
  @inline(__always)
  func weight(bodyByteCount: Int) -> Int {
    Self.allocationSize &+ EntryNode.byteCount &+ keyByteCount &+ fields.storage.allocationByteCount &+ bodyByteCount
      &+ (hasOptionalParts ? optionalPartsByteCount : 0)
  }

  private var keyByteCount: Int { HeapBlock.byteCount(of: authority) + HeapBlock.byteCount(of: target) }

  @inline(never)
  private var optionalPartsByteCount: Int { optionalParts?.contentByteCount ?? 0 }

  /// The memory of the object itself, in bytes, without the memory that the key, the head and the body refer to.
  static let allocationSize = HeapBlock.byteCount(
    ofObjectWith: (
      String, String, KeyTraitsAndLength, Int16, EntryTraits, (AnyObject?, UnsafeRawPointer), UInt, HeaderFields,
      KeyDigest, CompactTimes, UInt32
    ).self)

  /// What the entry's objects take, in bytes.
  var objectByteCount: Int { Self.allocationSize + (optionalParts?.byteCount ?? 0) }
}

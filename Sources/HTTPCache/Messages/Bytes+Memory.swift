//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension Bytes {
  /// The bytes of memory that this value keeps alive; nil where only its owner knows.
  var memoryByteCount: Int? {
    guard let owner else { return 0 }
    // Nearly all are of this kind, and to compare types is cheaper than to look for a conformance.
    if type(of: owner) == BytesStorage.self { return unsafeDowncast(owner, to: BytesStorage.self).byteCount }
    return (owner as? any SizedMemory)?.byteCount
  }

  /// The same bytes in memory that is known to be no larger than they need, give or take an eighth: a copy, unless theirs is.
  ///
  /// A slice of a read buffer would keep all of the buffer alive, and a foreign owner may do so.
  var compact: Bytes {
    isCompact(memoryByteCount) ? self : withUnsafeBytes { Bytes(copying: $0) }
  }

  /// Whether `memoryByteCount`, which is that of this value, is no more than its bytes need.
  @inline(__always)
  func isCompact(_ memoryByteCount: Int?) -> Bool {
    guard let memoryByteCount else { return false }
    // Headers and rounding of small blocks, and a page of large ones.
    return memoryByteCount <= count + count / 8 + (count < MappedMemory.threshold ? 64 : 4096)
  }
}

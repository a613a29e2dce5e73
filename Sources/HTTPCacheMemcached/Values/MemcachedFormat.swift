//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The flags word that memcached keeps with a value: what its bytes are, in which version of the format.
///
/// The low byte is the version, the next says the kind, the upper half is the number of a chunk. A value with any other
/// flags is somebody else's, or of a version that this one does not know: a miss.
package enum MemcachedFormat {
  private static let version: UInt32 = 1

  /// The whole value.
  package static let whole = version | 1 << 8
  /// A `ChunkManifest`: the value is in chunks under keys of their own.
  package static let manifest = version | 2 << 8
  /// A mark that the entry was removed.
  package static let tombstone = version | 3 << 8
  /// What is known of invalidations.
  package static let mark = version | 5 << 8
  /// Who may ask the origin.
  package static let lease = version | 6 << 8
  /// A decimal counter. Zero, because that is what an increment demands of nobody.
  package static let counter: UInt32 = 0

  /// The chunk with this number.
  package static func chunk(_ index: Int) -> UInt32 { version | 4 << 8 | UInt32(index) << 16 }
}

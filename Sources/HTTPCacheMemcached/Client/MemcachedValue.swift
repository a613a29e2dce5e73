//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

package import HTTPCache

/// A value, and the word that memcached keeps with it.
package struct MemcachedValue: Hashable, Sendable {
  package var bytes: Bytes
  /// Says what the bytes are: ``MemcachedFormat``.
  package var flags: UInt32

  package init(bytes: Bytes, flags: UInt32) {
    self.bytes = bytes
    self.flags = flags
  }
}

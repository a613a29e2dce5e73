//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A key as memcached takes it: at most 250 bytes of visible ASCII.
package struct MemcachedKey: Hashable, Sendable, CustomStringConvertible {
  /// The key's bytes.
  let bytes: Bytes
  /// Whether many ask for it at the same time, so that it is worth while to ask for it once for all of them.
  var isShared = false

  /// Whether both are copies of one key.
  func isSameMemory(as other: MemcachedKey) -> Bool {
    bytes.withUnsafeBytes { left in other.bytes.withUnsafeBytes { left.baseAddress == $0.baseAddress } }
  }

  /// Whether the key has these bytes.
  func isEqual(to other: UnsafeRawBufferPointer) -> Bool {
    bytes.withUnsafeBytes { bytes in
      bytes.count == other.count && (bytes.isEmpty || memcmp(bytes.baseAddress!, other.baseAddress!, bytes.count) == 0)
    }
  }

  /// The key as text.
  package var description: String { bytes.description }
}

extension MemcachedKey {
  /// The same key, asked for in its place. (Shared keys are asked for before all others.)
  var unshared: MemcachedKey {
    var key = self
    key.isShared = false
    return key
  }
}

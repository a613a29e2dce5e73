//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Makes the keys of one namespace: `namespace:kind:` and 32 hexadecimal digits.
///
/// The digits stand for a text of any length and content. That two texts have the same is not impossible, so an entry
/// says itself what it is stored under; for what has no room for that (an invalidation, a lease) a collision costs a miss.
package struct MemcachedKeySpace: Sendable {
  private let prefix: [UInt8]

  package enum Kind: UInt8, Sendable {
    case entry = 0x65  // e
    case chunk = 0x63  // c
    case tag = 0x74  // t
    case lease = 0x6C  // l
    /// The counter of all invalidations of a host.
    case clock = 0x6E  // n
    /// Invalidations that may concern all entries of a host.
    case ledger = 0x61  // a
    /// A mark that stands for the invalidations of many single keys.
    case bucket = 0x62  // b
  }

  package init(namespace: String) { prefix = Array(namespace.utf8) }

  /// The key for `text`.
  package func key(_ kind: Kind, _ text: String) -> MemcachedKey {
    let digest = Self.digest(text)
    return key(kind, digest.first, digest.second)
  }

  static func digest(_ text: String) -> (first: UInt64, second: UInt64) {
    var text = text
    // The first 128 bits of the fraction of pi.
    return text.withUTF8 {
      SipHash128.digest(UnsafeRawBufferPointer($0), key: (0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344))
    }
  }

  /// The one key of its kind, which many ask for at the same time.
  func sharedKey(_ kind: Kind) -> MemcachedKey {
    var key = key(kind, 0, 0)
    key.isShared = true
    return key
  }

  /// The key for 128 bits, and a number if there are several with the same.
  package func key(_ kind: Kind, _ first: UInt64, _ second: UInt64, number: Int? = nil) -> MemcachedKey {
    let suffix = number.map { ":\($0)" } ?? ""
    let count = prefix.count + 3 + 32 + suffix.utf8.count
    return MemcachedKey(
      bytes: Bytes(unsafeUninitializedCapacity: count) { memory in
        memory.copyBytes(from: prefix)
        var offset = prefix.count
        func put(_ byte: UInt8) {
          memory[offset] = byte
          offset += 1
        }
        put(0x3A)
        put(kind.rawValue)
        put(0x3A)
        for word in [first, second] {
          for shift in stride(from: 60, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift)) & 15
            put(digit < 10 ? 0x30 + digit : 0x57 + digit)
          }
        }
        for byte in suffix.utf8 { put(byte) }
        return count
      })
  }
}

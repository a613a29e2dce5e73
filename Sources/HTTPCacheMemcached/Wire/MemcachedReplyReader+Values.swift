//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

extension MemcachedReplyReader {
  /// From this size on a value that does not arrive in time is remembered.
  static let slowCount = 64 << 10

  /// Takes the value of a key; nil, for a miss, when it is larger than `limit`.
  func value(of key: MemcachedKey, _ count: Int, limit: Int) throws(MemcachedWireError) -> Bytes? {
    do throws(MemcachedWireError) {
      guard count <= limit else {
        try skip(count)
        return nil
      }
      return try value(count)
    } catch {
      var error = error
      if error.code == .timedOut, count >= Self.slowCount {
        error.slowValue = MemcachedWireError.SlowValue(key: key, byteCount: count)
      }
      throw error
    }
  }
}

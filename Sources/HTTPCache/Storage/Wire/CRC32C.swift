//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CChecksum

/// CRC-32C (Castagnoli): finds every error of up to five bits in what a cache stores, and all but one in four thousand
/// million of the others.
enum CRC32C {
  /// The checksum of `bytes` behind those that gave `checksum`.
  @inline(__always)
  static func checksum(_ bytes: UnsafeRawBufferPointer, continuing checksum: UInt32 = 0) -> UInt32 {
    http_cache_crc32c(checksum, bytes.baseAddress, bytes.count)
  }
}

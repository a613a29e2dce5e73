//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// A request in the bytes that are sent: text, and large values by reference.
struct MemcachedRequest {
  private(set) var pieces: [Bytes] = []
  private var text: [UInt8] = []

  /// From this size on a value is not copied.
  private static let referencedCount = 16 << 10

  mutating func append(_ bytes: Bytes) {
    guard bytes.count >= Self.referencedCount else {
      bytes.withUnsafeBytes { text.append(contentsOf: $0) }
      return
    }
    finish()
    pieces.append(bytes)
  }

  mutating func append(_ string: String) { text.append(contentsOf: string.utf8) }

  /// Appends a number in network byte order.
  mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
    withUnsafeBytes(of: number.bigEndian) { text.append(contentsOf: $0) }
  }

  /// Moves what was appended last to the pieces.
  mutating func finish() {
    guard !text.isEmpty else { return }
    pieces.append(Bytes(text))
    text.removeAll(keepingCapacity: true)
  }
}

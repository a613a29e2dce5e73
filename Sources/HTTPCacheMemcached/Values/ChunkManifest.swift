//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// What is stored in place of a value that is larger than the servers take: where its chunks are.
///
/// 32 bytes, the numbers in network byte order: the 128 bits of the chunks' keys, new with every write, so that chunks of
/// different writes are never mixed; the value's size in 8 bytes; the size of a chunk and the number of chunks, 4 bytes
/// each.
package struct ChunkManifest: Hashable, Sendable {
  static let byteCount = 32
  /// Their number is kept in 16 bits.
  static let maximumChunkCount = 1 << 16

  let id: (UInt64, UInt64)
  let valueSize: Int
  let chunkSize: Int
  let chunkCount: Int

  /// A manifest for a value that is about to be stored.
  init(valueSize: Int, chunkSize: Int) {
    id = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
    self.valueSize = valueSize
    self.chunkSize = chunkSize
    chunkCount = (valueSize + chunkSize - 1) / chunkSize
  }

  /// Reads a manifest that was found.
  ///
  /// - Returns: nil when it does not make sense, or is for a value larger than `maximumValueSize`.
  init?(_ bytes: Bytes, maximumValueSize: Int) {
    guard bytes.count == Self.byteCount else { return nil }
    func number(_ range: Range<Int>) -> UInt64 { range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) } }
    guard let valueSize = Int(exactly: number(16..<24)), let chunkSize = Int(exactly: number(24..<28)),
      let chunkCount = Int(exactly: number(28..<32)), chunkSize > 0, (1...maximumValueSize).contains(valueSize),
      chunkCount == (valueSize - 1) / chunkSize + 1, chunkCount <= Self.maximumChunkCount
    else { return nil }
    id = (number(0..<8), number(8..<16))
    self.valueSize = valueSize
    self.chunkSize = chunkSize
    self.chunkCount = chunkCount
  }

  var bytes: Bytes {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.byteCount)
    func append(_ number: UInt64, count: Int) {
      for shift in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift * 8))) }
    }
    append(id.0, count: 8)
    append(id.1, count: 8)
    append(UInt64(valueSize), count: 8)
    append(UInt64(chunkSize), count: 4)
    append(UInt64(chunkCount), count: 4)
    return Bytes(bytes)
  }

  /// The part of the value that is in the chunk with this number.
  func range(_ index: Int) -> Range<Int> { index * chunkSize..<min((index + 1) * chunkSize, valueSize) }

  func key(_ index: Int, _ keys: MemcachedKeySpace) -> MemcachedKey {
    keys.key(.chunk, id.0, id.1, number: index)
  }

  package static func == (left: ChunkManifest, right: ChunkManifest) -> Bool {
    left.id == right.id && left.valueSize == right.valueSize && left.chunkSize == right.chunkSize
      && left.chunkCount == right.chunkCount
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(id.0)
    hasher.combine(id.1)
    hasher.combine(valueSize)
  }
}

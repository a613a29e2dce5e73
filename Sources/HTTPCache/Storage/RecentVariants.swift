//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The variants of a URL that requests have been answered with of late, by the octets of the selecting fields.
///
/// A program sends the same fields with all its requests. Comparing their octets finds the variant without bringing them into
/// the form in which they are compared otherwise (RFC 9111 §4.1), which takes a dozen times as long.
///
/// Memory of one size that its owner deallocates. Everybody who reaches it holds the lock of the shard that holds the index.
struct RecentVariants {
  /// A variant, and how many octets select it.
  private struct Slot {
    var octetCount: Int
    var digest: KeyDigest
    var parts: Unmanaged<CacheKey.UncommonParts>
  }

  private struct Header {
    var count = 0
    /// The slot that is written to next.
    var next = 0
  }

  /// The most octets of selecting fields that are remembered; with more of them a request is answered in the usual way.
  static let maximumOctetCount = 96
  /// The number of different selecting fields that are remembered.
  static let capacity = 8

  private static let slotsOffset = MemoryLayout<Header>.stride
  private static let octetsOffset = slotsOffset + capacity * MemoryLayout<Slot>.stride
  private static let size = octetsOffset + capacity * maximumOctetCount
  /// The memory that they take, in bytes.
  static let byteCount = HeapBlock.byteCount(size)

  private let base: UnsafeMutableRawPointer

  /// Where the memory is.
  var address: UInt { UInt(bitPattern: base) }

  /// The variants in the memory at `address`; nil for zero.
  @inline(__always)
  init?(at address: UInt) {
    guard let base = UnsafeMutableRawPointer(bitPattern: address) else { return nil }
    self.base = base
  }

  /// None yet, in memory of their own.
  init() {
    base = .allocate(byteCount: Self.size, alignment: 8)
    base.initializeMemory(as: Header.self, to: Header())
  }

  func deallocate() {
    for position in 0..<header.pointee.count { slots[position].parts.release() }
    base.deallocate()
  }

  private var header: UnsafeMutablePointer<Header> { base.assumingMemoryBound(to: Header.self) }
  private var slots: UnsafeMutablePointer<Slot> {
    (base + Self.slotsOffset).assumingMemoryBound(to: Slot.self)
  }
  private func octets(of position: Int) -> UnsafeMutableRawPointer {
    base + (Self.octetsOffset + position * Self.maximumOctetCount)
  }

  /// The variant that was last found for a request with these selecting fields, as ``write(_:of:to:)`` writes them.
  @inline(__always)
  func variant(for wanted: UnsafeRawBufferPointer) -> (digest: KeyDigest, parts: Unmanaged<CacheKey.UncommonParts>)? {
    guard let start = wanted.baseAddress else { return nil }
    for position in 0..<header.pointee.count
    where slots[position].octetCount == wanted.count
      && memcmp(octets(of: position), start, wanted.count) == 0
    {
      return (slots[position].digest, slots[position].parts)
    }
    return nil
  }

  /// Remembers the variant with this key, which must have parts that few keys have, in place of the one that was remembered
  /// first if there is no more room.
  func remember(_ key: CacheKey, for wanted: UnsafeRawBufferPointer) {
    guard let parts = key.uncommonParts, let start = wanted.baseAddress, wanted.count <= Self.maximumOctetCount,
      variant(for: wanted) == nil
    else { return }
    let position = header.pointee.next
    if position < header.pointee.count { slots[position].parts.release() }
    (slots + position).initialize(
      to: Slot(octetCount: wanted.count, digest: key.digest, parts: .passRetained(parts)))
    octets(of: position).copyMemory(from: start, byteCount: wanted.count)
    header.pointee.count = max(header.pointee.count, position + 1)
    header.pointee.next = (position + 1) % Self.capacity
  }

  /// Writes the selecting fields of a request: for each name its lines in order, each behind its length, and a mark.
  ///
  /// - Returns: The number of octets; nil when they do not fit.
  @inline(__always)
  static func write(
    _ selection: VarySelection, of fields: HeaderFields, to buffer: UnsafeMutableRawBufferPointer
  ) -> Int? {
    var count = 0
    for name in selection.names {
      var next = fields.position(named: name, from: 0)
      while let position = next {
        let isWritten = fields.withValue(at: position) { value in
          guard count + value.count + 4 <= buffer.count, value.count < UInt16.max else { return false }
          buffer.storeBytes(of: UInt16(value.count), toByteOffset: count, as: UInt16.self)
          value.withUnsafeBytes { octets in
            UnsafeMutableRawBufferPointer(rebasing: buffer[(count + 2)...]).copyMemory(from: octets)
          }
          count += 2 + value.count
          return true
        }
        guard isWritten else { return nil }
        next = fields.position(named: name, from: position + 1)
      }
      guard count + 2 <= buffer.count else { return nil }
      buffer.storeBytes(of: UInt16.max, toByteOffset: count, as: UInt16.self)
      count += 2
    }
    return count
  }
}

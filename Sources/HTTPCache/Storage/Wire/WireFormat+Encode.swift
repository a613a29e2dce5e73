//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension WireFormat {
  /// The whole entry.
  ///
  /// - Parameters:
  ///   - entry: What to write. What cannot be of a response (a status beyond three digits, 4 GiB of fields) is written but
  ///     not read again: a miss.
  ///   - stamp: The number of the store's last invalidation before the response was asked for.
  ///   - now: The time, by the clock that the entry's moments are of.
  ///   - unixNow: The same moment by the wall clock.
  /// - Complexity: One allocation; one copy of the body.
  public static func encode(_ entry: CacheEntry, stamp: UInt64, now: CacheInstant, unixNow: UnixTime) -> Bytes {
    let key = entry.key
    let header = header(of: entry, key, stamp: stamp, now: now, unixNow: unixNow)
    let headSize = WireHeader.size + header.lengths.sections
    return Bytes(unsafeUninitializedCapacity: headSize + header.lengths.body) { memory in
      guard let base = memory.baseAddress else { return 0 }
      write(entry, key, header, to: base, count: headSize)
      entry.body.withUnsafeBytes { body in
        if let start = body.baseAddress { (base + headSize).copyMemory(from: start, byteCount: body.count) }
      }
      seal(base, WireHeader.checksum(UnsafeRawBufferPointer(memory)))
      return memory.count
    }
  }

  /// Everything that stands before the body. This followed by the entry's body is what ``encode(_:stamp:now:unixNow:)``
  /// gives: for those who can send both without joining them.
  ///
  /// - Parameters: see ``encode(_:stamp:now:unixNow:)``.
  /// - Complexity: One allocation. The body is read once, for the checksum, and not copied.
  public static func encodeHead(_ entry: CacheEntry, stamp: UInt64, now: CacheInstant, unixNow: UnixTime) -> Bytes {
    let key = entry.key
    let header = header(of: entry, key, stamp: stamp, now: now, unixNow: unixNow)
    let headSize = WireHeader.size + header.lengths.sections
    return Bytes(unsafeUninitializedCapacity: headSize) { memory in
      guard let base = memory.baseAddress else { return 0 }
      write(entry, key, header, to: base, count: headSize)
      let start = WireHeader.checksum(UnsafeRawBufferPointer(memory))
      seal(base, entry.body.withUnsafeBytes { CRC32C.checksum($0, continuing: start) })
      return memory.count
    }
  }

  @inline(__always)
  private static func header(
    of entry: CacheEntry, _ key: CacheKey, stamp: UInt64, now: CacheInstant, unixNow: UnixTime
  ) -> WireHeader {
    let optionalParts = entry.optionalParts
    return WireHeader(
      flags: optionalParts?.trailers == nil ? 0 : WireHeader.trailersFlag,
      status: UInt16(bitPattern: entry.shortStatus),
      traits: entry.traits.rawValue, times: WireTimes(entry.times, now: now, unixNow: unixNow), stamp: stamp,
      cost: entry.costInMicroseconds,
      lengths: WireHeader.Lengths(
        key: key.wireSize, tags: WireTags.size(of: optionalParts?.tags), fields: entry.fields.wireSize,
        trailers: optionalParts?.trailers?.wireSize ?? 0, variantIndex: optionalParts?.variantIndex?.wireSize ?? 0,
        body: entry.body.count))
  }

  /// Writes the header, without its checksum, and the sections.
  @inline(__always)
  private static func write(
    _ entry: CacheEntry, _ key: CacheKey, _ header: WireHeader, to base: UnsafeMutableRawPointer, count: Int
  ) {
    header.write(to: base)
    var writer = WireWriter(base + WireHeader.size, count: count - WireHeader.size)
    let optionalParts = entry.optionalParts
    key.write(to: &writer)
    WireTags.write(optionalParts?.tags, to: &writer)
    entry.fields.write(to: &writer)
    optionalParts?.trailers?.write(to: &writer)
    optionalParts?.variantIndex?.write(to: &writer)
    precondition(writer.isFull, "an entry is smaller than was worked out")
  }

  @inline(__always)
  private static func seal(_ base: UnsafeMutableRawPointer, _ checksum: UInt32) {
    base.storeBytes(of: checksum.littleEndian, toByteOffset: WireHeader.Offset.checksum, as: UInt32.self)
  }
}

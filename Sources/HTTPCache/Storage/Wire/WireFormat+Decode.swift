//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension WireFormat {
  /// Reads an entry.
  ///
  /// - Parameters:
  ///   - bytes: What ``encode(_:stamp:now:unixNow:)`` gave, from its first byte to its last. May come from anywhere.
  ///   - key: What the entry must have been stored under.
  ///   - now: The time, by the clock that the entry's moments are to be of.
  ///   - unixNow: The same moment by the wall clock.
  /// - Throws: When the bytes are not an entry for `key`. The cache takes that as a miss.
  /// - Complexity: O(number of bytes) for the checksum; copies the fields, not the body. What it allocates is at most
  ///   about five times as large as what stands before the body.
  public static func decode(
    _ bytes: Bytes, for key: CacheKey, now: CacheInstant, unixNow: UnixTime
  ) throws(WireFormatError) -> Decoded {
    try bytes.withUnsafeBytes { buffer throws(WireFormatError) in
      let header = try WireHeader(buffer)
      let lengths = header.lengths
      var reader = WireReader(buffer)
      // The header has seen to it that all of this is there.
      guard reader.take(WireHeader.size) != nil, let keySection = reader.take(lengths.key),
        let tagsSection = reader.take(lengths.tags),
        let fieldsSection = reader.take(lengths.fields), let trailersSection = reader.take(lengths.trailers),
        let variantIndexSection = reader.take(lengths.variantIndex)
      else { throw .damaged("the lengths do not add up") }
      guard try key.isWritten(in: keySection) else { throw .otherKey }
      let traits = EntryTraits(rawValue: header.traits)
      guard EntryTraits.all.isSuperset(of: traits) else { throw .damaged("unknown traits") }
      guard let times = header.times.entryTimes(now: now, unixNow: unixNow) else { throw .fromTheFuture }

      if traits.contains(.variantIndex) {
        guard traits == .variantIndex, lengths.tags | lengths.fields | lengths.trailers | lengths.body == 0,
          header.flags == 0, header.status == 0, header.costInMicroseconds == 0
        else { throw .damaged("a variant index is no response") }
        let index = try VariantIndex(wire: variantIndexSection)
        return Decoded(entry: CacheEntry(key: key, variantIndex: index, times: times), stamp: header.stamp)
      }
      guard lengths.variantIndex == 0 else { throw .damaged("a response is no variant index") }
      // An interim response is not stored, and could not be sent as the answer to a request.
      guard header.status >= 200, header.status <= 999 else { throw .damaged("no status code of a final response") }
      let hasTrailers = header.flags & WireHeader.trailersFlag != 0
      guard hasTrailers || lengths.trailers == 0 else { throw .damaged("trailers that there are none of") }
      let entry = CacheEntry(
        key: key, shortStatus: Int16(header.status), fields: try HeaderFields(wire: fieldsSection),
        body: bytes.slice(buffer.count - lengths.body..<buffer.count),
        trailers: hasTrailers ? try HeaderFields(wire: trailersSection) : nil, times: times, traits: traits,
        costInMicroseconds: header.costInMicroseconds, tags: try WireTags.read(tagsSection))
      return Decoded(entry: entry, stamp: header.stamp)
    }
  }
}

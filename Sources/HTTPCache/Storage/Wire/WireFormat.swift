//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How entries are written for other processes: one format for every backend that keeps bytes.
///
/// ```swift
/// let bytes = WireFormat.encode(entry, stamp: stamp.number, now: clock.now, unixNow: clock.unixTime)
/// let decoded = try WireFormat.decode(bytes, for: key, now: clock.now, unixNow: clock.unixTime)
/// decoded.entry.body    // shares the memory of `bytes`
/// ```
///
/// A fixed header, then the key, tags, fields, trailers and variant index, then the body as it is, all under one CRC-32C.
/// Golden files pin it.
///
/// Decoding believes nothing: every length, name, value and bit is checked, and every byte accounted for. Whatever is wrong
/// is a ``WireFormatError``, which a backend treats as a miss and tells about; it deletes nothing, since another version of
/// this library may have written it. The checksum finds damage, not malice: whoever can write to the store can write any
/// response (but no second head or body into one: field names and values are checked as a parser would).
///
/// Moments are written by the wall clock, rounded down to milliseconds. Reading needs both clocks once more, and gives an
/// entry at most the time it was written with: how far the clocks of two machines disagree shifts the moments by as much,
/// except that a response from the future counts as received now.
public enum WireFormat {
  /// By how much the clocks of two nodes may differ. A moment that is further in the future says nothing.
  package static var clockTolerance: Duration { .milliseconds(WireTimes.tolerance) }

  /// The version that is written, and the only one that is read.
  public static let version: UInt8 = 1

  /// How many bytes the fixed header takes.
  public static let headerSize = WireHeader.size

  /// An entry that was read, and what was written beside it.
  public struct Decoded: Sendable {
    /// The entry. Its body is a slice of the bytes that were decoded, and keeps all of them in memory.
    public let entry: CacheEntry
    /// The number of the store's last invalidation before the response was asked for.
    public let stamp: UInt64
  }
}

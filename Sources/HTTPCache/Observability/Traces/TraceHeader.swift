//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The beginning of a trace file: 64 octets, little-endian.
///
/// Octets 0–7 are 89 48 43 54 0D 0A 1A 0A, 8–9 the version (1), 10–11 the size of a record, 16–23 the time of day in nanoseconds
/// when the file was begun, 24–31 the part of the keys whose requests are in it, as IEEE 754 has it; the rest is zero. The key of the
/// hashes is nowhere in the file.
public struct TraceHeader: Hashable, Sendable {
  /// How many octets a header takes.
  public static let byteCount = 64
  private static let magic: [UInt8] = [0x89, 0x48, 0x43, 0x54, 0x0D, 0x0A, 0x1A, 0x0A]
  private static let version: UInt16 = 1

  /// When the file was begun, in nanoseconds since 1970.
  public var unixNanoseconds: UInt64
  /// The part of the keys whose requests are in the file: above 0, at most 1.
  public var sampleRate: Double

  /// - Parameters: see the properties of the same names.
  public init(unixNanoseconds: UInt64 = 0, sampleRate: Double = 1) {
    self.unixNanoseconds = unixNanoseconds
    self.sampleRate = sampleRate
  }

  /// Reads a header.
  ///
  /// - Returns: Nil where there is none, or one of another version.
  public init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= Self.byteCount, bytes.prefix(8).elementsEqual(Self.magic),
      UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt16.self)) == Self.version,
      Int(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 10, as: UInt16.self))) == TraceRecord.byteCount
    else { return nil }
    unixNanoseconds = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    sampleRate = Double(
      bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)))
    guard sampleRate > 0, sampleRate <= 1 else { return nil }
  }

  /// The header's octets.
  public var bytes: [UInt8] {
    var bytes = Self.magic
    func append(_ word: some FixedWidthInteger) {
      withUnsafeBytes(of: word.littleEndian) { bytes.append(contentsOf: $0) }
    }
    append(Self.version)
    append(UInt16(TraceRecord.byteCount))
    append(UInt32(0))
    append(unixNanoseconds)
    append(sampleRate.bitPattern)
    return bytes + Array(repeating: 0, count: Self.byteCount - bytes.count)
  }
}

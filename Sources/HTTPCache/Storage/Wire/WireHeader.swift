//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The fixed part of the wire format, field by field. All numbers are little-endian.
struct WireHeader {
  /// 0x89 "HCE": no text, and nothing that a line-oriented tool has changed, begins like this.
  static let magic: UInt32 = 0x4543_4889
  static let size = 104

  /// Where the fields stand.
  enum Offset {
    static let magic = 0
    static let checksum = 4
    static let version = 8
    static let flags = 9
    static let status = 10
    static let traits = 12
    static let reserved = 14
    static let times = 16
    static let stamp = 64
    static let cost = 72
    static let keyLength = 76
    static let tagsLength = 80
    static let fieldsLength = 84
    static let trailersLength = 88
    static let variantIndexLength = 92
    static let bodyLength = 96
  }

  /// There is a trailer section, be it empty.
  static let trailersFlag: UInt8 = 1 << 0

  var flags: UInt8 = 0
  var status: UInt16 = 0
  var traits: UInt16 = 0
  var times: WireTimes
  var stamp: UInt64 = 0
  var costInMicroseconds: UInt32 = 0
  var lengths: Lengths

  /// What stands behind the header, in this order.
  struct Lengths {
    var key: Int
    var tags: Int
    var fields: Int
    var trailers: Int
    var variantIndex: Int
    var body: Int

    /// All but the body.
    var sections: Int { key + tags + fields + trailers + variantIndex }
  }

  /// Writes everything but the checksum.
  @inline(__always)
  func write(to memory: UnsafeMutableRawPointer) {
    func put<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
      memory.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
    }
    put(Self.magic, at: Offset.magic)
    put(WireFormat.version, at: Offset.version)
    put(flags, at: Offset.flags)
    put(status, at: Offset.status)
    put(traits, at: Offset.traits)
    put(UInt16(0), at: Offset.reserved)
    put(times.birth, at: Offset.times)
    put(times.receivedAt, at: Offset.times + 8)
    put(times.freshUntil, at: Offset.times + 16)
    put(times.staleWhileRevalidateUntil, at: Offset.times + 24)
    put(times.staleIfErrorUntil, at: Offset.times + 32)
    put(times.reclaimAt, at: Offset.times + 40)
    put(stamp, at: Offset.stamp)
    put(costInMicroseconds, at: Offset.cost)
    // A section of 4 GiB or more would not come back: its length does not fit, and the reader finds that out.
    put(UInt32(clamping: lengths.key), at: Offset.keyLength)
    put(UInt32(clamping: lengths.tags), at: Offset.tagsLength)
    put(UInt32(clamping: lengths.fields), at: Offset.fieldsLength)
    put(UInt32(clamping: lengths.trailers), at: Offset.trailersLength)
    put(UInt32(clamping: lengths.variantIndex), at: Offset.variantIndexLength)
    put(UInt64(lengths.body), at: Offset.bodyLength)
  }

  /// Reads a header of version 1 and checks that the lengths add up to `bytes` and that the checksum is right.
  @inline(__always)
  init(_ bytes: UnsafeRawBufferPointer) throws(WireFormatError) {
    guard bytes.count >= Self.size, let base = bytes.baseAddress else { throw .damaged("shorter than its header") }
    func number<Number: FixedWidthInteger>(_ offset: Int, as type: Number.Type = Number.self) -> Number {
      Number(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
    guard number(Offset.magic, as: UInt32.self) == Self.magic else { throw .damaged("not of this format") }
    let version = number(Offset.version, as: UInt8.self)
    guard version == WireFormat.version else { throw .unsupported(version: version) }
    let bodyLength = number(Offset.bodyLength, as: UInt64.self)
    guard bodyLength <= UInt64(bytes.count) else { throw .damaged("the lengths do not add up") }
    lengths = Lengths(
      key: Int(number(Offset.keyLength, as: UInt32.self)), tags: Int(number(Offset.tagsLength, as: UInt32.self)),
      fields: Int(number(Offset.fieldsLength, as: UInt32.self)),
      trailers: Int(number(Offset.trailersLength, as: UInt32.self)),
      variantIndex: Int(number(Offset.variantIndexLength, as: UInt32.self)), body: Int(bodyLength))
    // Five numbers of 32 bits and one that is no more than what is there: no overflow.
    guard lengths.sections + lengths.body == bytes.count - Self.size else {
      throw .damaged("the lengths do not add up")
    }
    guard number(Offset.checksum, as: UInt32.self) == Self.checksum(bytes) else {
      throw .damaged("the checksum is wrong")
    }
    flags = number(Offset.flags)
    status = number(Offset.status)
    traits = number(Offset.traits)
    guard flags & ~Self.trailersFlag == 0, number(Offset.reserved, as: UInt16.self) == 0 else {
      throw .damaged("unknown flags")
    }
    times = WireTimes(
      birth: number(Offset.times), receivedAt: number(Offset.times + 8), freshUntil: number(Offset.times + 16),
      staleWhileRevalidateUntil: number(Offset.times + 24), staleIfErrorUntil: number(Offset.times + 32),
      reclaimAt: number(Offset.times + 40))
    stamp = number(Offset.stamp)
    costInMicroseconds = number(Offset.cost)
  }

  init(flags: UInt8, status: UInt16, traits: UInt16, times: WireTimes, stamp: UInt64, cost: UInt32, lengths: Lengths) {
    self.flags = flags
    self.status = status
    self.traits = traits
    self.times = times
    self.stamp = stamp
    self.costInMicroseconds = cost
    self.lengths = lengths
  }

  /// The checksum of an entry that is all in one piece: of every byte but its own four.
  @inline(__always)
  static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    let start = CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[..<Offset.checksum]))
    return CRC32C.checksum(UnsafeRawBufferPointer(rebasing: bytes[(Offset.checksum + 4)...]), continuing: start)
  }
}

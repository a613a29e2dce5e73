//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which of a cluster's 16384 slots a key belongs to: CRC-16/XMODEM of the key, or of what stands between its first `{` and
/// the next `}` if that is not empty (Redis Cluster Specification, "Hash tags").
enum HashSlot {
  static let count = 16384

  static func of(_ key: UnsafeRawBufferPointer) -> Int {
    var part = key[...]
    if let open = key.firstIndex(of: UInt8(ascii: "{")),
      let close = key[(open + 1)...].firstIndex(of: UInt8(ascii: "}")), close > open + 1
    {
      part = key[(open + 1)..<close]
    }
    var crc: UInt16 = 0
    for octet in part { crc = crc &<< 8 ^ table[Int(UInt8(truncatingIfNeeded: crc &>> 8) ^ octet)] }
    return Int(crc) & (count - 1)
  }

  static func of(_ key: String) -> Int {
    var key = key
    return key.withUTF8 { of(UnsafeRawBufferPointer($0)) }
  }

  static func of(_ command: RedisCommand) -> Int? {
    command.key?.withUnsafeBytes { of($0) }
  }

  private static let table: [UInt16] = (0..<256).map { octet in
    var crc = UInt16(octet) &<< 8
    for _ in 0..<8 { crc = crc & 0x8000 != 0 ? crc &<< 1 ^ 0x1021 : crc &<< 1 }
    return crc
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

@testable import HTTPCache

@Suite("Bad bytes are a miss")
struct WireDamageTests {
  private static func error(_ bytes: Bytes, for key: CacheKey) -> WireFormatError? {
    do {
      _ = try WireSamples.decode(bytes, for: key)
      return nil
    } catch { return error }
  }

  @Test("whichever octet is changed", arguments: WireGoldenTests.entries.keys.sorted())
  func everyChange(name: String) throws {
    let key = try #require(WireGoldenTests.entries[name]).entry.key
    var bytes = Array(try WireGoldenTests.bytes(name))
    for position in bytes.indices {
      let octet = bytes[position]
      // Each bit, and all of them.
      for mask in (0..<8).map({ UInt8(1) << $0 }) + [0xFF] {
        bytes[position] = octet ^ mask
        #expect(Self.error(Bytes(bytes), for: key) != nil, "octet \(position), bits \(mask)")
      }
      bytes[position] = octet
    }
    #expect(Self.error(Bytes(bytes), for: key) == nil)
  }

  @Test("wherever they are cut off, and whatever follows", arguments: WireGoldenTests.entries.keys.sorted())
  func everyTruncation(name: String) throws {
    let key = try #require(WireGoldenTests.entries[name]).entry.key
    let bytes = try WireGoldenTests.bytes(name)
    for count in 0..<bytes.count {
      #expect(Self.error(bytes.slice(0..<count), for: key)?.code == .damaged)
      // Also when the checksum is that of what is left.
      if count >= 8 { #expect(Self.error(WireSamples.sealed(Array(bytes.prefix(count))), for: key)?.code == .damaged) }
    }
    for garbage in [[0], [0xFF, 0xFF], [UInt8](bytes)] {
      #expect(Self.error(WireSamples.sealed(Array(bytes) + garbage), for: key)?.code == .damaged)
    }
  }

  @Test("of any other kind")
  func foreign() {
    let key = CacheKey(custom: "k")
    for text in ["", "x", "{\"status\":200}", "HTTP/1.1 200 OK\r\n\r\n", String(repeating: "\0", count: 104)] {
      #expect(Self.error(Bytes(text), for: key)?.code == .damaged)
    }
    #expect(Self.error(Bytes([UInt8](repeating: 0xFF, count: 5000)), for: key)?.code == .damaged)
  }

  /// A response of which the parts can be told apart, and where they are.
  private struct Forgery {
    static let entry = CacheEntry(
      key: CacheKey(scheme: "http", authority: "a", target: "/"), status: 200,
      fields: ["ETag": "\"abcdefgh\"", "X-Mine": "value"], body: "body", trailers: ["X-T": "t"],
      times: WireGoldenTests.entries["v1-response.bin"]!.entry.times, tags: CacheTags(["one", "two"]))

    var bytes = Array(WireSamples.encode(Forgery.entry))

    static let key = WireFormat.headerSize
    static let tags = key + entry.key.wireSize
    static let fields = tags + 14
    static let lines = fields + 4 + 2 * 6
    static let secondLine = lines + 18

    mutating func put(_ octets: [UInt8], at place: Int) {
      bytes.replaceSubrange(place..<place + octets.count, with: octets)
    }
  }

  private typealias Offset = WireHeader.Offset

  /// Octets, where they are put, and what is said about them.
  private static let forgeries: [(octets: [UInt8], place: Int, reason: String)] = [
    ([0x02], Offset.flags, "unknown flags"), ([0x81], Offset.flags, "unknown flags"),
    ([0x00], Offset.flags, "trailers that there are none of"),
    ([0x01], Offset.reserved, "unknown flags"), ([0x01], Offset.reserved + 1, "unknown flags"),
    ([0x00, 0x04], Offset.traits, "unknown traits"), ([0x00, 0x80], Offset.traits, "unknown traits"),
    ([0x80], Offset.traits, "a variant index is no response"),
    ([0x00, 0x00], Offset.status, "no status code of a final response"),
    ([99, 0], Offset.status, "no status code of a final response"),
    ([100, 0], Offset.status, "no status code of a final response"),
    ([101, 0], Offset.status, "no status code of a final response"),
    ([199, 0], Offset.status, "no status code of a final response"),
    ([0xE8, 0x03], Offset.status, "no status code of a final response"),
    ([0xFF, 0xFF], Offset.status, "no status code of a final response"),
    ([0xFF, 0xFF, 0xFF, 0xFF], Offset.keyLength, "the lengths do not add up"),
    ([0xFF, 0xFF, 0xFF, 0xFF], Offset.fieldsLength, "the lengths do not add up"),
    ([UInt8](repeating: 0xFF, count: 8), Offset.bodyLength, "the lengths do not add up"),
    ([0, 0, 0, 0, 0, 0, 0, 0x80], Offset.bodyLength, "the lengths do not add up"),
    // One section's gain is another's loss.
    ([13, 0, 0, 0, 13, 0, 0, 0], Offset.keyLength, ""),
    ([0xFF, 0xFF, 0xFF, 0xFF], Forgery.key, "the key does not fill its section"),
    ([0xFF, 0xFF, 0xFF, 0x7F], Forgery.key + 4, "the key does not fill its section"),
    ([0xFF, 0xFF], Forgery.key + 8, "the key does not fill its section"),
    ([0], Forgery.tags, "no tag"), ([0xFF, 0xFF, 0xFF, 0xFF], Forgery.tags, "no tag"),
    ([0xFF], Forgery.tags + 4, "no tag"), (Array("two".utf8), Forgery.tags + 4, "a tag twice"),
    ([0xFF, 0xFF, 0xFF, 0xFF], Forgery.fields, "more fields than there is room for"),
    ([0], Forgery.fields, "more fields than there is room for"),
    ([1], Forgery.fields, ""), ([3], Forgery.fields, ""),
    ([0, 0], Forgery.fields + 4, "a field is longer than its section"),
    ([0xFF, 0xFF], Forgery.fields + 4, "a field is longer than its section"),
    ([0xFF, 0xFF, 0xFF, 0xFF], Forgery.fields + 6, "a field is longer than its section"),
    ([5], Forgery.fields + 4, "a field is no line"), ([11], Forgery.fields + 6, "a field is no line"),
    (Array(";".utf8), Forgery.lines + 4, "a field is no line"),
    (Array("\n".utf8), Forgery.lines + 16, "a field is no line"),
    // A second head, or a second field, in a value or a name.
    (Array("\r\nEvil: x".utf8), Forgery.lines + 6, "no field value"),
    (Array("\r".utf8), Forgery.lines + 8, "no field value"), (Array("\n".utf8), Forgery.lines + 9, "no field value"),
    ([0], Forgery.lines + 10, "no field value"), ([0x7F], Forgery.lines + 11, "no field value"),
    ([0x1F], Forgery.secondLine + 9, "no field value"),
    (Array(" ".utf8), Forgery.lines + 6, "no field value"), (Array("\t".utf8), Forgery.lines + 15, "no field value"),
    (Array(" ".utf8), Forgery.lines + 1, "no field name"), (Array("\r\n".utf8), Forgery.lines, "no field name"),
    (Array(":".utf8), Forgery.secondLine, "no field name"), ([0xE9], Forgery.secondLine + 1, "no field name"),
    (Array("\n".utf8), Forgery.secondLine + 1, "no field name"),
  ]

  @Test("also when the checksum is right", arguments: 0..<forgeries.count)
  func forged(number: Int) {
    let (octets, place, reason) = Self.forgeries[number]
    var forgery = Forgery()
    #expect(Self.error(WireSamples.sealed(forgery.bytes), for: Forgery.entry.key) == nil, "it is good as it is")
    forgery.put(octets, at: place)
    let error = Self.error(WireSamples.sealed(forgery.bytes), for: Forgery.entry.key)
    #expect(error?.code == .damaged)
    if !reason.isEmpty { #expect(error?.reason == reason) }
  }

  @Test("when they are a variant index that is none")
  func variantIndexes() throws {
    let key = CacheKey(custom: "k")
    let times = WireGoldenTests.entries["v1-response.bin"]!.entry.times
    func error(_ nonce: String, _ selections: [String]) -> WireFormatError? {
      var writer = [UInt8]()
      func put<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number.littleEndian) { writer.append(contentsOf: $0) }
      }
      put(UInt16(nonce.utf8.count))
      writer += nonce.utf8
      for selection in selections {
        put(UInt32(selection.utf8.count))
        writer += selection.utf8
      }
      let good = CacheEntry(key: key, variantIndex: VariantIndex(nonce: "n", selections: [.none]), times: times)
      var bytes = Array(WireSamples.encode(good).dropLast(good.variantIndex!.wireSize)) + writer
      withUnsafeBytes(of: UInt32(writer.count).littleEndian) {
        bytes.replaceSubrange(Offset.variantIndexLength..<Offset.variantIndexLength + 4, with: $0)
      }
      return Self.error(WireSamples.sealed(bytes), for: key)
    }
    #expect(error("n1", ["accept", "", "accept,cookie"]) == nil)
    #expect(error("n1", (0..<8).map { "x-\($0)" }) == nil)
    #expect(error("", ["accept"]) == .damaged("no nonce"))
    #expect(error("a\0b", ["accept"]) == .damaged("no nonce"))
    for selections in [[], (0..<9).map { "x-\($0)" }, ["Accept"], ["cookie,accept"], ["a,a"], ["a b"], [","]] {
      #expect(error("n1", selections) == .damaged("no list of selecting fields"))
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

@testable import HTTPCache

/// The files were made by `Golden/make_golden.py` from the documentation, without this library.
@Suite("Golden files of the wire format")
struct WireGoldenTests {
  static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Golden")

  private static let hour: Int64 = 3600

  private static func second(_ seconds: Int64, milliseconds: Int64 = 0) -> CacheInstant {
    WireSamples.now.advanced(by: .seconds(seconds) + .milliseconds(milliseconds))
  }

  /// What the files hold, with their stamps.
  static let entries: [String: (entry: CacheEntry, stamp: UInt64)] = [
    "v1-response.bin": (
      CacheEntry(
        key: CacheKey(scheme: "https", authority: "example.com", target: "/catalog/items/42?locale=en"), status: 200,
        fields: responseFields, body: "hello, world\n",
        times: EntryTimes(
          birth: second(-5), receivedAt: second(-2), freshUntil: second(hour),
          staleWhileRevalidateUntil: second(hour + 60), staleIfErrorUntil: second(hour + 86_400),
          reclaimAt: second(2 * 86_400)), traits: .hasValidator, cost: .microseconds(12_345),
        tags: CacheTags(["product:42", CacheTags.group("caf\u{E9}", scheme: "https", authority: "example.com")])), 7
    ),
    "v1-least.bin": (
      CacheEntry(
        key: CacheKey(custom: "home"), status: 404, fields: [:], body: Bytes(),
        times: EntryTimes(
          birth: .distantPast, receivedAt: second(-1_800_000_000), freshUntil: .distantFuture,
          staleWhileRevalidateUntil: .distantFuture, staleIfErrorUntil: .distantFuture, reclaimAt: .distantFuture)), 0
    ),
    "v1-variant.bin": (
      CacheEntry(
        key: CacheKey(scheme: "http", authority: "[::1]:8080", target: "/")
          .variant("abc123\u{0}accept-encoding\u{0}accept-encoding=4~gzip;"), status: 999,
        fields: ["Content-Encoding": "gzip", "Vary": "Accept-Encoding"],
        body: Bytes((0..<1024).map { UInt8(truncatingIfNeeded: $0) }), trailers: ["Server-Timing": "db;dur=53"],
        times: EntryTimes(
          birth: second(0, milliseconds: -1), receivedAt: second(0), freshUntil: second(0, milliseconds: 1),
          staleWhileRevalidateUntil: second(0, milliseconds: 2), staleIfErrorUntil: second(0, milliseconds: 3),
          reclaimAt: second(0, milliseconds: 4)), traits: EntryTraits(rawValue: 0x17F),
        cost: .microseconds(Int64(UInt32.max))), .max
    ),
    "v1-empty-trailers.bin": (
      CacheEntry(
        key: CacheKey(scheme: "ftp", authority: "example.com", target: "/x"), status: 200, fields: [:], body: "x",
        trailers: [:],
        times: EntryTimes(
          birth: second(0), receivedAt: second(0), freshUntil: second(0), staleWhileRevalidateUntil: second(0),
          staleIfErrorUntil: second(0), reclaimAt: second(0))), 0
    ),
    "v1-variant-index.bin": (
      CacheEntry(
        key: CacheKey(scheme: "http", authority: "example.com", target: "/"),
        variantIndex: VariantIndex(
          nonce: "1y2p0ij32e8e7",
          selections: [VarySelection(["Accept-Language", "Accept-Encoding"]), .none, VarySelection(["Cookie"])]),
        times: EntryTimes(
          birth: second(0, milliseconds: -1), receivedAt: second(0), freshUntil: second(hour),
          staleWhileRevalidateUntil: second(hour), staleIfErrorUntil: second(hour), reclaimAt: second(hour))), 3
    ),
  ]

  private static let responseFields: HeaderFields = {
    var fields: HeaderFields = [
      "Content-Type": "text/plain; charset=utf-8", "ETag": "\"33a64df5\"", "Date": "Fri, 15 Jan 2027 08:00:00 GMT",
      "cache-control": "public, max-age=3600",
    ]
    _ = Array("X-Note".utf8).withUnsafeBytes { name in
      [UInt8(ascii: "a"), 0x09, UInt8(ascii: "b"), 0x20, 0xE9].withUnsafeBytes { fields.append(name: name, value: $0) }
    }
    fields.append("X-Empty", "")
    return fields
  }()

  static func bytes(_ name: String) throws -> Bytes {
    Bytes(try Data(contentsOf: directory.appending(path: name)))
  }

  @Test("are all there, and no others")
  func files() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
    #expect(Set(names.filter { $0.hasSuffix(".bin") }) == Set(Self.entries.keys))
  }

  @Test("are what is written today", arguments: entries.keys.sorted())
  func encoding(name: String) throws {
    let (entry, stamp) = try #require(Self.entries[name])
    #expect(WireSamples.encode(entry, stamp: stamp) == (try Self.bytes(name)))
  }

  @Test("are read, and written again as they were", arguments: entries.keys.sorted())
  func decoding(name: String) throws {
    let (entry, stamp) = try #require(Self.entries[name])
    let bytes = try Self.bytes(name)
    let decoded = try WireSamples.decode(bytes, for: entry.key)
    #expect(decoded.stamp == stamp && decoded.entry.status == entry.status && decoded.entry.body == entry.body)
    #expect(decoded.entry.fields == entry.fields && decoded.entry.trailers == entry.trailers)
    #expect(decoded.entry.tags?.names == entry.tags?.names && decoded.entry.traits == entry.traits)
    #expect(decoded.entry.times == entry.times && decoded.entry.cost == entry.cost)
    #expect(decoded.entry.variantIndex?.selections == entry.variantIndex?.selections)
    #expect(WireSamples.encode(decoded.entry, stamp: decoded.stamp) == bytes)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CChecksum
import Foundation
import HTTPCacheTesting

@testable import HTTPCache

/// Entries and clocks for the tests of the wire format.
enum WireSamples {
  static let now = CacheInstant(nanoseconds: 5_000_000_123_456)
  static let unixNow = UnixTime(milliseconds: 1_800_000_000_000)

  static func encode(_ entry: CacheEntry, stamp: UInt64 = 9) -> Bytes {
    WireFormat.encode(entry, stamp: stamp, now: now, unixNow: unixNow)
  }

  static func decode(_ bytes: Bytes, for key: CacheKey) throws(WireFormatError) -> WireFormat.Decoded {
    try WireFormat.decode(bytes, for: key, now: now, unixNow: unixNow)
  }

  /// `bytes` with the checksum that they should have: what somebody who knows the format would forge.
  static func sealed(_ bytes: [UInt8]) -> Bytes {
    var bytes = bytes
    let crc = bytes.withUnsafeBytes { buffer in
      http_cache_crc32c_portable(
        http_cache_crc32c_portable(0, buffer.baseAddress, 4), buffer.baseAddress! + 8, buffer.count - 8)
    }
    withUnsafeBytes(of: crc.littleEndian) { bytes.replaceSubrange(4..<8, with: $0) }
    return Bytes(bytes)
  }

  static let keys = [
    CacheKey(scheme: "http", authority: "example.com", target: "/"),
    CacheKey(scheme: "https", authority: "example.com", target: "/catalog/items/42?locale=en"),
    CacheKey(scheme: "ftp", authority: "[::1]:8080", target: "/caf\u{E9}"),
    CacheKey(custom: "home"), CacheKey(custom: "//example.com/"),
    // Alike as text, but not the same.
    CacheKey(scheme: "key", authority: "example.com", target: "/"),
    CacheKey(scheme: "http", authority: "example.com", target: "/").variant("nonce\u{0}accept\u{0}accept=1:x;"),
    CacheKey(scheme: "http", authority: "example.com", target: "/").variant(""),
    CacheKey(scheme: "ftp", authority: "", target: "").variant("v"), CacheKey(custom: "home").variant("v"),
  ]

  static func random(_ generator: inout SplitMix64) -> CacheEntry {
    let key = keys.randomElement(using: &generator)!
    if Int.random(in: 0..<8, using: &generator) == 0 {
      let lists: [[HeaderName]] = [[], ["Accept"], ["Cookie", "Accept-Encoding"], ["X-Mine"]]
      let chosen = lists.shuffled(using: &generator).prefix(Int.random(in: 1...4, using: &generator))
      return CacheEntry(
        key: key, variantIndex: VariantIndex(nonce: "n0nce", selections: chosen.map { VarySelection($0) }),
        times: times(&generator))
    }
    let traits = EntryTraits(rawValue: UInt16.random(in: .min ... .max, using: &generator))
      .intersection(.all).subtracting(.variantIndex)
    return CacheEntry(
      key: key, status: Int.random(in: 200...999, using: &generator), fields: fields(&generator),
      body: Bytes(octets(Int.random(in: 0...2000, using: &generator), &generator)),
      trailers: Bool.random(using: &generator) ? fields(&generator) : nil, times: times(&generator), traits: traits,
      cost: .microseconds(Int64(UInt32.random(in: .min ... .max, using: &generator))), tags: tags(&generator))
  }

  private static func octets(_ count: Int, _ generator: inout SplitMix64) -> [UInt8] {
    (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  private static func fields(_ generator: inout SplitMix64) -> HeaderFields {
    var fields = HeaderFields()
    for _ in 0..<Int.random(in: 0...12, using: &generator) {
      let value = octets(Int.random(in: 0...60, using: &generator), &generator)
      let known = KnownHeader.allCases.randomElement(using: &generator)!.spelling.description
      let name = [known, known.lowercased(), "X-\(value.count)", "!"].randomElement(using: &generator)!
      _ = Array(name.utf8).withUnsafeBytes { name in
        value.withUnsafeBytes { fields.append(name: name, value: $0) }
      }
    }
    return fields
  }

  private static func tags(_ generator: inout SplitMix64) -> CacheTags? {
    CacheTags((0..<Int.random(in: 0...5, using: &generator)).map { "tag \($0) caf\u{E9}" })
  }

  private static func times(_ generator: inout SplitMix64) -> EntryTimes {
    func instant(upTo limit: Int64) -> CacheInstant {
      switch Int.random(in: 0..<10, using: &generator) {
      case 0: .distantPast
      case 1 where limit == .max: .distantFuture
      default:
        CacheInstant(nanoseconds: Int64.random(in: -1_000_000_000_000_000...min(limit, 1 << 60), using: &generator))
      }
    }
    return EntryTimes(
      birth: instant(upTo: .max), receivedAt: instant(upTo: now.nanoseconds), freshUntil: instant(upTo: .max),
      staleWhileRevalidateUntil: instant(upTo: .max), staleIfErrorUntil: instant(upTo: .max),
      reclaimAt: instant(upTo: .max))
  }
}

extension EntryTimes {
  var all: [CacheInstant] {
    [birth, receivedAt, freshUntil, staleWhileRevalidateUntil, staleIfErrorUntil, reclaimAt]
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import HTTPCacheMemcached

@Suite struct MemcachedKeyTests {
  /// The first of the vectors that come with the authors' reference code (key 00…0f, input 00, 00 01, …).
  @Test(arguments: [
    (0, "a3817f04ba25a8e66df67214c7550293"), (1, "da87c1d86b99af44347659119b22fc45"),
    (2, "8177228da4a45dc7fca38bdef60affe4"), (3, "9c70b60c5267a94e5f33b6b02985ed51"),
  ])
  func `the digest is SipHash with 128 bits`(count: Int, expected: String) {
    let digest = (0..<UInt8(count)).map(\.self).withUnsafeBytes {
      SipHash128.digest($0, key: (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908))
    }
    let bytes = [digest.first, digest.second].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
    }
    #expect(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() == expected)
  }

  /// Pinned: another digest would lose everything that older versions have stored, and nodes would not find each other's.
  @Test func `a key is the same in every process`() {
    let keys = MemcachedKeySpace(namespace: "app")
    #expect(keys.key(.entry, "https://example.com/a?b").description == "app:e:faa58a258dd047207407894c061fc193")
    #expect(keys.key(.tag, "").description == "app:t:d6475fa6aa691eba8a5f294f9d65642e")
    #expect(keys.key(.chunk, 1, 0xABC, number: 12).description == "app:c:00000000000000010000000000000abc:12")
  }

  @Test(arguments: ["", " ", "a b\r\nc", "\u{0}", String(repeating: "ü", count: 100_000)])
  func `any text makes a key that memcached takes`(text: String) {
    let key = MemcachedKeySpace(namespace: String(repeating: "n", count: 64)).key(.entry, text)
    #expect(key.bytes.count <= 250)
    #expect(key.bytes.allSatisfy { (0x21...0x7E).contains($0) })
  }

  @Test func `other texts, kinds and namespaces have other keys`() {
    var seen: Set<MemcachedKey> = []
    for namespace in ["a", "b"] {
      for kind: MemcachedKeySpace.Kind in [.entry, .tag, .lease, .clock, .chunk] {
        for number in 0..<1000 {
          let isNew = seen.insert(MemcachedKeySpace(namespace: namespace).key(kind, "key \(number)")).inserted
          #expect(isNew)
        }
      }
    }
  }
}

@Suite struct MemcachedExpirationTests {
  private let now = UnixTime(seconds: 1_800_000_000)

  @Test(arguments: [
    (Duration.nanoseconds(1), 2), (.milliseconds(300), 2), (.seconds(1), 2), (.milliseconds(1001), 3),
    (.seconds(60), 61),
    (.seconds(2_591_999), 2_592_000),
    // Beyond 30 days it is a moment.
    (.seconds(2_592_000), 1_802_592_001), (.seconds(31_536_000), 1_831_536_001),
    // What 32 bits do not hold is as late as can be said.
    (.seconds(3_000_000_000), 2_147_483_647), (.seconds(Int64.max), 2_147_483_647),
  ])
  func `a lifetime in the server's terms is never shorter than it is`(lifetime: Duration, exptime: Int) {
    #expect(MemcachedExpiration(lifetime: lifetime, now: now)?.exptime == exptime)
  }

  @Test(arguments: [Duration.zero, .nanoseconds(-1), .seconds(-100)])
  func `a lifetime that is over is not for ever`(lifetime: Duration) {
    #expect(MemcachedExpiration(lifetime: lifetime, now: now) == nil)
  }

  @Test func `after the last moment that 32 bits hold it is 30 days`() {
    let exptime = MemcachedExpiration(lifetime: .seconds(31_536_000), now: UnixTime(seconds: 2_147_483_000))?.exptime
    #expect(exptime == 2_592_000)
  }
}

@Suite struct ChunkManifestTests {
  @Test func `a manifest reads as it was written`() throws {
    let manifest = ChunkManifest(valueSize: 2_500_001, chunkSize: 1_000_000)
    #expect(manifest.chunkCount == 3)
    #expect(manifest.range(2) == 2_000_000..<2_500_001)
    #expect(try #require(ChunkManifest(manifest.bytes, maximumValueSize: 1 << 26)) == manifest)
    #expect(ChunkManifest(manifest.bytes, maximumValueSize: 2_500_000) == nil)
  }

  @Test(arguments: 0..<32)
  func `a damaged manifest is refused or is for other chunks`(position: Int) {
    let manifest = ChunkManifest(valueSize: 2_500_001, chunkSize: 1_000_000)
    var bytes = Array(manifest.bytes)
    bytes[position] ^= 0x81
    #expect(ChunkManifest(Bytes(bytes), maximumValueSize: 1 << 26) != manifest)
    #expect(ChunkManifest(Bytes(bytes[..<position]), maximumValueSize: 1 << 26) == nil)
  }
}

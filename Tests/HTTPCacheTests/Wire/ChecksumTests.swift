//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CChecksum
import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite("CRC-32C")
struct ChecksumTests {
  private static func both(_ bytes: [UInt8], continuing crc: UInt32 = 0) -> (fast: UInt32, portable: UInt32) {
    bytes.withUnsafeBytes {
      (
        http_cache_crc32c(crc, $0.baseAddress, $0.count), http_cache_crc32c_portable(crc, $0.baseAddress, $0.count)
      )
    }
  }

  /// The check value of the catalogues of CRCs, and RFC 3720 appendix B.4.
  @Test(
    "gives the published values",
    arguments: [
      (Array("123456789".utf8), 0xE306_9283), ([], 0), ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
      ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43), (Array(0..<32), 0x46DD_794E),
      (Array((0..<32).reversed()), 0x113F_DB5C),
      (
        [
          0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0, 0x14, 0, 0, 0,
          0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0,
        ], 0xD996_3A56
      ),
    ] as [([UInt8], UInt32)])
  func vectors(bytes: [UInt8], expected: UInt32) {
    let (fast, portable) = Self.both(bytes)
    #expect(fast == expected)
    #expect(portable == expected)
  }

  @Test("is the same by instruction and without, for every length, place and beginning")
  func agreement() {
    var generator = SplitMix64(seed: 1)
    let bytes = (0..<30_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    for count in Array(0...700) + [1023, 1024, 3072, 3079, 3080, 3081, 6160, 9999, 29_000] {
      let start = Int.random(in: 0...16, using: &generator)
      let crc = UInt32.random(in: .min ... .max, using: &generator)
      let (fast, portable) = Self.both(Array(bytes[start..<start + count]), continuing: crc)
      #expect(fast == portable, "\(count) bytes from \(start)")
    }
  }

  @Test("of a message in pieces is that of the whole")
  func pieces() {
    var generator = SplitMix64(seed: 2)
    let bytes = (0..<5000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let whole = Self.both(bytes).fast
    for _ in 0..<200 {
      let cut = Int.random(in: 0...bytes.count, using: &generator)
      let first = Self.both(Array(bytes[..<cut])).fast
      #expect(Self.both(Array(bytes[cut...]), continuing: first).fast == whole)
    }
  }

  #if arch(x86_64)
    @Test("uses the instruction on the machines that tests run on", .enabled(if: Self.processorHasInstruction))
    func acceleration() { #expect(http_cache_crc32c_is_accelerated() == 1) }

    private static var processorHasInstruction: Bool {
      let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
      return text.contains("sse4_2") && text.contains("pclmulqdq")
    }
  #endif
}

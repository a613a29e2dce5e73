//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite("Known field names")
struct KnownHeaderTests {
  private static func recognize(_ octets: [UInt8]) -> KnownHeader? {
    octets.withUnsafeBytes { KnownHeader.recognize($0) }
  }

  @Test("are recognised however their letters are written", arguments: KnownHeader.allCases)
  func anyCase(header: KnownHeader) {
    let spelling = header.spelling.description
    for name in [spelling, spelling.lowercased(), spelling.uppercased()] {
      #expect(Self.recognize(Array(name.utf8)) == header)
    }
  }

  @Test("are not recognised with any octet changed or missing", arguments: KnownHeader.allCases)
  func nearMisses(header: KnownHeader) {
    let name = Array(header.spelling.description.utf8)
    for position in name.indices {
      for changed in UInt8.min ... .max where ASCII.lowercased(changed) != ASCII.lowercased(name[position]) {
        var other = name
        other[position] = changed
        #expect(Self.recognize(other) != header)
      }
    }
    #expect(Self.recognize(Array(name.dropLast())) != header)
    #expect(Self.recognize(Array(name.dropFirst())) != header)
    #expect(Self.recognize(name + [0]) == nil)
    #expect(Self.recognize(name + name) != header)
  }

  @Test("of no length that any has are refused at once")
  func lengths() {
    #expect(Self.recognize([]) == nil)
    #expect(Self.recognize(Array("E".utf8)) == nil)
    #expect(Self.recognize([UInt8](repeating: UInt8(ascii: "a"), count: 100_000)) == nil)
  }
}

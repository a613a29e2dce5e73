//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct KnownVariantsTests {
  private func key(_ number: Int) -> CacheKey {
    CacheKey(scheme: "https", authority: "example.com", target: "/\(number)")
  }

  @Test func `lists are remembered until there is none, and their number is bounded`() throws {
    let known = KnownVariants()
    let selection = VarySelection(["accept-language"])
    let index = VariantIndex(selection)
    let fields: HeaderFields = ["accept-language": "de"]
    #expect(known.variant(of: key(1), for: fields) == nil)
    known.note(index, for: key(1))
    let expected = index.key(of: selection, primary: key(1), fields: fields)
    #expect(known.variant(of: key(1), for: fields) == expected)
    #expect(known.variant(of: key(1), for: ["accept-language": "fr"]) != expected)
    known.note(nil, for: key(1))
    #expect(known.variant(of: key(1), for: fields) == nil && known.count == 0)
    for _ in 0..<10_000 { known.note(index, for: key(1)) }
    #expect(known.count == 1)
    for number in 0..<10_000 { known.note(index, for: key(number)) }
    #expect(known.count == KnownVariants.limit)
    // Few large ones take the place of many small ones.
    for number in 0..<10_000 { known.note(index, weight: 64 << 10, for: key(number)) }
    #expect(known.count == KnownVariants.byteLimit / (64 << 10))
    known.note(index, weight: KnownVariants.byteLimit + 1, for: key(1))
    #expect(known.variant(of: key(1), for: fields) == nil)
  }
}

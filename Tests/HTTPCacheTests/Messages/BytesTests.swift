//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@Suite struct BytesTests {
  @Test func `a slice shares the memory of the whole`() {
    let whole = Bytes("hello, world")
    let slice = whole.slice(7..<12)
    #expect(slice.description == "world")
    #expect(slice.slice(1..<3) == Bytes("or"))
    let distance = whole.withUnsafeBytes { outer in slice.withUnsafeBytes { $0.baseAddress! - outer.baseAddress! } }
    #expect(distance == 7)
  }

  @Test func `foreign memory is kept alive by its last slice`() {
    final class Owner {
      let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4, alignment: 1)
      let onDeinit: () -> Void
      init(onDeinit: @escaping () -> Void) {
        memory.copyBytes(from: [1, 2, 3, 4])
        self.onDeinit = onDeinit
      }
      deinit {
        memory.deallocate()
        onDeinit()
      }
    }
    var isFreed = false
    var slice: Bytes?
    do {
      let owner = Owner { isFreed = true }
      slice = Bytes(owner: owner, base: UnsafeRawPointer(owner.memory.baseAddress!), count: 4).slice(1..<3)
    }
    #expect(!isFreed)
    #expect(slice.map(Array.init) == [2, 3])
    slice = nil
    #expect(isFreed)
  }

  @Test(arguments: [[], ["a"], ["a", ""], ["", "bc", "d"], ["one ", "two ", "three"]])
  func `joining is concatenation`(parts: [String]) {
    #expect(Bytes(joining: parts.map { Bytes($0) }) == Bytes(parts.joined()))
  }

  @Test func `equality and hashing look at the bytes only`() {
    #expect(Bytes("xaby").slice(1..<3) == Bytes("ab"))
    #expect(Bytes("xaby").slice(1..<3).hashValue == Bytes("ab").hashValue)
    #expect(Bytes("ab") != Bytes("ac"))
    #expect(Bytes() == Bytes(""))
    #expect(Bytes(AnySequence([1, 2, 3])) == Bytes([1, 2, 3]))
  }
}

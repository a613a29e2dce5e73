//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Testing

@testable import HTTPCache

/// The memory of bytes, handed over without a copy.
@Suite struct BytesOwnerTests {
  /// Keeps foreign memory, and poisons it when it goes.
  private final class Arena {
    let memory: UnsafeMutableRawBufferPointer
    let onEnd: () -> Void

    init(_ bytes: [UInt8], onEnd: @escaping () -> Void) {
      memory = .allocate(byteCount: bytes.count, alignment: 1)
      memory.copyBytes(from: bytes)
      self.onEnd = onEnd
    }

    deinit {
      memory.initializeMemory(as: UInt8.self, repeating: 0xFF)
      memory.deallocate()
      onEnd()
    }
  }

  private func data(lending bytes: Bytes) -> Data {
    guard let owner = bytes.owner, let base = bytes.unsafeMemory.baseAddress else { return Data() }
    let retained = Unmanaged.passRetained(owner)
    return Data(
      bytesNoCopy: UnsafeMutableRawPointer(mutating: base), count: bytes.count,
      deallocator: .custom { _, _ in retained.release() })
  }

  /// `Data` copies a few bytes into itself, whatever it is told.
  @Test(arguments: [100, 128 << 10])
  func `memory that is retained by its owner outlives the bytes`(size: Int) {
    var bytes: Bytes? = Bytes((0..<size).map { UInt8(truncatingIfNeeded: $0) })
    let address = bytes?.unsafeMemory.baseAddress
    let data = data(lending: bytes!)
    bytes = nil
    data.withUnsafeBytes { #expect($0.baseAddress == address) }
    #expect(data.elementsEqual((0..<size).map { UInt8(truncatingIfNeeded: $0) }))
  }

  @Test func `foreign memory ends with the last who retains its owner`() {
    var hasEnded = false
    var data: Data?
    do {
      let arena = Arena(Array(0..<100)) { hasEnded = true }
      let bytes = Bytes(owner: arena, base: UnsafeRawPointer(arena.memory.baseAddress!), count: 100)
      data = self.data(lending: bytes.slice(10..<90))
    }
    #expect(!hasEnded)
    #expect(data.map(Array.init) == Array(10..<90))
    data = nil
    #expect(hasEnded)
  }

  @Test func `no bytes need no owner`() {
    #expect(Bytes().owner == nil)
    #expect(Bytes().unsafeMemory.isEmpty)
    #expect(Bytes("abc").slice(1..<1).owner == nil)
  }

  @Test func `a part shares the memory of the whole`() {
    let whole = Bytes(0..<200 as Range<UInt8>)
    let part = whole.slice(50..<100)
    #expect(part.owner === whole.owner)
    #expect(part.unsafeMemory.baseAddress == whole.unsafeMemory.baseAddress.map { $0 + 50 })
  }
}

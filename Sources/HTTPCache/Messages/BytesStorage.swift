//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The memory behind a `Bytes` of our own: one allocation, the bytes behind the object's header.
final class BytesStorage: ManagedBuffer<Void, UInt8>, SizedMemory {
  static func allocate(capacity: Int) -> BytesStorage {
    let buffer = BytesStorage.create(minimumCapacity: capacity) { _ in () }
    return unsafeDowncast(buffer, to: BytesStorage.self)
  }

  var memory: UnsafeMutableRawPointer {
    withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) }
  }

  /// As the allocator has it: the object's header, the room behind it, and the allocator's word.
  var byteCount: Int { capacity + 3 * MemoryLayout<Int>.size }

  /// The memory that room for `count` bytes takes.
  static func byteCount(of count: Int) -> Int { HeapBlock.byteCount(2 * MemoryLayout<Int>.size + count) }
}

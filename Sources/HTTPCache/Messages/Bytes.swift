//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// An immutable, reference-counted run of bytes: the body of a response, a chunk of a stream, a stored head.
///
/// Copying and slicing are O(1) and share the memory. The memory may be `Bytes`' own, or belong to a foreign
/// owner (a `ByteBuffer`, a client library's reply, a memory-mapped file) that is kept alive for as long as any
/// slice of it is.
///
/// ```swift
/// let body = Bytes("hello, world")
/// let hello = body.slice(0..<5)      // shares the memory of `body`
/// ```
public struct Bytes: @unchecked Sendable {
  // @unchecked: the memory is never written after initialisation (the initialisers demand it of foreign memory),
  // and `owner` is only held, never called.
  /// The object that keeps the memory valid. Nil only when there are no bytes.
  ///
  /// Whoever retains it may use ``unsafeMemory`` for as long, beyond the life of this value. Nothing else is to be done with
  /// it: its type is the business of who made the bytes.
  public let owner: AnyObject?
  @usableFromInline let base: UnsafeRawPointer
  /// The number of bytes.
  public let count: Int

  /// Wraps memory that belongs to `owner`, without copying it.
  ///
  /// - Parameters:
  ///   - owner: Keeps the memory valid; retained until the last slice is gone.
  ///   - base: The first byte.
  ///   - count: The number of bytes, zero or more.
  /// - Precondition: Nobody writes to the memory for as long as `owner` lives.
  @inlinable
  public init(owner: AnyObject, base: UnsafeRawPointer, count: Int) {
    precondition(count >= 0, "Bytes cannot have a negative count")
    self.owner = owner
    self.base = base
    self.count = count
  }

  /// The bytes of another value.
  @inline(__always)
  init(sharing owner: AnyObject?, base: UnsafeRawPointer, count: Int) {
    self.owner = owner
    self.base = base
    self.count = count
  }

  @inlinable
  init(unownedEmpty: Void) {
    self.owner = nil
    // Any non-null address will do: a count of zero means that it is never read.
    self.base = UnsafeRawPointer(bitPattern: 1)!
    self.count = 0
  }

  /// No bytes.
  @inlinable
  public init() {
    self.init(unownedEmpty: ())
  }

  /// Allocates `capacity` bytes and lets `initializer` fill them.
  ///
  /// - Parameters:
  ///   - capacity: The most bytes that `initializer` may write.
  ///   - initializer: Writes to the buffer and returns how many bytes, from its beginning, it has initialised.
  /// - Complexity: One allocation.
  public init(
    unsafeUninitializedCapacity capacity: Int,
    initializingWith initializer: (UnsafeMutableRawBufferPointer) throws -> Int
  ) rethrows {
    guard capacity > 0 else {
      self.init()
      return
    }
    let owner: AnyObject
    let memory: UnsafeMutableRawPointer
    if capacity >= MappedMemory.threshold, let mapped = MappedMemory(capacity: capacity) {
      (owner, memory) = (mapped, mapped.memory)
    } else {
      let storage = BytesStorage.allocate(capacity: capacity)
      (owner, memory) = (storage, storage.memory)
    }
    let count = try initializer(UnsafeMutableRawBufferPointer(start: memory, count: capacity))
    precondition(count >= 0 && count <= capacity, "Bytes initialised outside their capacity")
    self = count == 0 ? Bytes() : Bytes(owner: owner, base: UnsafeRawPointer(memory), count: count)
  }

  /// A copy of `bytes`.
  ///
  /// - Complexity: O(*n*), one allocation (none for an empty collection).
  public init(_ bytes: some Sequence<UInt8>) {
    let copied: Bytes? = bytes.withContiguousStorageIfAvailable { Bytes(copying: UnsafeRawBufferPointer($0)) }
    self = copied ?? Array(bytes).withUnsafeBytes { Bytes(copying: $0) }
  }

  /// The UTF-8 code units of `string`.
  public init(_ string: String) {
    var string = string
    self = string.withUTF8 { Bytes(copying: UnsafeRawBufferPointer($0)) }
  }

  /// A copy of the memory at `buffer`.
  public init(copying buffer: UnsafeRawBufferPointer) {
    self.init(unsafeUninitializedCapacity: buffer.count) { memory in
      memory.copyMemory(from: buffer)
      return buffer.count
    }
  }

  /// Several runs of bytes, one after the other.
  ///
  /// - Complexity: O(*n*); no copy when at most one of them is not empty.
  public init(joining parts: [Bytes]) {
    let filled = parts.filter { $0.count > 0 }
    guard filled.count > 1 else {
      self = filled.first ?? Bytes()
      return
    }
    self.init(unsafeUninitializedCapacity: filled.reduce(0) { $0 + $1.count }) { memory in
      var offset = 0
      for part in filled {
        part.withUnsafeBytes {
          memory.baseAddress!.advanced(by: offset).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
        }
        offset += part.count
      }
      return offset
    }
  }

  /// Whether there are no bytes.
  @inlinable
  public var isEmpty: Bool { count == 0 }

  /// The bytes at `range`, sharing this value's memory.
  ///
  /// - Precondition: `range` lies within `0..<count`.
  /// - Complexity: O(1).
  @inlinable
  public func slice(_ range: Range<Int>) -> Bytes {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "Bytes slice out of bounds")
    guard let owner, !range.isEmpty else { return Bytes() }
    return Bytes(owner: owner, base: base + range.lowerBound, count: range.count)
  }

  /// Calls `body` with the memory, which is valid only during the call.
  @inlinable
  public func withUnsafeBytes<Result, Failure: Error>(
    _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let result = try body(UnsafeRawBufferPointer(start: count == 0 ? nil : base, count: count))
    // The pointer is interior to `owner`; without this the optimiser might release it before `body` returns.
    extendLifetime(owner)
    return result
  }

  /// The memory, for interfaces that take over memory with a way to release it, so that nothing is copied:
  ///
  /// ```swift
  /// let owner = Unmanaged.passRetained(bytes.owner!)
  /// let data = Data(
  ///   bytesNoCopy: UnsafeMutableRawPointer(mutating: bytes.unsafeMemory.baseAddress!), count: bytes.count,
  ///   deallocator: .custom { _, _ in owner.release() })
  /// ```
  ///
  /// The memory is valid as long as ``owner`` is retained, and never changes: every initialiser of `Bytes` either makes the
  /// memory itself and gives it to the owner, or demands that of its caller. Unsafe is to use the memory when the last
  /// reference to the owner may be gone (the compiler releases a variable after its last use: `withExtendedLifetime`), and
  /// to write to it.
  ///
  /// A part of a larger value has the whole's owner, and keeps all of its memory alive.
  public var unsafeMemory: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: count == 0 ? nil : base, count: count)
  }

  /// Calls `body` with a bounds-checked view of the memory, valid only during the call.
  @inlinable
  public func withSpan<Result, Failure: Error>(
    _ body: (Span<UInt8>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try withUnsafeBytes { buffer throws(Failure) in
      try body(Span(_unsafeElements: buffer.assumingMemoryBound(to: UInt8.self)))
    }
  }
}

extension Bytes: RandomAccessCollection {
  /// Positions count from zero.
  public typealias Index = Int
  /// Always zero.
  @inlinable public var startIndex: Int { 0 }
  /// The same as `count`.
  @inlinable public var endIndex: Int { count }

  /// The byte at `position`.
  @inlinable
  public subscript(position: Int) -> UInt8 {
    precondition(position >= 0 && position < count, "Bytes index out of bounds")
    let byte = base.load(fromByteOffset: position, as: UInt8.self)
    extendLifetime(owner)
    return byte
  }

  /// Calls `body` with the memory; it is always contiguous.
  @inlinable
  public func withContiguousStorageIfAvailable<Result>(
    _ body: (UnsafeBufferPointer<UInt8>) throws -> Result
  ) rethrows -> Result? {
    try withUnsafeBytes { try body($0.assumingMemoryBound(to: UInt8.self)) }
  }
}

extension Bytes: Hashable {
  /// Whether both hold the same bytes, wherever they are.
  public static func == (left: Bytes, right: Bytes) -> Bool {
    guard left.count == right.count else { return false }
    return left.withUnsafeBytes { leftBytes in
      right.withUnsafeBytes { rightBytes in
        leftBytes.isEmpty || leftBytes.baseAddress == rightBytes.baseAddress
          || memcmp(leftBytes.baseAddress!, rightBytes.baseAddress!, leftBytes.count) == 0
      }
    }
  }

  /// Feeds what equality compares into `hasher`.
  public func hash(into hasher: inout Hasher) {
    withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}

extension Bytes: ExpressibleByStringLiteral, CustomStringConvertible {
  /// The UTF-8 code units of a literal.
  public init(stringLiteral value: StaticString) {
    self = value.withUTF8Buffer { Bytes(copying: UnsafeRawBufferPointer($0)) }
  }

  /// The bytes as text; what is not UTF-8 is shown as U+FFFD.
  public var description: String { String(decoding: self, as: UTF8.self) }
}

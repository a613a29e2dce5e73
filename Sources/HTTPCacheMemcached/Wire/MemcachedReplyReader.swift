//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Reads what a server sends, line by line and value by value. Holds no more than a small buffer and one value, whatever is sent.
///
/// Used by one thread.
final class MemcachedReplyReader {
  /// Fills a part of the memory, and returns how much; waits until there is something, and throws when nothing comes any more.
  typealias Receive = (UnsafeMutableRawBufferPointer) throws(MemcachedWireError) -> Int

  private let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
  /// The bytes that have come and were not taken yet.
  private var filled = 0..<0
  private let receive: Receive

  /// The longest line: longer than a key, three numbers, or a message that says something.
  static let lineLimit = 2048
  /// The largest value that memcached stores at all (its `-I`).
  static let valueLimit: UInt64 = 1 << 30
  /// From this size on a value goes from the socket to its own memory.
  private static let directCount = 16 << 10

  init(receive: @escaping Receive) { self.receive = receive }

  deinit { memory.deallocate() }

  /// Whether everything that has come was taken.
  var isEmpty: Bool { filled.isEmpty }

  /// Takes the next line.
  ///
  /// - Returns: Its bytes without CRLF; valid until the next call.
  func line() throws(MemcachedWireError) -> UnsafeRawBufferPointer {
    var searched = 0
    while true {
      let bytes = UnsafeRawBufferPointer(rebasing: memory[filled])
      if let end = bytes[searched...].firstIndex(of: 0x0A) {
        guard end > 0, bytes[end - 1] == 0x0D, end <= Self.lineLimit else { break }
        filled = (filled.lowerBound + end + 1)..<filled.upperBound
        return UnsafeRawBufferPointer(rebasing: bytes[..<(end - 1)])
      }
      searched = bytes.count
      guard searched <= Self.lineLimit else { break }
      try fill()
    }
    throw .violated("sent a line that does not end as one")
  }

  /// Takes so many bytes, at most ``lineLimit``.
  ///
  /// - Returns: The bytes; valid until the next call.
  func bytes(_ count: Int) throws(MemcachedWireError) -> UnsafeRawBufferPointer {
    precondition(count >= 0 && count <= Self.lineLimit)
    while filled.count < count { try fill() }
    defer { filled = (filled.lowerBound + count)..<filled.upperBound }
    return UnsafeRawBufferPointer(rebasing: memory[filled.prefix(count)])
  }

  /// Takes a value of so many bytes.
  func value(_ count: Int) throws(MemcachedWireError) -> Bytes {
    var failure: MemcachedWireError?
    let value = Bytes(unsafeUninitializedCapacity: count) { value in
      var done = min(count, filled.count)
      value.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[filled.prefix(done)]))
      filled = (filled.lowerBound + done)..<filled.upperBound
      do throws(MemcachedWireError) {
        while done < count {
          if count - done >= Self.directCount {
            done += try receive(UnsafeMutableRawBufferPointer(rebasing: value[done...]))
          } else {
            try fill()
            let more = min(count - done, filled.count)
            UnsafeMutableRawBufferPointer(rebasing: value[done...])
              .copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[filled.prefix(more)]))
            filled = (filled.lowerBound + more)..<filled.upperBound
            done += more
          }
        }
      } catch { failure = error }
      return done
    }
    if let failure { throw failure }
    return value
  }

  /// Takes so many bytes and throws them away.
  func skip(_ count: Int) throws(MemcachedWireError) {
    var rest = count
    while rest > 0 {
      if filled.isEmpty { try fill() }
      let some = min(rest, filled.count)
      filled = (filled.lowerBound + some)..<filled.upperBound
      rest -= some
    }
  }

  private func fill() throws(MemcachedWireError) {
    if filled.lowerBound > 0, filled.isEmpty || filled.upperBound == memory.count {
      memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[filled]))
      filled = 0..<filled.count
    }
    let count = try receive(UnsafeMutableRawBufferPointer(rebasing: memory[filled.upperBound...]))
    filled = filled.lowerBound..<(filled.upperBound + count)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import CHiredis
internal import HTTPCache

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Commands on their way to a server, encoded once (RESP2) into memory that is used again and again.
///
/// A large argument is not copied into it: it is kept, and sent from where it lies. Belongs to one connection, and is used
/// under its lock or by its loop only.
final class OutputBuffer {
  /// What is sent after the first `offset` bytes of the memory.
  private struct Attachment {
    var offset: Int
    var bytes: Bytes
  }

  /// From how many bytes an argument is not copied: below, one more run in a gathered write costs more than copying.
  static let attachmentThreshold = 16 * 1024
  /// More memory than this is given back once it has been sent.
  private static let keptCapacity = 256 * 1024

  private var memory: UnsafeMutableRawPointer
  private var capacity: Int
  /// How much of the memory is filled.
  private var count = 0
  private var attachments: [Attachment] = []
  private var attachedCount = 0
  /// How much has been sent, of all there is.
  private var sent = 0

  init() {
    capacity = 4096
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { memory.deallocate() }

  /// How many bytes are still to be sent.
  var remaining: Int { count + attachedCount - sent }
  var isEmpty: Bool { remaining == 0 }

  // MARK: Encoding

  func append(_ commands: OneOrMore<RedisCommand>) {
    switch commands {
    case .one(let command): append(command)
    case .more(let commands): for command in commands { append(command) }
    }
  }

  func append(_ command: RedisCommand) {
    appendHeader(UInt8(ascii: "*"), command.arguments.count + 1)
    command.name.withUTF8Buffer { appendString(UnsafeRawBufferPointer($0)) }
    for argument in command.arguments {
      switch argument {
      case .bytes(let bytes):
        appendHeader(UInt8(ascii: "$"), bytes.count)
        appendContent(bytes)
        appendLineEnd()
      case .joined(let head, let tail):
        appendHeader(UInt8(ascii: "$"), head.count + tail.count)
        appendContent(head)
        appendContent(tail)
        appendLineEnd()
      case .text(let text):
        // Without a copy of the string to make it contiguous, which it is.
        guard text.utf8.withContiguousStorageIfAvailable({ appendString(UnsafeRawBufferPointer($0)) }) == nil else {
          continue
        }
        argument.withUnsafeBytes { appendString($0) }
      case .integer:
        argument.withUnsafeBytes { appendString($0) }
      }
    }
  }

  private func appendContent(_ bytes: Bytes) {
    if bytes.count < Self.attachmentThreshold { return bytes.withUnsafeBytes { copy($0) } }
    attachments.append(Attachment(offset: count, bytes: bytes))
    attachedCount += bytes.count
  }

  private func appendString(_ bytes: UnsafeRawBufferPointer) {
    // Everything at once: an argument is made of little pieces, and looking for room costs more than the pieces.
    reserve(Self.longestHeader + bytes.count + 2)
    var end = Self.write(UInt8(ascii: "$"), bytes.count, to: memory + count)
    if let base = bytes.baseAddress { end.copyMemory(from: base, byteCount: bytes.count) }
    end += bytes.count
    count = Self.writeLineEnd(to: end) - memory
  }

  private func copy(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    reserve(bytes.count)
    (memory + count).copyMemory(from: base, byteCount: bytes.count)
    count += bytes.count
  }

  private func appendHeader(_ type: UInt8, _ value: Int) {
    reserve(Self.longestHeader)
    count = Self.write(type, value, to: memory + count) - memory
  }

  private func appendLineEnd() {
    reserve(2)
    count = Self.writeLineEnd(to: memory + count) - memory
  }

  /// A type, nineteen digits and a line end.
  private static let longestHeader = 22

  /// - Returns: Where the next is to be written.
  @inline(__always)
  private static func write(
    _ type: UInt8, _ value: Int, to place: UnsafeMutableRawPointer
  ) -> UnsafeMutableRawPointer {
    place.storeBytes(of: type, as: UInt8.self)
    var end = place + 1
    func put(_ digit: Int) {
      end.storeBytes(of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit), as: UInt8.self)
      end += 1
    }
    if value < 100 {
      if value >= 10 { put(value / 10) }
      put(value % 10)
    } else {
      var divisor = 100
      while value / divisor >= 10 { divisor *= 10 }
      while divisor > 0 {
        put(value / divisor % 10)
        divisor /= 10
      }
    }
    return writeLineEnd(to: end)
  }

  @inline(__always)
  private static func writeLineEnd(to place: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
    place.storeBytes(of: UInt8(ascii: "\r"), as: UInt8.self)
    place.storeBytes(of: UInt8(ascii: "\n"), toByteOffset: 1, as: UInt8.self)
    return place + 2
  }

  private func reserve(_ more: Int) {
    guard count + more > capacity else { return }
    let grown = max(capacity * 2, count + more)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: grown, alignment: 16)
    larger.copyMemory(from: memory, byteCount: count)
    memory.deallocate()
    memory = larger
    capacity = grown
  }

  // MARK: Sending

  /// What became of an attempt to send.
  enum Progress: Equatable {
    case complete
    /// The socket takes no more at the moment.
    case blocked
    /// With this `errno`.
    case failed(CInt)
  }

  /// Sends what the socket takes.
  func send(to descriptor: CInt) -> Progress {
    while !isEmpty {
      let result = withRuns { runs in chr_send(descriptor, runs.baseAddress, CInt(runs.count)) }
      guard result >= 0 else {
        let code = CInt(-result)
        return code == EAGAIN || code == EWOULDBLOCK ? .blocked : .failed(code)
      }
      sent += Int(result)
    }
    clear()
    return .complete
  }

  /// Forgets everything.
  func clear() {
    count = 0
    sent = 0
    attachedCount = 0
    attachments.removeAll(keepingCapacity: true)
    guard capacity > Self.keptCapacity else { return }
    memory.deallocate()
    capacity = 4096
    memory = .allocate(byteCount: capacity, alignment: 16)
  }

  /// Calls `body` with the runs of bytes that come next, some at a time.
  private func withRuns<Result>(_ body: (UnsafeMutableBufferPointer<iovec>) -> Result) -> Result {
    let limit = 64
    return withUnsafeTemporaryAllocation(of: iovec.self, capacity: limit) { runs in
      var used = 0
      var skipped = sent
      func add(_ base: UnsafeRawPointer, _ length: Int) {
        if skipped >= length {
          skipped -= length
        } else if used < limit {
          // The cast is sound: sending only reads, iovec merely does not say so.
          runs.initializeElement(
            at: used, to: iovec(iov_base: UnsafeMutableRawPointer(mutating: base + skipped), iov_len: length - skipped))
          used += 1
          skipped = 0
        }
      }
      var position = 0
      for attachment in attachments {
        add(memory + position, attachment.offset - position)
        position = attachment.offset
        attachment.bytes.withUnsafeBytes { if let base = $0.baseAddress { add(base, $0.count) } }
      }
      add(memory + position, count - position)
      // The attachments are kept by `self`, so that their memory outlives the call.
      defer { extendLifetime(self) }
      return body(UnsafeMutableBufferPointer(rebasing: runs[..<used]))
    }
  }

  /// Everything that is still to be sent, for tests.
  var contents: [UInt8] {
    var result: [UInt8] = []
    var position = 0
    for attachment in attachments {
      result += UnsafeRawBufferPointer(start: memory + position, count: attachment.offset - position)
      position = attachment.offset
      result += attachment.bytes
    }
    result += UnsafeRawBufferPointer(start: memory + position, count: count - position)
    return Array(result.dropFirst(sent))
  }
}

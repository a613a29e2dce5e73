//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import CHiredis
internal import HTTPCache

/// Makes replies of the bytes of one connection, with hiredis' parser.
///
/// The parser is fed one element at a time. It then never has a remainder to move about in its buffer (it does after every
/// reply of a kilobyte or more), and between two replies it is possible to see that a large string comes next. That one is
/// not fed at all but received into the memory where it will stay: the parser would take the whole of it into its own
/// buffer first, and grow that step by step.
final class ReplyReader {
  /// From how many bytes a string is received into its own memory.
  static let largeThreshold = 16 * 1024
  /// No string of Redis is longer (`proto-max-bulk-len`).
  static let longestString = 512 * 1024 * 1024
  /// No line is longer: what a server has to say in an error is short.
  static let longestLine = 16 * 1024

  /// A large string that is being received.
  private struct Large {
    var storage: Storage
    var length: Int
    var received = 0
    /// With the line end behind it.
    var total: Int { length + 2 }
  }

  /// The memory of a large string.
  private final class Storage: ManagedBuffer<Void, UInt8> {
    var memory: UnsafeMutableRawPointer { withUnsafeMutablePointerToElements { UnsafeMutableRawPointer($0) } }
  }

  private let reader: UnsafeMutablePointer<redisReader>
  private let builder = ReplyBuilder()
  private var large: Large?
  /// The beginning of an element whose length is not known yet.
  private var carry: [UInt8] = []
  /// How much of the element that is being fed is still to come.
  private var expected = 0

  init() {
    // hiredis returns nil only when there is no memory left, as Swift itself would stop for.
    reader = redisReaderCreateWithFunctions(ReplyBuilder.functions)!
    reader.pointee.privdata = Unmanaged.passUnretained(builder).toOpaque()
  }

  deinit { redisReaderFree(reader) }

  /// Where the next bytes belong, if a large string is being received.
  var largeRemainder: UnsafeMutableRawBufferPointer? {
    large.map {
      UnsafeMutableRawBufferPointer(start: $0.storage.memory + $0.received, count: $0.total - $0.received)
    }
  }

  /// `count` bytes have been received into `largeRemainder`.
  func advanceLarge(_ count: Int, into replies: inout [RedisReply]) throws(RedisError) {
    large?.received += count
    guard let complete = large, complete.received == complete.total else { return }
    large = nil
    let end = complete.storage.memory + complete.length
    guard end.load(as: UInt8.self) == UInt8(ascii: "\r"),
      end.load(fromByteOffset: 1, as: UInt8.self) == UInt8(ascii: "\n")
    else { throw violation("a string of \(complete.length) bytes does not end where it should") }
    replies.append(
      .bulk(
        Bytes(owner: complete.storage, base: UnsafeRawPointer(complete.storage.memory), count: complete.length)))
  }

  /// Takes the next bytes, wherever they were cut, and appends the replies that they complete.
  func feed(_ bytes: UnsafeRawBufferPointer, into replies: inout [RedisReply]) throws(RedisError) {
    if carry.isEmpty { return try consume(bytes, into: &replies) }
    let joined = carry + bytes
    carry = []
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: joined.count, alignment: 1)
    defer { buffer.deallocate() }
    buffer.copyBytes(from: joined)
    try consume(UnsafeRawBufferPointer(buffer), into: &replies)
  }

  private func consume(_ bytes: UnsafeRawBufferPointer, into replies: inout [RedisReply]) throws(RedisError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if expected == 0, large == nil, isBetweenReplies {
        // Strings that are here as a whole are most of what comes.
        let end = try takeStrings(bytes, from: rest.startIndex, into: &replies)
        if end > rest.startIndex {
          rest = bytes[end...]
          continue
        }
      }
      if let remainder = largeRemainder {
        let count = min(remainder.count, rest.count)
        remainder.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest.prefix(count)))
        rest = rest.dropFirst(count)
        try advanceLarge(count, into: &replies)
      } else if expected > 0 {
        let count = min(expected, rest.count)
        expected -= count
        try parse(UnsafeRawBufferPointer(rebasing: rest.prefix(count)), into: &replies)
        rest = rest.dropFirst(count)
      } else {
        guard let lineEnd = rest.firstIndex(of: UInt8(ascii: "\n")) else {
          guard rest.count <= Self.longestLine else { throw violation("a line is longer than \(Self.longestLine)") }
          carry = Array(rest)
          return
        }
        let line = rest[...lineEnd]
        expected = line.count
        guard line.first == UInt8(ascii: "$"), let length = length(line.dropFirst()), length >= 0 else { continue }
        guard length <= Self.longestString else { throw violation("a string of \(length) bytes is announced") }
        if length >= Self.largeThreshold, isBetweenReplies {
          expected = 0
          large = Large(storage: Self.allocate(length + 2), length: length)
          rest = rest[(lineEnd + 1)...]
        } else {
          expected += length + 2
        }
      }
    }
  }

  /// Takes the strings that are here as a whole: there is nothing for the parser to keep in mind.
  ///
  /// - Returns: Where something else begins.
  private func takeStrings(
    _ bytes: UnsafeRawBufferPointer, from start: Int, into replies: inout [RedisReply]
  ) throws(RedisError) -> Int {
    var position = start
    while position < bytes.count, bytes[position] == UInt8(ascii: "$") {
      var index = position + 1
      var length = 0
      while index < bytes.count, length <= Self.longestString {
        let digit = bytes[index] &- UInt8(ascii: "0")
        guard digit < 10 else { break }
        length = length &* 10 &+ Int(digit)
        index += 1
      }
      let end = index + 2 + length
      guard index > position + 1, length <= Self.longestString, end + 2 <= bytes.count, isLineEnd(bytes, index) else {
        break
      }
      guard isLineEnd(bytes, end) else {
        throw violation("a string of \(length) bytes does not end where it should")
      }
      replies.append(.bulk(Bytes(copying: UnsafeRawBufferPointer(rebasing: bytes[(index + 2)..<end]))))
      position = end + 2
    }
    return position
  }

  private func isLineEnd(_ bytes: UnsafeRawBufferPointer, _ index: Int) -> Bool {
    bytes[index] == UInt8(ascii: "\r") && bytes[index + 1] == UInt8(ascii: "\n")
  }

  private var isBetweenReplies: Bool { reader.pointee.ridx == -1 && reader.pointee.pos == reader.pointee.len }

  private func parse(_ bytes: UnsafeRawBufferPointer, into replies: inout [RedisReply]) throws(RedisError) {
    let characters = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
    guard redisReaderFeed(reader, characters, bytes.count) == REDIS_OK else { throw parserError }
    while true {
      var object: UnsafeMutableRawPointer?
      guard redisReaderGetReply(reader, &object) == REDIS_OK else { throw parserError }
      guard object != nil else { return }
      guard let reply = builder.take() else { throw violation("a reply is incomplete") }
      replies.append(reply)
    }
  }

  private static func allocate(_ capacity: Int) -> Storage {
    unsafeDowncast(Storage.create(minimumCapacity: capacity) { _ in () }, to: Storage.self)
  }

  /// A number and the line end behind it; nil for what is none, about which the parser shall complain.
  private func length(_ line: Slice<UnsafeRawBufferPointer>) -> Int? {
    var value = 0
    for octet in line.dropLast(2) {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet), value < 1 << 40 else { return nil }
      value = value * 10 + Int(octet - UInt8(ascii: "0"))
    }
    return line.count > 2 ? value : nil
  }

  private var parserError: RedisError {
    violation(
      withUnsafeBytes(of: &reader.pointee.errstr) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
  }

  private func violation(_ what: String) -> RedisError {
    RedisError(.protocolViolation, "the peer does not speak RESP2, or is no Redis: \(what)")
  }
}

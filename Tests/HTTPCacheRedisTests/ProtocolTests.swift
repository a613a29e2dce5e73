//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

@testable import HTTPCacheRedis

/// What goes over the wire, and what is made of what comes.
@Suite struct ProtocolTests {
  private func encoded(_ commands: RedisCommand...) -> String {
    let buffer = OutputBuffer()
    for command in commands { buffer.append(command) }
    #expect(buffer.remaining == buffer.contents.count)
    return String(decoding: buffer.contents, as: UTF8.self)
  }

  @Test func `commands are arrays of strings`() {
    #expect(encoded(RedisCommand("PING")) == "*1\r\n$4\r\nPING\r\n")
    #expect(
      encoded(RedisCommand("SET", key: "k", .bytes("v\r\n"), "PX", .integer(1200)))
        == "*5\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nv\r\n\r\n$2\r\nPX\r\n$4\r\n1200\r\n")
    #expect(
      encoded(RedisCommand("GET", key: ""), RedisCommand("GET", key: "é"))
        == "*2\r\n$3\r\nGET\r\n$0\r\n\r\n*2\r\n$3\r\nGET\r\n$2\r\né\r\n")
  }

  @Test func `large arguments are sent from where they lie, in their place`() {
    let large = Bytes((0..<50_000).map { UInt8(truncatingIfNeeded: $0) })
    let buffer = OutputBuffer()
    for _ in 0..<3 { buffer.append(RedisCommand("SET", key: "k", .bytes(large))) }
    let one = Array("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$50000\r\n".utf8) + Array(large) + Array("\r\n".utf8)
    #expect(buffer.contents == one + one + one)
    buffer.clear()
    #expect(buffer.isEmpty && buffer.contents.isEmpty)
  }

  /// A stream of replies of every kind, and what they are.
  private static let stream: (bytes: [UInt8], replies: [RedisReply]) = {
    let large = Bytes((0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    let parts: [(String, RedisReply)] = [
      ("+OK\r\n", .status("OK")), (":-42\r\n", .integer(-42)), ("$-1\r\n", .null), ("$0\r\n\r\n", .bulk(Bytes())),
      ("$5\r\na\r\nbc\r\n", .bulk("a\r\nbc")), ("*0\r\n", .array([])), ("*-1\r\n", .null),
      (
        "*2\r\n*2\r\n:1\r\n$1\r\nx\r\n*1\r\n*0\r\n", .array([.array([.integer(1), .bulk("x")]), .array([.array([])])])
      ),
      ("-ERR no\r\n", .error(RedisError(.serverError, "ERR no"))),
      ("*2\r\n-NOAUTH x\r\n+y\r\n", .array([.error(RedisError(.authenticationRequired, "NOAUTH x")), .status("y")])),
    ]
    var bytes: [UInt8] = []
    var replies: [RedisReply] = []
    for (text, reply) in parts {
      bytes += Array(text.utf8)
      replies.append(reply)
      bytes +=
        Array("$70000\r\n".utf8) + Array(large) + Array("\r\n*1\r\n$70000\r\n".utf8) + Array(large) + Array("\r\n".utf8)
      replies += [.bulk(large), .array([.bulk(large)])]
    }
    return (bytes, replies)
  }()

  @Test(arguments: [1, 2, 3, 7, 64, 1000, 4096, 65536, 1 << 30])
  func `replies are the same however the stream is cut`(size: Int) throws {
    let reader = ReplyReader()
    var replies: [RedisReply] = []
    var rest = Self.stream.bytes[...]
    while !rest.isEmpty {
      try rest.prefix(size).withUnsafeBytes { try reader.feed($0, into: &replies) }
      rest = rest.dropFirst(size)
    }
    #expect(replies == Self.stream.replies)
  }

  @Test func `a large string is received into its own memory`() throws {
    let reader = ReplyReader()
    var replies: [RedisReply] = []
    try Array("$20000\r\nab".utf8).withUnsafeBytes { try reader.feed($0, into: &replies) }
    let remainder = try #require(reader.largeRemainder)
    #expect(remainder.count == 20000)
    remainder.initializeMemory(as: UInt8.self, repeating: UInt8(ascii: "c"))
    remainder[19998] = UInt8(ascii: "\r")
    remainder[19999] = UInt8(ascii: "\n")
    try reader.advanceLarge(20000, into: &replies)
    #expect(replies == [.bulk(Bytes("ab" + String(repeating: "c", count: 19998)))])
    #expect(reader.largeRemainder == nil)
  }

  @Test(arguments: [
    "%1\r\n+a\r\n+b\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "$x\r\n", "$-2\r\n", "*-2\r\n", ":x\r\n",
    "$999999999999\r\n",
    "\r\n", "*9999999999\r\n", "$20000\r\n" + String(repeating: "x", count: 20002),
    String(repeating: "+", count: 20000),
    String(repeating: "*1\r\n", count: 20),
  ])
  func `what is not RESP2 is an error, and nothing worse`(text: String) {
    let reader = ReplyReader()
    var replies: [RedisReply] = []
    let error = #expect(throws: RedisError.self) {
      try Array(text.utf8).withUnsafeBytes { try reader.feed($0, into: &replies) }
    }
    #expect(error?.code == .protocolViolation)
    #expect(replies.isEmpty)
  }

  @Test(arguments: 0..<200)
  func `damaged streams do no harm`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var bytes = Array(Self.stream.bytes.prefix(400)) + Array(Self.stream.bytes.suffix(200))
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
    }
    let reader = ReplyReader()
    var replies: [RedisReply] = []
    do throws(RedisError) {
      while !bytes.isEmpty {
        let count = min(bytes.count, Int.random(in: 1...90, using: &random))
        let piece = Array(bytes.prefix(count))
        try feed(piece, to: reader, &replies)
        bytes.removeFirst(count)
      }
    } catch {
      #expect(error.code == .protocolViolation)
    }
    #expect(replies.count < 600)
  }

  private func feed(_ piece: [UInt8], to reader: ReplyReader, _ replies: inout [RedisReply]) throws(RedisError) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: piece.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: piece)
    try reader.feed(UnsafeRawBufferPointer(copy), into: &replies)
  }

  @Test(arguments: 0..<20)
  func `a queue is first in, first out, however it grows`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var queue = SlotQueue<Int>()
    var model: [Int] = []
    for number in 0..<500 {
      if Int.random(in: 0..<5, using: &random) < 3 {
        queue.append(number)
        model.append(number)
      } else if !model.isEmpty {
        #expect(queue.removeFirst() == model.removeFirst())
      }
      #expect(queue.count == model.count && queue.first == model.first)
    }
    var seen: [Int] = []
    queue.forEach { if let element = $0 { seen.append(element) } }
    #expect(seen == model)
    #expect(queue.removeAll() == model && queue.isEmpty)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheMemcached

/// A command, and what a server may answer that is no answer to it.
private struct HostileReply: CustomTestStringConvertible {
  var name: String
  var reply: String
  var command: @Sendable (MemcachedClient) async throws -> Void
  var code = MemcachedError.Code.protocolViolated

  var testDescription: String { "\(name): \(reply.debugDescription.prefix(80))" }

  private static let key = MemcachedKeySpace(namespace: "test").key(.entry, "key")
  private static let value = MemcachedValue(bytes: "x", flags: 0)

  static let all: [HostileReply] = {
    var all: [HostileReply] = []
    func add(
      _ name: String, _ replies: [String], code: MemcachedError.Code = .protocolViolated,
      _ command: @escaping @Sendable (MemcachedClient) async throws -> Void
    ) {
      all += replies.map { HostileReply(name: name, reply: $0, command: command, code: code) }
    }
    let lengths = [
      "-1", "-2", "-3", "-2147483648", "-9223372036854775808", "2147483648", "9223372036854775807",
      "9223372036854775808",
      "18446744073709551614", "18446744073709551615", "18446744073709551616", "1e3", "0x10", "", " ", "+5", "5 ",
      "five",
    ]
    add("get", lengths.map { "VALUE \(key) 257 \($0) 7\r\nhello\r\nEND\r\n" }) { _ = try await $0.get(key) }
    add("get", lengths.map { "VALUE \(key) 257 \($0)\r\nhello\r\nEND\r\n" }) { _ = try await $0.get(key) }
    add(
      "get",
      [
        // Flags, and the number for `cas`.
        "VALUE \(key) 4294967296 5 7\r\nhello\r\nEND\r\n", "VALUE \(key) -1 5 7\r\nhello\r\nEND\r\n",
        "VALUE \(key) 257 5\r\nhello\r\nEND\r\n", "VALUE \(key) 257 5 \r\nhello\r\nEND\r\n",
        "VALUE \(key) 257 5 18446744073709551616\r\nhello\r\nEND\r\n", "VALUE \(key) 257 5 -7\r\nhello\r\nEND\r\n",
        "VALUE \(key) 257 5 7 8\r\nhello\r\nEND\r\n", "VALUE \(key) 257 5 \(String(repeating: "9", count: 500))\r\n",
        // Whose it is.
        "VALUE other 257 5 7\r\nhello\r\nEND\r\n", "VALUE  257 5 7\r\nhello\r\nEND\r\n", "VALUE\r\nEND\r\n",
        "VALUE \(String(repeating: "k", count: 251)) 257 5 7\r\nhello\r\nEND\r\n",
        "VALUE \(String(repeating: "k", count: 1000)) 257 5 7\r\nhello\r\nEND\r\n",
        "VALUE \(String(repeating: "k", count: 9000)) 257 5 7\r\nhello\r\nEND\r\n",
        // Where it ends.
        "VALUE \(key) 257 5 7\r\nhello, world\r\nEND\r\n", "VALUE \(key) 257 5 7\r\nhelloEND\r\n",
        "VALUE \(key) 257 5 7\nhello\r\nEND\r\n", "VALUE \(key) 257 5 7\r\nhello\r\n\r\nEND\r\n",
        "VALUE \(key) 257 5 7\r\nhello\r\nEND\r\nEND\r\n",
        "VALUE \(key) 257 5 7\r\nhello\r\nEND\r\nVALUE \(key) 257 5 7\r\nhello\r\nEND\r\n",
        // Twice, where it was asked for once.
        "VALUE \(key) 257 5 7\r\nhello\r\nVALUE \(key) 257 5 7\r\nworld\r\nEND\r\n",
        // What is no answer to it.
        "STORED\r\n", "5\r\n", "NOT_FOUND\r\n", "OK\r\n", "\r\n", "ENDE\r\n", "end\r\n", "\0\0\0\0\r\n",
        "VERSION 1.6\r\n", "STAT a b\r\nEND\r\n", "ITEM \(key) [1 b; 2 s]\r\nEND\r\n",
        String(repeating: "x", count: 5000),
      ]
    ) { _ = try await $0.get(key) }
    add("get", ["VALUE \(key) 257 5 7\r\nhel", "VALUE \(key) 257 5 7\r\nhello\r\n", "VALUE", ""], code: .timedOut) {
      _ = try await $0.get(key)
    }
    add("get", ["SERVER_ERROR away\r\n", "ERROR\r\n", "CLIENT_ERROR bad\r\n"], code: .refused) {
      _ = try await $0.get(key)
    }
    let nonsense = [
      "VALUE \(key) 257 -1 5\r\nx\r\n", "VALUE \(String(repeating: "k", count: 300)) 0 0\r\n\r\nEND\r\n", "END\r\n",
      "\r\n",
      "OK\r\n", "STORE\r\n", "stored\r\n", "STORED STORED\r\n", "VERSION x\r\n",
      String(repeating: "9", count: 3000) + "\r\n",
    ]
    add("set", nonsense + ["EXISTS\r\n", "NOT_FOUND\r\n", "DELETED\r\n", "1\r\n", "STORED\r\nSTORED\r\n"]) {
      _ = try await $0.set(key, value, .never)
    }
    add("add", nonsense + ["EXISTS\r\n", "DELETED\r\n", "1\r\n"]) { _ = try await $0.add(key, value, .never) }
    add("cas", nonsense + ["DELETED\r\n", "1\r\n"]) { _ = try await $0.compareAndSet(key, value, .never, unique: 1) }
    add("delete", nonsense + ["STORED\r\n", "1\r\n", "EXISTS\r\n"]) { _ = try await $0.delete(key) }
    add(
      "incr",
      nonsense + [
        "-1\r\n", "1 \r\n", " 1\r\n", "18446744073709551616\r\n", "0x5\r\n", "STORED\r\n", "DELETED\r\n", "1\r\n2\r\n",
      ]
    ) { _ = try await $0.increment(key) }
    return all
  }()
}

extension MemcachedIntegrationTests {
  @Suite(.timeLimit(.minutes(2))) struct Replies {
    private func client(_ server: FaultyServer) throws -> MemcachedClient {
      try MemcachedClient(
        configuration: MemcachedConfiguration(
          hosts: [MemcachedHost("127.0.0.1", port: server.port)], timeout: .milliseconds(400), workersPerHost: 1,
          failureThreshold: 1000, maximumValueSize: 1 << 20))
    }

    @Test func `no reply ends the process, and none that is not allowed is taken for one`() async throws {
      for hostile in HostileReply.all {
        let server = try FaultyServer(.answers(hostile.reply))
        let client = try client(server)
        #expect(await failure { try await hostile.command(client) } == hostile.code, "\(hostile.testDescription)")
        // The connection is not used again: what is left of the reply would be taken for the answer to the next command.
        if hostile.code != .timedOut {
          #expect(await failure { try await hostile.command(client) } == hostile.code, "\(hostile.testDescription)")
          #expect(try await eventually { server.connectionCount == 2 }, "\(hostile.testDescription)")
        }
        await client.shutdown()
      }
    }

    @Test func `a value that is too large for us is a miss, and takes no memory`() async throws {
      let key = MemcachedKeySpace(namespace: "test").key(.entry, "key")
      let count = 40 << 20
      let server = try FaultyServer(
        .answers("VALUE \(key) 257 \(count) 7\r\n" + String(repeating: "x", count: count) + "\r\nEND\r\n"))
      let client = try MemcachedClient(
        configuration: MemcachedConfiguration(
          hosts: [MemcachedHost("127.0.0.1", port: server.port)], timeout: .seconds(20), responseTimeout: .seconds(20),
          workersPerHost: 1, maximumValueSize: 1 << 20))
      let before = Holdings.present.heap
      for _ in 0..<3 { #expect(try await client.get(key) == nil) }
      #expect(Holdings.present.heap < before + 20 << 20)
      #expect(server.connectionCount == 1)
      await client.shutdown()
    }
  }
}

/// The parsers alone, whose input may come in pieces of any size.
@Suite struct MemcachedReplyReaderTests {
  private static func reader(_ bytes: [UInt8], pieces: Int) -> MemcachedReplyReader {
    var rest = bytes[...]
    return MemcachedReplyReader { (memory) throws(MemcachedWireError) in
      guard !rest.isEmpty else { throw MemcachedWireError(code: .connectionFailed, message: "over") }
      let count = min(pieces, rest.count, memory.count)
      memory.copyBytes(from: rest.prefix(count))
      rest = rest.dropFirst(count)
      return count
    }
  }

  private let keys = (0..<3).map { MemcachedKeySpace(namespace: "test").key(.entry, "\($0)") }

  @Test(arguments: [1, 2, 7, 64 << 10], [0, 1, 100, 20_000, 100_000])
  func `values are read whatever pieces they come in`(pieces: Int, size: Int) throws {
    let value = noise(size)
    var text = Array("VALUE \(keys[0]) 1 0 5\r\n\r\nVALUE \(keys[2]) 257 \(size) 18446744073709551615\r\n".utf8)
    text += Array(value) + Array("\r\nEND\r\n12\r\nNOT_FOUND\r\n".utf8)
    let reader = Self.reader(text, pieces: pieces)
    guard case .items(let items) = try MemcachedTextProtocol.reply(to: .get(keys), from: reader, limit: 1 << 20) else {
      Issue.record("no items")
      return
    }
    #expect(items[0]?.value == MemcachedValue(bytes: "", flags: 1))
    #expect(items[1] == nil)
    #expect(items[2] == MemcachedItem(value: MemcachedValue(bytes: value, flags: 257), unique: .max))
    guard case .counter(12) = try MemcachedTextProtocol.reply(to: .increment(keys[0]), from: reader, limit: 0) else {
      Issue.record("no counter")
      return
    }
    guard case .counter(nil) = try MemcachedTextProtocol.reply(to: .increment(keys[0]), from: reader, limit: 0) else {
      Issue.record("a counter that is not there")
      return
    }
    #expect(reader.isEmpty)
  }

  @Test func `no damage to a reply of the binary protocol is believed or ends the process`() throws {
    var reply: [UInt8] = [0x81, 0x0D, 0, UInt8(keys[0].bytes.count), 4, 0, 0, 0]
    reply += [0, 0, 0, UInt8(4 + keys[0].bytes.count + 5), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 1, 1]
    reply += Array(keys[0].bytes) + Array("hello".utf8) + [0x81, 0x0A] + [UInt8](repeating: 0, count: 22)
    func items(_ bytes: [UInt8]) throws(MemcachedWireError) -> [MemcachedItem?] {
      let reader = Self.reader(bytes, pieces: 1000)
      guard case .items(let items) = try MemcachedBinaryProtocol.reply(to: .get(keys), from: reader, limit: 1 << 20)
      else {
        return []
      }
      return items
    }
    let expected = MemcachedItem(value: MemcachedValue(bytes: "hello", flags: 257), unique: 7)
    #expect(try items(reply) == [expected, nil, nil])
    for position in reply.indices {
      #expect(throws: MemcachedWireError.self) { try items(Array(reply[..<position])) }
      for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFE, 0xFF] {
        var damaged = reply
        damaged[position] = value
        for item in (try? items(damaged)) ?? [] { #expect((item?.value.bytes.count ?? 0) <= reply.count) }
      }
    }
  }

  @Test(arguments: [
    ("0", 0), ("18446744073709551615", UInt64.max), ("00012", 12), ("", nil), (" 1", nil), ("1 ", nil), ("-1", nil),
    ("+1", nil), ("18446744073709551616", nil), ("99999999999999999999999", nil), ("1.0", nil), ("٣", nil),
  ])
  func `a number is digits that fit`(text: String, number: UInt64?) {
    #expect(UInt64(decimal: text.utf8) == number)
  }
}

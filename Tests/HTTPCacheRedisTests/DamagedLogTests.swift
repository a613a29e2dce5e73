//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  /// Logs that are lost, or hold what this library has not written.
  @Suite(.timeLimit(.minutes(5))) struct DamagedLogTests: RedisNodes {
    private static let log = "swift-http-cache:log"

    @Test(arguments: [
      [["DEL"]], [["DEL"], ["SET", "text"]], [["DEL"], ["RPUSH", "text"]], [["DEL"], ["HSET", "r", "x"]],
      [["XTRIM", "MAXLEN", "0"]], [["XADD", "*", "x", "y"]], [["XADD", "*", "r", "short"]],
      [["XADD", "*", "t", "key", "m", "hard", "v", "https://example.com/z"]],
      [["DEL"], ["XADD", "*", "t", "origin"], ["XADD", "*", "t", "everything", "m", "soft"]],
      [["DEL"], ["XADD", "1-1", "t", "origin"]],
      [["XADD", "17592186044415-1048575", "t", "everything", "m", "soft"]],
      [["XADD", "17592186044416-0", "r", "x"]], [["XADD", "9999999999999-99999999999", "r", "x"]],
      [["XADD", "18446744073709551615-18446744073709551615", "r", "x"]],
      [["XADD", "*", "r", "aaaaaaaabbbbbbbb1kh0123456789abcdef"]],
      [["XADD", "*", "r", "aaaaaaaabbbbbbbb9zz", "s", "x"]],
      [["XADD", "*", "r", "aaaaaaaa\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}1ph0123456789abcdefghij"]],
    ])
    func `are begun anew or go on, nothing is served that may be invalid, and everything works`(
      damage: [[String]]
    ) async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      let stamp = try await one.lookup(key("/a")).stamp
      #expect(try await one.store(entry("/a"), stamp: stamp) == .stored)
      #expect(try await two.lookup(key("/a")).entry != nil)
      for command in damage {
        _ = try RedisServerProcess.runClient(
          ["-p", "\(server.port)", command[0], Self.log] + command.dropFirst())
      }
      #expect(try await two.lookup(key("/a")).entry == nil)
      let fresh = try await node(server)
      for backend in [fresh, one] { #expect(try await backend.lookup(key("/a")).entry == nil) }
      #expect(try await one.store(entry("/a"), stamp: stamp) == .invalidated)
      for round in 0..<2 {
        for backend in [one, two, fresh] {
          let stamp = try await backend.lookup(key("/a")).stamp
          #expect(try await backend.store(entry("/a", tags: ["t"]), stamp: stamp) == .stored)
          for reader in [two, fresh, one] { #expect(try await reader.lookup(key("/a")).entry != nil) }
          try await backend.invalidate(CacheInvalidation(round == 0 ? .anyTag(["t"]) : .key(key("/a"))))
          for reader in [one, two, fresh] { #expect(try await reader.lookup(key("/a")).entry == nil) }
        }
      }
      for backend in [one, two, fresh] { await backend.shutdown() }
    }

    @Test func `a log that was begun by a clock that has gone back does not bring old entries to life`() async throws {
      let server = try RedisServerProcess()
      let one = try await node(server)
      let stamp = try await one.lookup(key("/a")).stamp
      #expect(try await one.store(entry("/a"), stamp: stamp) == .stored)
      // Another process has begun the log, with a number that is far lower, and goes on above.
      let old = try #require(
        try await one.redis.send([one.keysRange("-", "+")]).first?.array?.first?.array?.last?.array?.last?.bytes)
      let header = Bytes(joining: ["otherlog", old.slice(8..<16)])
      let later = StreamID(number: stamp.number + 5).text
      _ = try await one.redis.send([
        RedisCommand("DEL", key: one.keys.log),
        RedisCommand("XADD", key: one.keys.log, "5-1", "r", .joined(header, "1oh")),
        RedisCommand(
          "XADD", key: one.keys.log, .text(later), "r",
          .bytes(Bytes(joining: ["otherlog\0\0\0\0\0\0\0\u{2}", "1ks0123456789abcdef"]))),
      ])
      for backend in [try await node(server), one] {
        #expect(try await backend.lookup(key("/a")).entry == nil)
        await backend.shutdown()
      }
    }

    @Test func `the log goes when nobody uses it, and stays while somebody only reads`() async throws {
      let server = try RedisServerProcess()
      let one = try await node(server)
      _ = try await one.lookup(key("/a"))
      let lifetime = try #require(Int64(server.command("PTTL", Self.log)))
      #expect((LogScript.lifetime - 60_000...LogScript.lifetime).contains(lifetime))
      _ = try server.command("PEXPIRE", Self.log, "100000")
      let two = try await node(server)
      _ = try await two.lookup(key("/a"))
      #expect(try #require(Int64(server.command("PTTL", Self.log))) > 100_000)
      // Not with every lookup.
      _ = try server.command("PEXPIRE", Self.log, "100000")
      for backend in [one, two] { _ = try await backend.lookup(key("/a")) }
      #expect(try #require(Int64(server.command("PTTL", Self.log))) <= 100_000)
      for backend in [one, two] { await backend.shutdown() }
    }

    @Test func `a log that is evicted with the entries voids them`() async throws {
      let server = try RedisServerProcess(options: ["--maxmemory", "30mb", "--maxmemory-policy", "allkeys-lru"])
      let one = try await node(server)
      let stamp = try await one.lookup(key("/a")).stamp
      #expect(try await one.store(entry("/a", lifetime: .seconds(600)), stamp: stamp) == .stored)
      // Four thousand unsafe requests to URLs of 8 kB do not fill it.
      let path = String(repeating: "x", count: 8_000)
      for number in 0..<4_200 { try await one.invalidate(CacheInvalidation(.key(key("/\(number)\(path)")))) }
      #expect(try await one.lookup(key("/a")).entry != nil)
      _ = try server.command("DEL", Self.log)
      #expect(try await one.lookup(key("/a")).entry == nil)
      await one.shutdown()
    }
  }
}

extension RedisBackend {
  fileprivate func keysRange(_ start: RedisCommand.Argument, _ end: RedisCommand.Argument) -> RedisCommand {
    RedisCommand("XRANGE", key: keys.log, start, end)
  }
}

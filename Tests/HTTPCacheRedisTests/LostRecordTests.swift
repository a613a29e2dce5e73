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
  /// Logs that have lost their last records, and are appended to before anybody looks.
  @Suite(.timeLimit(.minutes(5))) struct LostRecordTests: RedisNodes {
    private static let log = "swift-http-cache:log"

    /// Stores `/a` and `/b` with the tag that is invalidated, and `/c`.
    private func fill(_ backend: RedisBackend) async throws {
      for target in ["/a", "/b", "/c"] {
        let stamp = try await backend.lookup(key(target)).stamp
        #expect(try await backend.store(entry(target, tags: target == "/c" ? [] : ["t"]), stamp: stamp) == .stored)
      }
    }

    /// Expects that nothing is served that was invalidated, whoever is asked, and that everything goes on.
    private func check(_ knowing: RedisBackend, _ others: [RedisBackend]) async throws {
      for backend in [knowing] + others {
        try await eventually("the node does not come back") { (try? await backend.lookup(key("/x"))) != nil }
      }
      #expect(try await knowing.lookup(key("/a")).entry == nil)
      try await eventually("it is not written") {
        _ = try? await knowing.lookup(key("/x"))
        return knowing.statistics.waitingInvalidations == 0
      }
      for backend in others + [knowing] {
        for target in ["/a", "/b"] { #expect(try await backend.lookup(key(target)).entry == nil) }
      }
      let count = try await knowing.redis.send(RedisCommand("XLEN", key: knowing.keys.log)).integer
      let stamp = try await knowing.lookup(key("/a")).stamp
      #expect(try await knowing.store(entry("/a", tags: ["t"]), stamp: stamp) == .stored)
      for backend in others + [knowing] { #expect(try await backend.lookup(key("/a")).entry != nil) }
      // One who notices is enough.
      #expect(try await knowing.redis.send(RedisCommand("XLEN", key: knowing.keys.log)).integer == count)
      for backend in [knowing] + others { await backend.shutdown() }
    }

    private func lastID(_ server: RedisServerProcess) throws -> String {
      try #require(
        server.command("XREVRANGE", Self.log, "+", "-", "COUNT", "1").split(separator: "\n").first.map(String.init))
    }

    @Test(arguments: [false, true])
    func `a deleted record, whoever appends next`(isOwn: Bool) async throws {
      let server = try RedisServerProcess()
      let (one, two, three) = (try await node(server), try await node(server), try await node(server))
      try await fill(one)
      for backend in [two, three] { _ = try await backend.lookup(key("/x")) }
      try await one.invalidate(CacheInvalidation(.anyTag(["t"])))
      #expect(try server.command("XDEL", Self.log, lastID(server)) == "1")
      try await (isOwn ? one : two).invalidate(CacheInvalidation(.key(key("/other"))))
      // Who never knew the record is not to be blamed; who knew tells everybody.
      try await check(one, [two, three])
    }

    @Test func `a record that is lost before the node that has written it has read the log`() async throws {
      let server = try RedisServerProcess()
      let one = try await node(server)
      try await fill(one)
      let proxy = try FaultyProxy(to: server.port)
      let new = try await node(server) { $0.mode = .single(.tcp(port: proxy.port)) }
      // So that there is time between the node's writing and its reading.
      proxy.fault = .init(delay: .milliseconds(200))
      try await new.invalidate(CacheInvalidation(.anyTag(["t"])))
      #expect(try server.command("XDEL", Self.log, lastID(server)) == "1")
      proxy.fault = .init()
      try await check(new, [one])
      proxy.close()
    }

    @Test func `a record that is deleted from the middle voids what is older for those who have not read it`()
      async throws
    {
      let server = try RedisServerProcess()
      let one = try await node(server)
      try await fill(one)
      try await one.invalidate(CacheInvalidation(.anyTag(["t"])))
      let id = try lastID(server)
      try await one.invalidate(CacheInvalidation(.key(key("/other"))))
      #expect(try server.command("XDEL", Self.log, id) == "1")
      let fresh = try await node(server)
      for target in ["/a", "/b", "/c"] { #expect(try await fresh.lookup(key(target)).entry == nil) }
      await one.shutdown()
      await fresh.shutdown()
    }

    @Test func `a restart from an older snapshot`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      try await fill(one)
      _ = try await two.lookup(key("/x"))
      _ = try server.command("SAVE")
      try await one.invalidate(CacheInvalidation(.anyTag(["t"])))
      server.kill()
      try server.start()
      #expect(try server.command("EXISTS", "swift-http-cache:entry:https://example.com/a") == "1")
      try await two.waitUntilReady()
      try await two.invalidate(CacheInvalidation(.key(key("/other"))))
      try await check(one, [two])
    }

    @Test func `an append-only file that is cut short`() async throws {
      let server = try RedisServerProcess(options: ["--appendonly", "yes", "--appendfsync", "always"])
      let (one, two) = (try await node(server), try await node(server))
      try await fill(one)
      _ = try await two.lookup(key("/x"))
      let folder = server.folder.appendingPathComponent("appendonlydir")
      let name = try #require(
        FileManager.default.contentsOfDirectory(atPath: folder.path).first { $0.hasSuffix(".incr.aof") })
      let file = folder.appendingPathComponent(name).path
      let size = try #require(FileManager.default.attributesOfItem(atPath: file)[.size] as? Int)
      try await one.invalidate(CacheInvalidation(.anyTag(["t"])))
      server.kill()
      #expect(truncate(file, size + 10) == 0)
      try server.start()
      try await two.waitUntilReady()
      try await two.invalidate(CacheInvalidation(.key(key("/other"))))
      try await check(one, [two])
    }

    @Test func `a snapshot of an earlier log`() async throws {
      let server = try RedisServerProcess()
      let one = try await node(server)
      try await fill(one)
      _ = try server.command("SAVE")
      _ = try server.command("DEL", Self.log)
      #expect(try await one.lookup(key("/a")).entry == nil)
      server.kill()
      try server.start()
      try await check(one, [try await node(server)])
    }

    @Test func `a failover to a replica whose link was cut`() async throws {
      let master = try RedisServerProcess()
      let link = try FaultyProxy(to: master.port)
      let replica = try RedisServerProcess(options: [
        "--replicaof", "127.0.0.1 \(link.port)", "--repl-diskless-sync-delay", "0",
      ])
      let sentinels = try (0..<3).map { _ in
        try RedisServerProcess(
          .sentinel([
            "sentinel monitor cache 127.0.0.1 \(master.port) 2", "sentinel down-after-milliseconds cache 1500",
            "sentinel failover-timeout cache 3000",
          ]))
      }
      var nodes: [RedisBackend] = []
      for _ in 0..<2 {
        nodes.append(
          try await node(master) {
            $0.mode = .sentinel(master: "cache", sentinels: sentinels.map(\.endpoint))
            $0.commandTimeout = .milliseconds(500)
          })
      }
      try await fill(nodes[0])
      #expect(try await nodes[1].lookup(key("/a")).entry != nil)
      try await eventually("the replica does not follow") {
        try replica.command("EXISTS", "swift-http-cache:entry:https://example.com/c") == "1"
      }
      try await eventually("the sentinels do not know each other") {
        try sentinels.allSatisfy {
          let answer = try $0.command("SENTINEL", "MASTER", "cache").split(separator: "\n")
          guard let place = answer.firstIndex(of: "num-other-sentinels"),
            let slaves = answer.firstIndex(of: "num-slaves")
          else { return false }
          return answer[place + 1] == "2" && answer[slaves + 1] == "1"
        }
      }
      link.close()
      try await nodes[0].invalidate(CacheInvalidation(.anyTag(["t"])))
      #expect(try await nodes[1].lookup(key("/a")).entry == nil)
      master.kill()
      // By itself, and as the first command that the new master gets.
      try await eventually("the new master is not found", within: .seconds(30)) {
        (try? await nodes[1].invalidate(CacheInvalidation(.key(key("/other"))))) != nil
      }
      #expect(try replica.command("EXISTS", "swift-http-cache:entry:https://example.com/a") == "1")
      try await check(nodes[0], [nodes[1]])
    }

    @Test func `an entry tells of a record that the log has lost`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      try await fill(one)
      _ = try await two.lookup(key("/x"))
      // Somebody else has stored it after a record that nobody here has ever seen.
      let log = one.keys.log
      try await one.invalidate(CacheInvalidation(.anyTag(["t"])))
      let stamp = try await one.lookup(key("/d")).stamp
      #expect(try await one.store(entry("/d"), stamp: stamp) == .stored)
      await one.shutdown()
      _ = try await two.redis.send(RedisCommand("XDEL", key: log, .text(StreamID(number: stamp.number).text)))
      #expect(try await two.lookup(key("/a")).entry != nil)
      #expect(try await two.lookup(key("/d")).entry == nil)
      try await eventually("it goes unnoticed") { try await two.lookup(key("/a")).entry == nil }
      let next = try await two.lookup(key("/a")).stamp
      #expect(next > stamp)
      await two.shutdown()
    }

    @Test(arguments: [UInt64.max, 0, 1 << 62])
    func `a nonsensical stamp is a miss, and nothing else`(number: UInt64) async throws {
      let server = try RedisServerProcess()
      let one = try await node(server)
      try await fill(one)
      let stored = try #require(try await one.redis.send(RedisCommand("GET", key: one.keys.entry(key("/a")))).bytes)
      let wire = WireFormat.encode(
        entry("/d"), stamp: number, now: CacheClock.system.now, unixNow: CacheClock.system.unixTime)
      _ = try await one.redis.send(
        RedisCommand("SET", key: one.keys.entry(key("/d")), .joined(stored.slice(0..<8), wire)))
      for _ in 0..<3 { #expect(try await one.lookup(key("/d")).entry == nil) }
      #expect(try await one.lookup(key("/a")).entry != nil)
      #expect(one.statistics.waitingInvalidations == 0)
      await one.shutdown()
    }
  }
}

extension InvalidationStamp {
  fileprivate static func > (left: Self, right: Self) -> Bool { left.number > right.number }
}

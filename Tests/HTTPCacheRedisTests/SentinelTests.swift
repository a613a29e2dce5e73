//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  @Suite(.timeLimit(.minutes(5))) struct SentinelTests {
    @Test func `the master is found through the sentinels, and found again after a failover`() async throws {
      let master = try RedisServerProcess()
      let replica = try RedisServerProcess(options: [
        "--replicaof", "127.0.0.1 \(master.port)", "--repl-diskless-sync-delay", "0",
      ])
      let sentinels = try (0..<3).map { _ in
        try RedisServerProcess(
          .sentinel([
            "sentinel monitor cache 127.0.0.1 \(master.port) 2", "sentinel down-after-milliseconds cache 500",
            "sentinel failover-timeout cache 3000",
          ]))
      }
      var configuration = RedisConfiguration(mode: .sentinel(master: "cache", sentinels: sentinels.map(\.endpoint)))
      configuration.commandTimeout = .milliseconds(500)
      configuration.reconnect = .init(minimum: .milliseconds(5), maximum: .milliseconds(100))
      let client = try RedisClient(configuration)
      try await client.waitUntilReady(within: .seconds(10))
      #expect(try await client.send(RedisCommand("SET", key: "k", "before")) == .status("OK"))
      #expect(try master.command("GET", "k") == "before")
      try await eventually("the replica does not follow") { try replica.command("GET", "k") == "before" }
      try await eventually("the sentinels do not know each other") {
        try sentinels.allSatisfy {
          let answer = try $0.command("SENTINEL", "MASTER", "cache").split(separator: "\n")
          guard let place = answer.firstIndex(of: "num-other-sentinels"),
            let slaves = answer.firstIndex(of: "num-slaves")
          else { return false }
          return answer[place + 1] == "2" && answer[slaves + 1] == "1"
        }
      }
      master.kill()
      try await eventually("the new master is not found", within: .seconds(30)) {
        await code { try await client.send(RedisCommand("SET", key: "k", "after")) } == nil
      }
      #expect(try replica.command("GET", "k") == "after")
      #expect(client.statistics.topologyChanges == 2)
      await client.shutdown()
    }

    @Test func `sentinels that do not know the master, and one that names a replica, are no reason to write there`()
      async throws
    {
      let master = try RedisServerProcess()
      let replica = try RedisServerProcess(options: ["--replicaof", "127.0.0.1 \(master.port)"])
      try await eventually("the replica does not connect") { try replica.command("ROLE").hasPrefix("slave") }
      let sentinel = try RedisServerProcess(.sentinel(["sentinel monitor other 127.0.0.1 \(master.port) 1"]))
      let client = try RedisClient(RedisConfiguration(mode: .sentinel(master: "cache", sentinels: [sentinel.endpoint])))
      try await eventually("the cause is not given") {
        await code { try await client.send(RedisCommand("PING")) } == .noMaster
      }
      _ = try sentinel.command("SENTINEL", "MONITOR", "cache", "127.0.0.1", "\(replica.port)", "1")
      try await eventually("a replica is taken for a master") {
        await code { try await client.send(RedisCommand("PING")) } == .notMaster
      }
      #expect(client.statistics.failures[.notMaster] != nil)
      await client.shutdown()
    }
  }
}

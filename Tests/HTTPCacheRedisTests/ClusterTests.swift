//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  @Suite(.timeLimit(.minutes(5))) struct ClusterTests {
    private func client(_ cluster: RedisClusterProcess) async throws -> RedisClient {
      var configuration = RedisConfiguration(mode: .cluster(seeds: [cluster.nodes[0].endpoint]))
      configuration.commandTimeout = .seconds(2)
      configuration.headOfLineTimeout = .seconds(2)
      configuration.reconnect = .init(minimum: .milliseconds(5), maximum: .milliseconds(100))
      let client = try RedisClient(configuration)
      try await client.waitUntilReady(within: .seconds(10))
      return client
    }

    @Test func `every key goes to its node, batches are split and put together again, and slots may move`() async throws
    {
      let cluster = try RedisClusterProcess()
      let client = try await client(cluster)
      let keys = (0..<200).map { "key:\($0)" }
      let stores = try await client.send(keys.map { RedisCommand("SET", key: .text($0), .text("value of \($0)")) })
      #expect(stores.allSatisfy { $0 == .status("OK") })
      let values = try await client.send(keys.map { RedisCommand("GET", key: .text($0)) })
      #expect(values == keys.map { .bulk(Bytes("value of \($0)")) })
      for node in cluster.nodes { #expect(Int(try node.command("DBSIZE")) ?? 0 > 20) }
      #expect(client.statistics.redirections == 0)
      #expect(
        await code { try await client.send(RedisCommand("MGET", ["key:1", "key:2"], keyPosition: 0)) } == .crossSlot)

      // A slot moves while it is used: first half-way, so that the old owner says ASK for what it does not have.
      let slot = HashSlot.of("{moving}a")
      let source = try cluster.owner(of: "{moving}a")
      let target = try #require(cluster.nodes.first { $0 !== source })
      _ = try await client.send(RedisCommand("SET", key: "{moving}a", "1"))
      let (sourceID, targetID) = (try cluster.identity(source), try cluster.identity(target))
      _ = try target.command("CLUSTER", "SETSLOT", "\(slot)", "IMPORTING", sourceID)
      _ = try source.command("CLUSTER", "SETSLOT", "\(slot)", "MIGRATING", targetID)
      #expect(try await client.send(RedisCommand("GET", key: "{moving}a")) == .bulk("1"))
      #expect(try await client.send(RedisCommand("SET", key: "{moving}b", "2")) == .status("OK"))
      #expect(
        try await client.send([
          RedisCommand("GET", key: "{moving}b"), RedisCommand("GET", key: "{moving}a"),
          RedisCommand("GET", key: "key:1"),
        ]) == [.bulk("2"), .bulk("1"), .bulk("value of key:1")])
      let asked = client.statistics.redirections
      #expect(asked >= 2)
      // Then for good, so that it says MOVED once and is not asked again.
      _ = try source.command("MIGRATE", "127.0.0.1", "\(target.port)", "{moving}a", "0", "5000")
      for node in [target, source] { _ = try node.command("CLUSTER", "SETSLOT", "\(slot)", "NODE", targetID) }
      for _ in 0..<20 { #expect(try await client.send(RedisCommand("GET", key: "{moving}a")) == .bulk("1")) }
      #expect(client.statistics.redirections <= asked + 2)
      await client.shutdown()
    }

    @Test func `a master dies, its replica takes over, and the client follows by itself`() async throws {
      let cluster = try RedisClusterProcess(replicasPerMaster: 1)
      let client = try await client(cluster)
      let victim = try cluster.owner(of: "key:1")
      let other = try #require((0..<100).map { "key:\($0)" }.first { (try? cluster.owner(of: $0)) !== victim })
      victim.kill()
      // Whose master is alive is not affected.
      #expect(try await client.send(RedisCommand("SET", key: .text(other), "v")) == .status("OK"))
      let start = ContinuousClock.now
      let failed = await code { try await client.send(RedisCommand("SET", key: "key:1", "v")) }
      #expect(failed != nil)
      #expect(ContinuousClock.now - start < .seconds(2.5))
      try await eventually("the replica is not found", within: .seconds(30)) {
        await code { try await client.send(RedisCommand("SET", key: "key:1", "v")) } == nil
      }
      #expect(try await client.send(RedisCommand("GET", key: "key:1")) == .bulk("v"))
      await client.shutdown()
    }
  }
}

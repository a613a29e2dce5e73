//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import ServerHarness
import Testing

@testable import HTTPCache
@testable import HTTPCacheRedis

extension RedisIntegration {
  /// The public kit, against a real server.
  @Suite(.timeLimit(.minutes(5))) struct ConformanceTests {
    /// Backends on one server. Every store is a namespace of its own.
    private final class Stores: Sendable {
      let server: RedisServerProcess
      private let made = Locked([RedisBackend]())
      private let number = Locked(0)

      init() throws { server = try RedisServerProcess() }

      func makeStore() async throws -> RedisBackend {
        let number = number.withLock { number in
          number += 1
          return number
        }
        return try await connect(to: "store\(number)")
      }

      /// Another node on the store of `backend`.
      func makePeer(of backend: RedisBackend) async throws -> RedisBackend {
        try await connect(to: backend.redis.configuration.namespace)
      }

      private func connect(to namespace: String) async throws -> RedisBackend {
        var configuration = RedisConfiguration(mode: .single(server.endpoint), namespace: namespace)
        configuration.commandTimeout = .seconds(5)
        configuration.headOfLineTimeout = .seconds(10)
        let backend = try RedisBackend(configuration: configuration)
        try await backend.waitUntilReady()
        made.withLock { $0.append(backend) }
        return backend
      }

      func shutdown() async {
        for backend in made.withLock({ $0 }) { await backend.shutdown() }
      }
    }

    @Test func `Redis conforms, from two nodes`() async throws {
      let stores = try Stores()
      let kit = BackendConformance(
        makePeer: { try await stores.makePeer(of: #require($0 as? RedisBackend)) }
      ) { try await stores.makeStore() }
      for failure in await kit.run() { Issue.record(failure) }
      await stores.shutdown()
    }

    private typealias Tiers = MultiTierBackend<InMemoryBackend, RedisBackend>

    private static func tiers(_ far: RedisBackend, _ writing: TierConfiguration.Writing) throws -> Tiers {
      try Tiers(
        near: InMemoryBackend(configuration: .init(capacity: 128 << 20)), far: far,
        configuration: TierConfiguration(writing: writing, timeout: .seconds(5)))
    }

    @Test(arguments: [TierConfiguration.Writing.through, .back])
    func `memory in front of Redis conforms`(writing: TierConfiguration.Writing) async throws {
      let stores = try Stores()
      // No second node for entries: without a backplane a node uses its copies for a while (`nearTimeToLive`).
      var kit = BackendConformance { try Self.tiers(await stores.makeStore(), writing) }
      for failure in await kit.run(BackendConformance.Check.allCases.filter { $0 != .leases }) { Issue.record(failure) }
      kit.makePeer = { first in
        try Self.tiers(await stores.makePeer(of: #require(first as? Tiers).far.backend), writing)
      }
      for failure in await kit.run([.leases]) { Issue.record(failure) }
      await stores.shutdown()
    }
  }
}

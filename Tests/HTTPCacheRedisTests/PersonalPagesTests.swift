//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//
import HTTPCache
import HTTPCacheTesting
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  /// No user gets what was made for another unless the origin allowed that, from two nodes on one real server.
  @Suite(.timeLimit(.minutes(5))) struct PersonalPagesTests {
    private func makeBackend(_ server: RedisServerProcess) async throws -> RedisBackend {
      var configuration = RedisConfiguration(mode: .single(server.endpoint))
      configuration.commandTimeout = .seconds(5)
      configuration.headOfLineTimeout = .seconds(10)
      let backend = try RedisBackend(configuration: configuration)
      try await backend.waitUntilReady()
      return backend
    }

    @Test(arguments: [false, true], [nil, .seconds(5)] as [Duration?])
    func `groups of users at the same time`(isTiered: Bool, lease: Duration?) async throws {
      let server = try RedisServerProcess()
      var policy = CachePolicy(timeToLive: nil)
      policy.originLease = lease
      var backends: [RedisBackend] = []
      for _ in 0..<2 { backends.append(try await makeBackend(server)) }
      let caches = try backends.map { backend in
        isTiered
          ? try CacheLayer(backend: MultiTierBackend(near: InMemoryBackend(), far: backend), policy: policy)
          : try CacheLayer(backend: backend, policy: policy)
      }
      let violations = await PersonalPages.violations(caches, seed: isTiered ? 6 : 7, rounds: 34)
      #expect(violations == [])
      #expect(caches.allSatisfy { $0.statistics.stores > 0 })
      for backend in backends { await backend.shutdown() }
    }
  }
}

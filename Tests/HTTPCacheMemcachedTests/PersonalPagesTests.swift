//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//
import HTTPCache
import HTTPCacheMemcached
import HTTPCacheTesting
import ServerHarness
import Testing

extension MemcachedIntegrationTests {
  /// No user gets what was made for another unless the origin allowed that, from two nodes on two real servers.
  @Suite(.timeLimit(.minutes(5))) struct PersonalPagesTests {
    @Test(arguments: [false, true], [nil, .seconds(5)] as [Duration?])
    func `groups of users at the same time`(isTiered: Bool, lease: Duration?) async throws {
      let servers = try (0..<2).map { _ in try MemcachedServerProcess() }
      var policy = CachePolicy(timeToLive: nil)
      policy.originLease = lease
      let backends = try (0..<2).map { _ in try MemcachedBackend(configuration: MemcachedConfiguration(servers)) }
      let caches = try backends.map { backend in
        isTiered
          ? try CacheLayer(backend: MultiTierBackend(near: InMemoryBackend(), far: backend), policy: policy)
          : try CacheLayer(backend: backend, policy: policy)
      }
      let violations = await PersonalPages.violations(caches, seed: isTiered ? 8 : 9, rounds: 34)
      #expect(violations == [])
      #expect(caches.allSatisfy { $0.statistics.stores > 0 })
      for backend in backends { await backend.shutdown() }
    }
  }
}

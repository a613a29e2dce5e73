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
  /// Nobody can take an entry away from others, and no user gets a page with a default lifetime that was made for another,
  /// from two nodes on two real servers.
  @Suite(.timeLimit(.minutes(5))) struct StrangerTests {
    @Test(arguments: [false, true])
    func `nobody loses an entry`(isTiered: Bool) async throws {
      let servers = try (0..<2).map { _ in try MemcachedServerProcess() }
      var configuration = MemcachedConfiguration(servers)
      configuration.timeout = .seconds(5)
      configuration.responseTimeout = .seconds(10)
      let backends = try (0..<2).map { _ in try MemcachedBackend(configuration: configuration) }
      let caches = try backends.map { backend in
        isTiered
          ? try CacheLayer(backend: MultiTierBackend(near: InMemoryBackend(), far: backend), policy: CachePolicy())
          : try CacheLayer(backend: backend, policy: CachePolicy())
      }
      let violations = try await Strangers.violations(caches)
      #expect(violations == [])
      let cookieViolations = try await Strangers.cookieViolations(caches)
      #expect(cookieViolations == [])
      for backend in backends { await backend.shutdown() }
    }
  }
}

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
  /// Nobody can take an entry away from others, and no user gets a page with a default lifetime that was made for another,
  /// from two nodes on one real server.
  @Suite(.timeLimit(.minutes(5))) struct StrangerTests {
    @Test(arguments: [false, true])
    func `nobody loses an entry`(isTiered: Bool) async throws {
      let server = try RedisServerProcess()
      var backends: [RedisBackend] = []
      for _ in 0..<2 {
        var configuration = RedisConfiguration(mode: .single(server.endpoint))
        configuration.commandTimeout = .seconds(5)
        configuration.headOfLineTimeout = .seconds(10)
        let backend = try RedisBackend(configuration: configuration)
        try await backend.waitUntilReady()
        backends.append(backend)
      }
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

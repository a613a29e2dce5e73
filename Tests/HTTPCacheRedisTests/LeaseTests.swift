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
  /// Two nodes on one real server, and 200 clients on each, make one call to the origin.
  @Suite(.timeLimit(.minutes(5))) struct LeaseTests {
    private func makeBackend(_ server: RedisServerProcess) async throws -> RedisBackend {
      var configuration = RedisConfiguration(mode: .single(server.endpoint))
      configuration.commandTimeout = .seconds(5)
      configuration.headOfLineTimeout = .seconds(10)
      let backend = try RedisBackend(configuration: configuration)
      try await backend.waitUntilReady()
      return backend
    }

    /// How often the server was asked to set something: an entry, or a lease.
    private func setCount(_ server: RedisServerProcess) throws -> Int {
      let statistics = try server.command("INFO", "commandstats")
      guard let line = statistics.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix("cmdstat_set:") })
      else {
        return 0
      }
      return line.split(separator: "=").dropFirst().first.flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
    }

    private func expectOneCall(_ server: RedisServerProcess, _ backends: [any CacheBackend]) async throws {
      var policy = CachePolicy()
      policy.timeToLive = .seconds(600)
      policy.originLease = .seconds(60)
      let origin = ScriptedService()
      let caches = try backends.map { try CacheLayer(backend: $0, policy: policy) }
      let setsBefore = try setCount(server)
      var clients: [Task<(String, CacheOutcome?), any Error>] = []
      for cache in caches {
        let service = origin.layer(cache)
        clients += (0..<200).map { _ in
          Task {
            let response = try await service.call(CacheRequest(authority: "example.com", target: "/cold"))
            return (String(decoding: try await response.body.collect(), as: UTF8.self), response.outcome)
          }
        }
      }
      try await eventually("they do not wait") {
        caches.allSatisfy { cache in cache.flights.all.reduce(0) { $0 + $1.waiting.count } >= 200 }
      }
      // Both nodes have asked for the lease, one of them in vain.
      try await eventually("they do not ask for the lease") { try setCount(server) >= setsBefore + 2 }
      await origin.nextCall().respond(CacheResponse(body: "once"))
      for client in clients { #expect(try await client.value.0 == "once") }
      #expect(origin.callCount == 1)
      #expect(caches.reduce(0) { $0 + $1.statistics.misses.values.reduce(0, +) } == 1)
      #expect(caches.reduce(0) { $0 + $1.statistics.collapsed } == 399)
      // Later ones find it.
      for cache in caches {
        let request = CacheRequest(authority: "example.com", target: "/cold")
        #expect(try await origin.layer(cache).call(request).outcome == .hit)
      }
      #expect(origin.callCount == 1)
      try await eventually("the lease is not given back") {
        try server.command("KEYS", "swift-http-cache:lease:*").isEmpty
      }
    }

    @Test func `two hundred clients on each of two nodes make one call`() async throws {
      let server = try RedisServerProcess()
      let backends = [try await makeBackend(server), try await makeBackend(server)]
      try await expectOneCall(server, backends)
      for backend in backends { await backend.shutdown() }
    }

    @Test func `the same with memory in front`() async throws {
      let server = try RedisServerProcess()
      let backends = [try await makeBackend(server), try await makeBackend(server)]
      try await expectOneCall(
        server,
        backends.map {
          try MultiTierBackend(
            near: InMemoryBackend(), far: $0, configuration: TierConfiguration(timeout: .seconds(5)))
        })
      for backend in backends { await backend.shutdown() }
    }
  }
}

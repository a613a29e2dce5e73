//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import ServerHarness
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

extension MemcachedIntegrationTests {
  /// The public kit, against real servers.
  @Suite(.timeLimit(.minutes(5))) struct Conformance {
    /// Backends on two servers. Every store is a namespace of its own.
    private final class Stores: Sendable {
      private struct Made {
        var backend: MemcachedBackend
        var namespace: String
      }

      private let servers: [MemcachedServerProcess]
      private let made = Locked([Made]())

      init() throws { servers = try (0..<2).map { _ in try MemcachedServerProcess(memory: 512) } }

      func makeStore() throws -> MemcachedBackend { try connect(to: "store\(made.withLock { $0.count })") }

      /// Another node on the store of `backend`.
      func makePeer(of backend: MemcachedBackend) throws -> MemcachedBackend {
        let namespace = made.withLock { $0.first { $0.backend === backend }?.namespace }
        return try connect(to: #require(namespace))
      }

      private func connect(to namespace: String) throws -> MemcachedBackend {
        var configuration = MemcachedConfiguration(servers, namespace: namespace)
        configuration.timeout = .seconds(5)
        configuration.connectTimeout = .seconds(5)
        configuration.responseTimeout = .seconds(5)
        let backend = try MemcachedBackend(configuration: configuration)
        made.withLock { $0.append(Made(backend: backend, namespace: namespace)) }
        return backend
      }

      func shutdown() async {
        for made in made.withLock({ $0 }) { await made.backend.shutdown() }
      }
    }

    @Test func `memcached conforms, from two nodes`() async throws {
      let stores = try Stores()
      let kit = BackendConformance(
        makePeer: { try stores.makePeer(of: #require($0 as? MemcachedBackend)) }
      ) { try stores.makeStore() }
      for failure in await kit.run() { Issue.record(failure) }
      await stores.shutdown()
    }

    private typealias Tiers = MultiTierBackend<InMemoryBackend, MemcachedBackend>

    private static func tiers(_ far: MemcachedBackend, _ writing: TierConfiguration.Writing) throws -> Tiers {
      try Tiers(
        near: InMemoryBackend(configuration: .init(capacity: 128 << 20)), far: far,
        configuration: TierConfiguration(writing: writing, timeout: .seconds(5)))
    }

    @Test(arguments: [TierConfiguration.Writing.through, .back])
    func `memory in front of memcached conforms`(writing: TierConfiguration.Writing) async throws {
      let stores = try Stores()
      // No second node for entries: without a backplane a node uses its copies for a while (`nearTimeToLive`).
      var kit = BackendConformance { try Self.tiers(stores.makeStore(), writing) }
      var checks = Set(BackendConformance.Check.allCases).subtracting([.leases])
      // The host voids what has a tag that it never saw when anything is invalidated before it is written: that the tag was
      // not concerned cannot be told from that its mark was evicted. What is written later meets that in these checks.
      if writing == .back { checks.subtract([.tags, .hardInvalidation, .softInvalidation, .fills]) }
      for failure in await kit.run(BackendConformance.Check.allCases.filter { checks.contains($0) }) {
        Issue.record(failure)
      }
      kit.makePeer = { first in
        try Self.tiers(stores.makePeer(of: #require(first as? Tiers).far.backend), writing)
      }
      for failure in await kit.run([.leases]) { Issue.record(failure) }
      await stores.shutdown()
    }
  }
}

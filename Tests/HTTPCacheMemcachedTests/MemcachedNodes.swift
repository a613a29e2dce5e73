//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import ServerHarness
import Synchronization
import Testing

@testable import HTTPCacheMemcached

extension MemcachedIntegrationTests.Backend {
  /// What those who fill and those who invalidate know of each other.
  final class Scores: Sendable {
    /// What the origin would answer with.
    let version = Atomic<Int>(0)
    /// What has been invalidated at least.
    let invalidated = Atomic<Int>(0)
    let isOver = Atomic<Bool>(false)
    let hits = Atomic<Int>(0)
    let fills = Atomic<Int>(0)
  }

  /// Two hosts, and two processes' worth of backends on them.
  final class Nodes: Sendable {
    let servers: [MemcachedServerProcess]
    let first: MemcachedBackend
    let second: MemcachedBackend

    init(hosts: Int = 2, clock: CacheClock = .system, timeout: Duration = .seconds(2)) throws {
      servers = try (0..<hosts).map { _ in try MemcachedServerProcess() }
      var configuration = MemcachedConfiguration(servers)
      configuration.timeout = timeout
      configuration.responseTimeout = timeout
      first = try MemcachedBackend(configuration: configuration, clock: clock)
      second = try MemcachedBackend(configuration: configuration, clock: clock)
    }

    func shutdown() async {
      await first.shutdown()
      await second.shutdown()
    }
  }
}

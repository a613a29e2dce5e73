//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness

@testable import HTTPCacheRedis

/// Tests of several nodes on one server.
protocol RedisNodes {}

extension RedisNodes {
  /// Another process, as far as the server can tell.
  func node(
    _ server: RedisServerProcess, _ change: (inout RedisConfiguration) -> Void = { _ in }
  ) async throws -> RedisBackend {
    var configuration = RedisConfiguration(mode: .single(server.endpoint))
    configuration.commandTimeout = .seconds(2)
    configuration.headOfLineTimeout = .seconds(4)
    configuration.reconnect = .init(minimum: .milliseconds(5), maximum: .milliseconds(100))
    change(&configuration)
    let backend = try RedisBackend(configuration: configuration)
    try await backend.waitUntilReady()
    return backend
  }

  func key(_ target: String) -> CacheKey {
    CacheKey(scheme: "https", authority: "example.com", target: target)
  }

  func entry(
    _ target: String, _ body: Bytes = "body", lifetime: Duration = .seconds(60), tags: [String] = []
  ) -> CacheEntry {
    let now = CacheClock.system.now
    let end = now.advanced(by: lifetime)
    return CacheEntry(
      key: key(target), status: 200, fields: ["content-type": "text/plain"], body: body,
      times: EntryTimes(
        birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
        reclaimAt: end), tags: CacheTags(tags))
  }
}

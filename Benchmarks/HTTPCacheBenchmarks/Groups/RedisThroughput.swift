//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import HTTPCacheRedis
import ServerHarness

/// The Redis client beside hiredis as a C program would use it, against a server of its own on this machine.
///
/// One operation is one GET with one caller, and twenty by each with several: so that making the callers does not count.
enum RedisThroughput {
  private static let rounds = 20
  private static let small = "bench:1k"
  private static let large = "bench:1m"

  /// The server; it ends with the process.
  private static let server = Result { try RedisServerProcess() }

  static let benchmarks: [Benchmark] = {
    guard RedisServerProcess.executable != nil, RedisServerProcess.client != nil else {
      FileHandle.standardError.write(Data("redis/*: left out, no redis-server is installed\n".utf8))
      return []
    }
    return [
      raw("raw/1", "hiredis, blocking: GET of 1 KiB") { $0.get(small, count: $1) },
      client("client/1", "1 caller: GET of 1 KiB", callers: 1, small),
      client(
        "waiting_client/1", "1 caller that waits in its thread for 150 µs at most: GET of 1 KiB", callers: 1, small,
        waiting: .microseconds(150)),
      raw("raw/16", "hiredis, 16 in the pipeline: 20 GETs of 1 KiB for each") {
        $0.getPipelined(small, depth: 16, count: $1 * 16 * rounds)
      },
      client("client/16", "16 callers: 20 GETs of 1 KiB each", callers: 16, small),
      raw("raw/128", "hiredis, 128 in the pipeline: 20 GETs of 1 KiB for each") {
        $0.getPipelined(small, depth: 128, count: $1 * 128 * rounds)
      },
      client("client/128", "128 callers: 20 GETs of 1 KiB each", callers: 128, small),
      raw("raw/1_large", "hiredis, blocking: GET of 1 MiB") { $0.get(large, count: $1) },
      client("client/1_large", "1 caller: GET of 1 MiB", callers: 1, large),
      Benchmark("redis/backend/lookup", "1 caller: a lookup that finds an entry of 1 KiB") {
        let backend = try await backend()
        let key = CacheKey(scheme: "https", authority: "bench.example.com", target: "/redis")
        let now = CacheClock.system.now
        let end = now.advanced(by: .seconds(3600))
        let entry = CacheEntry(
          key: key, status: 200, fields: ["content-type": "text/html"], body: Bytes(repeatElement(120, count: 1024)),
          times: EntryTimes(
            birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
            reclaimAt: end))
        _ = try await backend.store(entry, stamp: try await backend.lookup(key).stamp)
        return .asynchronous { count in
          try await Task { @concurrent in
            for _ in 0..<count { consume(try await backend.lookup(key)) }
          }.value
        }
      },
    ]
  }()

  private static func port() throws -> Int {
    let server = try server.get()
    _ = try server.command("SET", small, String(repeating: "x", count: 1024))
    _ = try server.command("EVAL", "redis.call('SET', KEYS[1], string.rep('x', 1048576))", "1", large)
    return server.port
  }

  private static func backend(waiting: Duration = .zero) async throws -> RedisBackend {
    var configuration = RedisConfiguration(mode: .single(.tcp(port: try port())))
    configuration.commandTimeout = .seconds(5)
    configuration.headOfLineTimeout = .seconds(5)
    configuration.callerWaitLimit = waiting
    let backend = try RedisBackend(configuration: configuration)
    try await backend.waitUntilReady()
    return backend
  }

  private static func raw(
    _ name: String, _ summary: String, _ work: @escaping @Sendable (RawRedis, Int) -> Void
  ) -> Benchmark {
    Benchmark("redis/\(name)", summary) {
      let connection = try RawRedis(port: try port())
      return .synchronous { count in work(connection, count) }
    }
  }

  private static func client(
    _ name: String, _ summary: String, callers: Int, _ key: String, waiting: Duration = .zero
  ) -> Benchmark {
    Benchmark("redis/\(name)", summary) {
      let client = try await backend(waiting: waiting).redis
      let command = RedisCommand("GET", key: .text(key))
      guard callers > 1 else {
        // Not on the main thread, whose executor takes longer to come back to.
        return .asynchronous { count in
          try await Task { @concurrent in
            for _ in 0..<count { consume(try await client.send(command)) }
          }.value
        }
      }
      return .asynchronous { count in
        for _ in 0..<count {
          try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<callers {
              group.addTask { for _ in 0..<rounds { consume(try await client.send(command)) } }
            }
            try await group.waitForAll()
          }
        }
      }
    }
  }
}

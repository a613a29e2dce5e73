//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import HTTPCacheMemcached
import HTTPCacheRedis
import ServerHarness

/// The bytes that very many large invalidations take: in servers of their own on this machine, and in the processes that use
/// them; and the time until a process that starts then has its first hit.
enum InvalidationBytes {
  /// How many invalidations are under way at a time.
  private static let width = 64

  private static let targets: [(name: String, target: @Sendable (Int) -> CacheInvalidation.Target)] = [
    (
      "of URLs of 8 KiB",
      { number in
        let query = "\(number)?" + String(repeating: "u", count: 8192 - 40)
        return .key(CacheKey(scheme: "https", authority: "example.com", target: "/" + query))
      }
    ),
    ("of 100 tags each", { number in .anyTag((0..<100).map { "a tag, number \(number) \($0)" }) }),
  ]

  static func text(count: Int, progress: @escaping @Sendable (String) -> Void) async throws -> String {
    var rows = [
      ["\(count) invalidations", "time", "bookkeeping", "this process", "a process that starts", "its first hit"]
    ]
    for (name, target) in targets {
      let redis = try RedisServerProcess()
      var configuration = RedisConfiguration(mode: .single(.tcp(port: redis.port)))
      configuration.commandTimeout = .seconds(30)
      configuration.headOfLineTimeout = .seconds(30)
      rows.append(
        try await row("Redis, \(name)", count, target, progress) {
          let backend = try RedisBackend(configuration: configuration)
          try await backend.waitUntilReady()
          return backend
        } bookkeeping: {
          let size = try redis.command("MEMORY", "USAGE", "\(configuration.namespace):log", "SAMPLES", "0")
          return "\(size) bytes in \(try redis.command("XLEN", "\(configuration.namespace):log")) records"
        })
      let memcached = try MemcachedServerProcess()
      rows.append(
        try await row("memcached, \(name)", count, target, progress) {
          var configuration = MemcachedConfiguration(hosts: [MemcachedHost("127.0.0.1", port: memcached.port)])
          configuration.timeout = .seconds(30)
          configuration.responseTimeout = .seconds(30)
          return try MemcachedBackend(configuration: configuration)
        } bookkeeping: {
          let (bytes, items) = (try memcached.statistic("bytes") ?? 0, try memcached.statistic("curr_items") ?? 0)
          return "\(bytes) bytes in \(items) items"
        })
    }
    return Report.columns(rows)
  }

  private static func row(
    _ name: String, _ count: Int, _ target: @escaping @Sendable (Int) -> CacheInvalidation.Target,
    _ progress: @escaping @Sendable (String) -> Void, _ start: () async throws -> any CacheBackend,
    bookkeeping: () throws -> String
  ) async throws -> [String] {
    func memory() -> Int {
      ResidentMemory.trim()
      return ResidentMemory.byteCount ?? 0
    }
    func mebibytes(since before: Int) -> String { "\(max(0, memory() - before) / (1 << 20)) MiB" }
    let before = memory()
    let backend = try await start()
    let clock = ContinuousClock()
    let begin = clock.now
    try await withThrowingTaskGroup(of: Void.self) { group in
      for first in 0..<min(width, count) {
        group.addTask { @concurrent in
          for number in stride(from: first, to: count, by: width) {
            _ = try await backend.invalidate(CacheInvalidation(target(number)))
            if number % 100_000 == 0 { progress("\(name): \(number) of \(count)") }
          }
        }
      }
      try await group.waitForAll()
    }
    let time = Report.time((clock.now - begin) / .nanoseconds(1))
    let own = mebibytes(since: before)
    let key = Samples.key(0)
    let stamp = try await backend.lookup(key).stamp
    guard try await backend.store(TagInvalidation.entry(key, CacheTags([])), stamp: stamp) == .stored else {
      throw WrongWork(description: "the entry was not stored")
    }
    let beforeStart = memory()
    let startTime = clock.now
    let other = try await start()
    while (try? await other.lookup(key))?.entry == nil {}
    let firstHit = Report.time((clock.now - startTime) / .nanoseconds(1))
    let row = [name, time, try bookkeeping(), own, mebibytes(since: beforeStart), firstHit]
    progress(row.joined(separator: "  "))
    // Both are used until here, so that both are counted.
    for backend in [backend, other] {
      await (backend as? RedisBackend)?.shutdown()
      await (backend as? MemcachedBackend)?.shutdown()
    }
    return row
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheRedis

/// A backend of a process that ends and starts anew, while its clients go on.
final class RestartableBackend: LeasingBackend {
  private let process: Locked<RedisBackend>
  private var current: RedisBackend { process.withLock { $0 } }

  init(_ backend: RedisBackend) { process = Locked(backend) }

  /// The process knows nothing any more.
  func restart(_ configuration: RedisConfiguration) async throws {
    let new = try RedisBackend(configuration: configuration)
    let old = process.withLock { current in
      defer { current = new }
      return current
    }
    await old.shutdown()
  }

  var notes: String { summary(current.statistics) }
  func shutdown() async { await current.shutdown() }

  func lookup(_ key: CacheKey) async throws -> CacheLookup { try await current.lookup(key) }
  func lookup(all keys: [CacheKey]) async throws -> [CacheLookup] { try await current.lookup(all: keys) }
  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    try await current.store(entry, stamp: stamp)
  }
  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    while true {
      let backend = current
      do { return try await backend.invalidate(invalidation) } catch  where backend !== current {
        // The process has ended over it. Whoever wants to be sure asks the next one.
      }
    }
  }
  func verdictNow(key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp) -> InvalidationVerdict? {
    current.verdictNow(key: key, tags: tags, since: stamp)
  }
  func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    try await current.acquireLease(for: key, duration: duration)
  }
  func releaseLease(_ lease: CacheLease) async { await current.releaseLease(lease) }
}

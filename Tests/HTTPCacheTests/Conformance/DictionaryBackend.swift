//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Keeps everything that is not invalidated, for tests.
actor DictionaryBackend: CacheBackend {
  private var stored: [CacheKey: (entry: CacheEntry, stamp: InvalidationStamp)] = [:]
  private let log = InvalidationLog()
  private let clock: CacheClock

  init(clock: CacheClock = .system) { self.clock = clock }

  func lookup(_ key: CacheKey) async throws -> CacheLookup {
    // Before anything else: what is invalidated from now on has a higher number.
    let stamp = log.stamp
    guard let (entry, since) = stored[key], clock.now < entry.times.reclaimAt else {
      return CacheLookup(entry: nil, stamp: stamp)
    }
    switch log.verdict(key: key, tags: entry.tags, since: since) {
    case .valid:
      return CacheLookup(entry: entry, stamp: stamp)
    case .stale(let moment):
      return CacheLookup(entry: entry.with(times: entry.times.stale(since: moment)), stamp: stamp)
    case .void:
      stored[key] = nil
      return CacheLookup(entry: nil, stamp: stamp)
    }
  }

  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    if log.verdict(key: entry.key, tags: entry.tags, since: stamp) == .void { return .invalidated }
    stored[entry.key] = (entry, stamp)
    return .stored
  }

  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    log.record(invalidation, at: clock.now)
    return InvalidationReceipt()
  }
}

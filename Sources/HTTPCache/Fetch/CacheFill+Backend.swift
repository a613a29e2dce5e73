//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Storing, unless what is stored has been invalidated meanwhile.
extension CacheFill {
  /// Stores without waiting.
  func putNow(_ entry: CacheEntry, index: CacheEntry?) -> CacheStoreResult {
    // What cannot be compared with the store's invalidations cannot be stored: the store did not answer before.
    guard let stamp = plan.stamp else {
      cache.report(.refused(.backend), key: entry.key)
      return .refused
    }
    let result = flight.unlessInvalidated {
      if let index {
        let result = cache.backend.storeNow(index, stamp: stamp)
        guard result == .stored else { return result }
      }
      return cache.backend.storeNow(entry, stamp: stamp)
    }
    return noted(result ?? .invalidated, entry)
  }

  /// Stores, waiting for the backend if need be.
  ///
  /// - Returns: Whether it is stored.
  @discardableResult
  func put(_ entry: CacheEntry, index: CacheEntry? = nil) async -> Bool {
    let result = putNow(entry, index: index)
    guard result == .unavailable, let stamp = plan.stamp else { return result == .stored }
    do {
      if let index {
        let result = try await cache.backend.store(index, stamp: stamp)
        guard result == .stored else { return noted(result, entry) == .stored }
      }
      let result = try await cache.backend.store(entry, stamp: stamp)
      if result == .stored { flight.noteStored() }
      // An invalidation that came while it was being stored may have been ahead of it.
      if result == .stored, flight.isInvalidated {
        try await cache.backend.removeEntry(for: entry.key)
        return noted(.invalidated, entry) == .stored
      }
      return noted(result, entry) == .stored
    } catch {
      cache.report(.backendFailed, key: entry.key, error: error)
      cache.report(.refused(.backend), key: entry.key)
      return false
    }
  }

  /// Tells the observers what has become of an attempt to store.
  func noted(_ result: CacheStoreResult, _ entry: CacheEntry) -> CacheStoreResult {
    switch result {
    case .stored:
      if cache.observers.interests.isEmpty {
        cache.counters.count(.stored, stripe: entry.digest.low)
        cache.note(.stored, key: entry.key, entry: entry)
      } else {
        cache.report(
          .stored, key: entry.key, entry: entry, tags: entry.tags?.names, status: entry.status,
          bodySize: entry.body.count)
      }
    case .refused: cache.report(.refused(.tooLarge), key: entry.key, bodySize: entry.body.count)
    case .invalidated: cache.report(.refused(.invalidated), key: entry.key)
    case .unavailable: break
    }
    return result
  }

  /// Whether `entry` may take the place of what is stored: parts do not, where a whole response is still good.
  func mayPut(_ entry: CacheEntry) async -> Bool {
    guard entry.traits.contains(.partial), let stored = await cache.storedEntry(entry.key) else { return true }
    return stored.traits.contains(.partial)
      || !RFC9111.isServable(times: stored.times, traits: stored.traits, now: cache.clock.now)
  }
}

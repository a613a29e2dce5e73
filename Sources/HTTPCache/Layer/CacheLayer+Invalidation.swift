//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Removes what is stored for `request`, all variants of it.
  ///
  /// A response that is being made at this moment is delivered to those who wait for it, but not stored.
  ///
  /// - Returns: Whether something was stored.
  @discardableResult
  public func removeEntry(for request: CacheRequest) async -> Bool {
    guard let policy = router.policy(for: request), let key = key(of: request, policy) else { return false }
    return await removeEntry(for: key)
  }

  /// Removes what is stored under `key`, all variants of it.
  ///
  /// - Returns: Whether something was stored.
  @discardableResult
  public func removeEntry(for key: CacheKey) async -> Bool {
    await invalidate(CacheInvalidation(.key(key))).entryCount ?? 0 > 0
  }

  /// Removes everything.
  public func removeAll() async { await invalidate(CacheInvalidation(.everything)) }

  /// Makes void or stale what `invalidation` says.
  ///
  /// A response that is being made at this moment is delivered to those who wait for it, but not stored.
  ///
  /// - Returns: What was done. A backend that failed has been told, and reported to the observers.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async -> InvalidationReceipt {
    for flight in flights.values {
      switch invalidation.target {
      case .key(let key) where flight.primary == key || flight.key == key: endSharing(flight)
      case .everything: endSharing(flight)
      default: break
      }
    }
    if case .everything = invalidation.target { uncacheable.removeAll() }
    report(.invalidated, key: invalidation.key)
    return await forwardToBackend(invalidation)
  }

  /// Lets a flight go on for those who wait for it, and for nobody else.
  private func endSharing(_ flight: Flight) {
    flight.invalidate()
    flights[flight.key] = nil
  }

  /// Removes from the backend. One that fails has been told, and says so.
  @discardableResult
  nonisolated func remove(_ key: CacheKey) async -> Bool {
    await forwardToBackend(CacheInvalidation(.key(key))).entryCount ?? 0 > 0
  }

  private nonisolated func forwardToBackend(_ invalidation: CacheInvalidation) async -> InvalidationReceipt {
    do {
      return try await backend.invalidate(invalidation)
    } catch {
      report(.backendFailed, key: invalidation.key, error: error)
      return InvalidationReceipt()
    }
  }
}

extension CacheInvalidation {
  /// The key, if it is about one.
  fileprivate var key: CacheKey? {
    guard case .key(let key) = target else { return nil }
    return key
  }
}

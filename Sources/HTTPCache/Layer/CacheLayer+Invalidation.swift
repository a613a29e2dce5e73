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
    for flight in flights.values where flight.primary == key || flight.key == key { endSharing(flight) }
    report(.invalidated, key: key)
    return await remove(key)
  }

  /// Removes everything.
  public func removeAll() async {
    for flight in flights.values { endSharing(flight) }
    uncacheable.removeAll()
    report(.invalidated)
    do {
      try await backend.removeAll()
    } catch {
      report(.backendFailed, error: error)
    }
  }

  /// Lets a flight go on for those who wait for it, and for nobody else.
  private func endSharing(_ flight: Flight) {
    flight.invalidate()
    flights[flight.key] = nil
  }

  /// Removes from the backend. One that fails has been told, and says so.
  @discardableResult
  nonisolated func remove(_ key: CacheKey) async -> Bool {
    do {
      return try await backend.removeEntry(for: key)
    } catch {
      report(.backendFailed, key: key, error: error)
      return false
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// Makes void or stale what `invalidation` says. When it returns, no request that begins afterwards gets any of it, nor a
  /// response whose making had begun before.
  ///
  /// Those who wait for such a response already get it, and it is not stored (or, after a soft invalidation, as stale).
  ///
  /// - Returns: What was done. A backend that failed has been told, and reported to the observers.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async -> InvalidationReceipt {
    let underWay = flights.all
    let concerned = underWay.filter { mustNotBeShared($0, after: invalidation) }
    for flight in concerned { invalidate(flight) }
    if case .everything = invalidation.target { uncoalesced.removeAll() }
    counters.count(invalidation)
    report(.invalidated, key: invalidation.key, tags: invalidation.tags)
    var receipt = await forwardToBackend(invalidation)
    receipt.flightCount += concerned.count
    guard !receipt.isComplete, invalidation.isByTags else { return receipt }
    // A store that could not be told gives the same stamp as before: by their stamps nobody can see that a response was asked
    // for earlier.
    for flight in underWay where !concerned.contains(where: { $0 === flight }) {
      invalidate(flight)
      receipt.flightCount += 1
    }
    return receipt
  }

  private func invalidate(_ flight: Flight) {
    flight.invalidate()
    flights.remove(flight)
  }

  /// Whether a flight is known to be concerned by its key. By its tags it can be known only when the answer is there: then
  /// everybody is asked for when they began.
  private func mustNotBeShared(_ flight: Flight, after invalidation: CacheInvalidation) -> Bool {
    // Without a stamp there will be nothing to compare with.
    guard flight.isStamped else { return true }
    switch invalidation.target {
    case .key(let key): return flight.primary == key || flight.key == key
    case .anyTag, .allTags: return false
    // Refreshes too: what they bring is as old.
    case .pathPrefix, .matching, .everything:
      return invalidation.concerns(key: flight.primary, tags: [])
    }
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
      return InvalidationReceipt(isComplete: false)
    }
  }
}

extension CacheInvalidation {
  /// Whether it is known only by a response whether it concerns that.
  fileprivate var isByTags: Bool {
    switch target {
    case .anyTag, .allTags: true
    case .key, .pathPrefix, .matching, .everything: false
    }
  }

  /// The key, if it is about one.
  fileprivate var key: CacheKey? {
    guard case .key(let key) = target else { return nil }
    return key
  }
}

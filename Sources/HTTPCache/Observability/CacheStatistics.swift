//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a cache has done since it was made. Always counted; taking a snapshot costs a microsecond.
public struct CacheStatistics: Hashable, Sendable {
  /// Requests answered with a fresh stored response.
  public var hits = 0
  /// Requests answered with a stale stored response, by reason.
  public var stale: [CacheOutcome.StaleReason: Int] = [:]
  /// Requests answered with a stored response that the origin had confirmed.
  public var revalidated = 0
  /// Requests answered by the origin, by reason.
  public var misses: [CacheOutcome.MissReason: Int] = [:]
  /// Requests answered by the origin's answer to another request.
  public var collapsed = 0
  /// Requests that the cache stood aside for, by reason.
  public var bypasses: [CacheOutcome.BypassReason: Int] = [:]
  /// Requests that could not be answered, by reason.
  public var failures: [CacheOutcome.FailureReason: Int] = [:]
  /// Responses stored.
  public var stores = 0
  /// Responses not stored, by reason.
  public var refusals: [StoreRefusal: Int] = [:]
  /// Refreshes in the background that have begun.
  public var refreshes = 0
  /// Refreshes in the background that have failed.
  public var failedRefreshes = 0
  /// Invalidations.
  public var invalidations = 0
  /// Failures of the backend.
  public var backendFailures = 0

  /// All requests.
  public var requests: Int {
    hits + stale.values.reduce(0, +) + revalidated + misses.values.reduce(0, +) + collapsed
      + bypasses.values.reduce(0, +) + failures.values.reduce(0, +)
  }

  /// The share of requests that were answered without waiting for the origin, from 0 to 1: hits and stale responses.
  public var hitRatio: Double {
    let requests = requests
    return requests == 0 ? 0 : Double(hits + stale.values.reduce(0, +)) / Double(requests)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

/// What a history of requests and invalidations is played on.
struct InvalidationWorld: Sendable {
  /// Where the cache keeps its entries.
  var backend: any CacheBackend
  /// Whether nothing is under way in the backend by itself.
  var isQuiet: @Sendable () async -> Bool = { true }
  /// Whether something is under way in the backend that may end only when the clock moves.
  var waitsForTime: @Sendable () -> Bool = { false }
  /// By how much later than when it was said to be stale something may be known to be.
  var delay = Duration.zero
  /// Something that befalls the backend between two steps: the loss of a node, say. Says what it was.
  var disturb: (@Sendable (inout SplitMix64) async -> String)?

  /// One in this process's memory, small enough that entries are evicted too.
  static func inMemory(_ clock: CacheClock) throws -> InvalidationWorld {
    InvalidationWorld(
      backend: try InMemoryBackend(configuration: .init(capacity: 1 << 20, maximumEntryCount: 24, clock: clock)))
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

/// What a history of requests and invalidations is played on.
struct InvalidationWorld: Sendable {
  /// Makes a world, for a history with that seed.
  typealias Maker = @Sendable (CacheClock, _ seed: UInt64) throws -> InvalidationWorld

  /// Where the cache keeps its entries; one for each node, when there are several.
  var backends: [any CacheBackend]
  /// Whether what is under way in the backend may end only when the clock moves.
  var takesTime = false
  /// By how much later than when it was said to be stale something may be known to be.
  var delay = Duration.zero
  /// Something that befalls the backend between two steps: that it fails, say. Says what it was.
  var disturb: (@Sendable (_ seed: UInt64) async -> String)?
  /// Ends what has befallen the backend.
  var heal: @Sendable () -> Void = {}

  /// One in this process's memory, small enough that entries are evicted too.
  static func inMemory(_ clock: CacheClock, seed: UInt64) throws -> InvalidationWorld {
    // One shard: which entries share one is for chance to say.
    InvalidationWorld(
      backends: [
        try InMemoryBackend(configuration: .init(capacity: 1 << 20, maximumEntryCount: 24, shardCount: 1, clock: clock))
      ])
  }
}

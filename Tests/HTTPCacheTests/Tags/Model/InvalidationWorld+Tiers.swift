//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

extension InvalidationWorld {
  /// Memory, which holds little and may be lost at any moment, in front of a store that others share, which fails, hangs,
  /// loses its answers, and comes back.
  static func tiers(_ clock: CacheClock) throws -> InvalidationWorld {
    let near = try InMemoryBackend(configuration: .init(capacity: 1 << 20, maximumEntryCount: 8, clock: clock))
    let far = FaultyBackend(try SharedStore(capacity: 1 << 20, clock: clock), clock: clock)
    let calls = CallCounter(far)
    var configuration = TierConfiguration(nearTimeToLive: .seconds(6), clock: clock)
    configuration.nearGrace = .seconds(10)
    configuration.failureThreshold = 3
    configuration.longestSuspension = .seconds(8)
    // So few that now and then everything has to be invalidated in their place.
    configuration.maximumPendingInvalidations = 4
    let tiers = try MultiTierBackend(near: near, far: calls, configuration: configuration)
    let quiet = LockedBox((callCount: 0, since: 0))
    return InvalidationWorld(
      backend: tiers,
      isQuiet: {
        guard calls.openCount == 0 else { return false }
        if tiers.pendingInvalidationCount == 0, tiers.waitingWriteCount == 0 { return true }
        // Something waits to be done again: until the clock moves, if nothing has been heard of it for a while.
        return quiet.withLock { quiet in
          let callCount = calls.callCount
          quiet.since = quiet.callCount == callCount ? quiet.since + 1 : 0
          quiet.callCount = callCount
          return quiet.since > 16
        }
      },
      waitsForTime: { calls.openCount > 0 },
      // A second until it is told for good, and what that takes.
      delay: .seconds(2),
      disturb: { generator in await disturb(near, far, &generator) })
  }

  private static func disturb(
    _ near: InMemoryBackend, _ far: FaultyBackend<SharedStore>, _ generator: inout SplitMix64
  ) async -> String {
    let down = CacheError(.unavailable, "down")
    switch Int.random(in: 0..<10, using: &generator) {
    case 0:
      far.always(.error(down))
      return "the far tier fails"
    case 1:
      far.always(.hang)
      return "the far tier hangs"
    case 2:
      far.always(.delay(.milliseconds(300)))
      return "the far tier is slow"
    case 3:
      far.always(.errorAfterwards(down))
      return "the far tier's answers are lost"
    case 4:
      far.always(.invalidate, .error(down))
      return "the far tier takes no invalidations"
    case 5:
      far.always(.store, .error(down))
      return "the far tier stores nothing"
    case 6:
      for operation in FaultyBackend<SharedStore>.Operation.allCases {
        far.sometimes(
          operation, [.error(down), .errorAfterwards(down), .hang, .delay(.milliseconds(400))], probability: 0.4,
          seed: generator.next())
      }
      return "the far tier is moody"
    case 7:
      await near.invalidate(CacheInvalidation(.everything))
      return "the near tier is lost"
    default:
      far.heal()
      return "the far tier is back"
    }
  }
}

/// Knows how many calls are under way, which a store itself need not.
private final class CallCounter<Base: CacheBackend>: CacheBackend {
  private let base: Base
  private let counts = LockedBox((open: 0, all: 0))

  init(_ base: Base) { self.base = base }

  /// How many calls have not ended.
  var openCount: Int { counts.withLock { $0.open } }
  /// How many there have been.
  var callCount: Int { counts.withLock { $0.all } }

  private func counted<Result>(_ operation: () async throws -> Result) async rethrows -> Result {
    counts.withLock { counts in
      counts.open += 1
      counts.all += 1
    }
    defer { counts.withLock { $0.open -= 1 } }
    return try await operation()
  }

  func lookup(_ key: CacheKey) async throws -> CacheLookup { try await counted { try await base.lookup(key) } }

  func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    try await counted { try await base.store(entry, stamp: stamp) }
  }

  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    try await counted { try await base.invalidate(invalidation) }
  }
}

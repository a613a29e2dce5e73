//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting

@testable import HTTPCache

extension InvalidationWorld {
  /// Several nodes that share one store, and have nothing else in common. Now and then one is lost, with all that it was
  /// doing, and another takes its place.
  static func nodes(_ clock: CacheClock, seed: UInt64) throws -> InvalidationWorld {
    let store = FaultyBackend(try SharedStore(capacity: 1 << 20, clock: clock), clock: clock)
    return InvalidationWorld(
      backends: [store, store, store], takesTime: true,
      disturb: { seed in
        var generator = SplitMix64(seed: seed)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0:
          store.always(.lookup, .delay(.milliseconds(300)))
          return "the store looks up slowly"
        case 1:
          store.always(.store, .delay(.milliseconds(300)))
          return "the store stores slowly"
        default:
          store.heal()
          return "the store is quick"
        }
      }, heal: { store.heal() })
  }

  /// Memory, which holds little and may be lost at any moment, in front of a store that others share, which fails, hangs,
  /// loses its answers, and comes back.
  static func tiers(_ clock: CacheClock, seed: UInt64) throws -> InvalidationWorld {
    let near = try InMemoryBackend(
      configuration: .init(capacity: 1 << 20, maximumEntryCount: 8, shardCount: 1, clock: clock))
    let far = FaultyBackend(try SharedStore(capacity: 1 << 20, clock: clock), clock: clock)
    var configuration = TierConfiguration(nearTimeToLive: .seconds(6), clock: clock)
    configuration.nearGrace = .seconds(10)
    configuration.failureThreshold = 3
    configuration.longestSuspension = .seconds(8)
    // So few that now and then everything has to be invalidated in their place.
    configuration.maximumPendingInvalidations = 4
    let generator = Locked(SplitMix64(seed: seed))
    configuration.jitter = { generator.withLock { Double.random(in: 0...1, using: &$0) } }
    return InvalidationWorld(
      backends: [try MultiTierBackend(near: near, far: far, configuration: configuration)], takesTime: true,
      // A second until it is told for good, and what that takes.
      delay: .seconds(2), disturb: { await disturb(near, far, $0) }, heal: { far.heal() })
  }

  private static func disturb(_ near: InMemoryBackend, _ far: FaultyBackend<SharedStore>, _ seed: UInt64) async
    -> String
  {
    var generator = SplitMix64(seed: seed)
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

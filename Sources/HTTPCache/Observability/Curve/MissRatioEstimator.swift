//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Estimates the hit ratio of a cache at other capacities, by simulating it at each on a small part of its keys.
///
/// The part becomes smaller as there are more keys, so that the largest of the simulated caches never holds more than
/// ``maximumKeyCount``: the whole takes less than 1 MiB. Simulated misses are related to those of the simulation of the
/// present capacity, and thereby to the real cache's own: whether one of the few keys that make up much of the traffic is in
/// the sample or not then hardly matters.
package final class MissRatioEstimator {
  /// The simulated capacities, as multiples of the present one.
  static let factors = [0.25, 0.5, 1, 2, 4, 8]
  private static let presentIndex = 2
  /// The most keys that the largest simulation holds.
  package static let maximumKeyCount = 1000
  /// After so long all counts are halved, so that the curve is of late.
  private static let halfLife: Int64 = 3_600_000_000_000

  private let policy: EvictionPolicy
  private let capacity: Int
  private let maximumCount: Int
  /// The most that one entry may weigh, with the present capacity.
  private let maximumWeight: Int
  private let simulations: [CacheSimulation]
  /// Digests whose first half is below this are simulated.
  private(set) var threshold: UInt64

  // Counts of what was sampled, as if at the present rate all the time; and of all requests.
  private var misses = [Double](repeating: 0, count: MissRatioEstimator.factors.count)
  private var lookups = 0.0
  private var allHits = 0.0
  private var allLookups = 0.0
  private var nextHalving = Int64.min

  /// - Parameters:
  ///   - maximumWeight: The most that one entry may weigh.
  ///   - rate: The part of the keys that is simulated to begin with.
  package init(
    _ policy: EvictionPolicy, capacity: Int, maximumCount: Int = .max, maximumWeight: Int = .max, rate: Double = 1
  ) {
    self.policy = policy
    self.capacity = capacity
    self.maximumCount = maximumCount
    self.maximumWeight = maximumWeight
    threshold = rate >= 1 ? .max : UInt64(max(rate, 1e-9) * 0x1p64)
    simulations = Self.factors.map { _ in CacheSimulation(policy, capacity: 0) }
    resize()
  }

  /// The rate to begin with where nothing is known of the entries but how many bytes of them there may be.
  static func initialRate(capacity: Int, maximumCount: Int) -> Double {
    let expected = min(Double(capacity) / 16_384, Double(maximumCount))
    return min(Double(maximumKeyCount) / 8 / max(expected, 1), 1 / 8)
  }

  /// The part of the keys that is simulated.
  var rate: Double { threshold == .max ? 1 : Double(threshold) * 0x1p-64 }

  /// The bytes allocated.
  var byteCount: Int { simulations.reduce(0) { $0 + $1.byteCount } }

  @inline(__always)
  func samples(_ digest: KeyDigest) -> Bool { digest.high < threshold || threshold == .max }

  /// Takes in that the real cache has answered so many requests, of any key, so many of them by a fresh entry.
  package func countAll(hits: Int, lookups: Int) {
    allHits += Double(hits)
    allLookups += Double(lookups)
  }

  /// Simulates a request.
  ///
  /// - Parameter content: What would be stored; nil if it is not known, or nothing would be.
  package func request(_ digest: KeyDigest, content: (weight: Int, lifetime: Int64)?, at now: Int64) {
    guard samples(digest) else { return }
    age(now)
    lookups += 1
    for (index, simulation) in simulations.enumerated() where !simulation.lookup(digest, at: now) {
      misses[index] += 1
      if let content { store(digest, content.weight, content.lifetime, in: index, at: now) }
    }
    boundKeys()
  }

  /// Simulates that an entry is stored.
  func store(_ digest: KeyDigest, weight: Int, lifetime: Int64, at now: Int64) {
    guard samples(digest) else { return }
    for index in simulations.indices { store(digest, weight, lifetime, in: index, at: now) }
    boundKeys()
  }

  /// Simulates that an entry is invalidated.
  func remove(_ digest: KeyDigest) {
    guard samples(digest) else { return }
    for simulation in simulations { simulation.remove(digest) }
  }

  private func store(_ digest: KeyDigest, _ weight: Int, _ lifetime: Int64, in index: Int, at now: Int64) {
    guard Double(weight) <= Double(maximumWeight) * Self.factors[index] else { return }
    simulations[index].store(digest, weight: weight, expiresAt: now.addingSaturated(lifetime))
  }

  /// Lowers the rate until the largest simulation has few enough keys.
  private func boundKeys() {
    while let largest = simulations.map(\.count).max(), largest > Self.maximumKeyCount, threshold > 1 {
      let before = rate
      threshold = threshold / 16 * 15
      let scale = rate / before
      for index in misses.indices { misses[index] *= scale }
      lookups *= scale
      resize()
    }
  }

  private func resize() {
    for (simulation, factor) in zip(simulations, Self.factors) {
      simulation.shrink(
        toCapacity: Int(min(Double(capacity) * factor * rate, 0x1p62)),
        maximumCount: maximumCount == .max ? .max : Int(max(Double(maximumCount) * factor * rate, 1)),
        where: samples)
    }
  }

  private func age(_ now: Int64) {
    if nextHalving == .min { nextHalving = now.addingSaturated(Self.halfLife) }
    guard now >= nextHalving else { return }
    nextHalving = now.addingSaturated(Self.halfLife)
    for index in misses.indices { misses[index] /= 2 }
    lookups /= 2
    allHits /= 2
    allLookups /= 2
  }

  /// The curve of what was seen until now.
  package var curve: MissRatioCurve {
    MissRatioCurve(
      points: Self.factors.indices.map { index in
        MissRatioCurve.Point(
          factor: Self.factors[index], capacity: Int(min(Double(capacity) * Self.factors[index], 0x1p62)),
          hitRatio: hitRatio(index))
      },
      evictionPolicy: policy.description, requests: Int(allLookups), sampleRate: rate,
      sampledKeys: simulations.map(\.count).max() ?? 0)
  }

  private func hitRatio(_ index: Int) -> Double {
    guard lookups > 0, allLookups > 0 else { return 0 }
    let present = misses[Self.presentIndex]
    guard present > 0 else { return 1 - misses[index] / lookups }
    let missRatio = 1 - allHits / allLookups
    // With more room the misses are a part of the present ones: their ratio is what the sample knows best. With less, hits
    // become misses, and their share in the requests is.
    let estimate =
      index > Self.presentIndex
      ? missRatio * misses[index] / present : missRatio + (misses[index] - present) / lookups
    return 1 - min(max(estimate, 0), 1)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Feeds a ``MissRatioEstimator`` with the records of a cache.
final class MissRatioMonitor: RequestRecordConsumer {
  private struct State {
    let estimator: MissRatioEstimator
    var hits = 0
    var lookups = 0
    /// The contents stored for requests whose answers have yet to be seen: most responses are stored before.
    var stored: [KeyDigest: Content] = [:]
  }

  /// An entry, as far as it is simulated.
  private struct Content {
    var weight: Int
    /// For how long it is fresh in all, in nanoseconds.
    var lifetime: Int64
    var storedAt: Int64

    init(_ entry: CacheEntry, storedAt: Int64) {
      weight = entry.weight
      lifetime = entry.times.freshUntil.nanoseconds.subtractingSaturated(entry.times.receivedAt.nanoseconds)
      self.storedAt = storedAt
    }
  }

  /// How many stored entries may wait for their answers.
  private static let maximumStoredCount = 256

  private let state: Locked<State>
  private let statistics: @Sendable () -> CacheStatistics

  /// - Parameter statistics: The counts of the cache.
  init(_ configuration: InMemoryBackend.Configuration, statistics: @escaping @Sendable () -> CacheStatistics) {
    let maximumCount = configuration.maximumEntryCount ?? .max
    state = Locked(
      State(
        estimator: MissRatioEstimator(
          configuration.evictionPolicy, capacity: configuration.capacity, maximumCount: maximumCount,
          maximumWeight: Int(Double(configuration.capacity) * configuration.maximumEntryShare),
          rate: MissRatioEstimator.initialRate(capacity: configuration.capacity, maximumCount: maximumCount))))
    self.statistics = statistics
  }

  var threshold: UInt64 { state.withLock { $0.estimator.threshold } }

  /// The curve of what has been consumed.
  var curve: MissRatioCurve {
    state.withLock { state in
      count(&state)
      return state.estimator.curve
    }
  }

  /// The bytes allocated.
  var byteCount: Int { state.withLock { $0.estimator.byteCount } }

  func consume(_ records: [RequestRecord]) {
    state.withLock { state in
      count(&state)
      for record in records { Self.simulate(record, &state) }
    }
  }

  private func count(_ state: inout State) {
    let statistics = statistics()
    let hits = statistics.hits
    let lookups =
      hits + statistics.stale.values.reduce(0, +) + statistics.misses.values.reduce(0, +) + statistics.revalidated
      + statistics.collapsed
    state.estimator.countAll(hits: hits - state.hits, lookups: lookups - state.lookups)
    (state.hits, state.lookups) = (hits, lookups)
  }

  private static func simulate(_ record: RequestRecord, _ state: inout State) {
    let now = record.time.nanoseconds
    let estimator = state.estimator
    func store(_ digest: KeyDigest, _ content: Content) {
      estimator.store(digest, weight: content.weight, lifetime: content.lifetime, at: content.storedAt)
    }
    switch record.kind {
    case .answered(.bypass), .answered(.failed): break
    case .answered(.hit):
      // Stored by a refresh in the background, or after its answer.
      if let content = state.stored.removeValue(forKey: record.digest) { store(record.digest, content) }
      let content = record.entry.map { Content($0, storedAt: now) }
      estimator.request(record.digest, content: content.map { ($0.weight, $0.lifetime) }, at: now)
    case .answered:
      // The simulations that do not miss would not have asked the origin, and go on with what they have.
      let content = state.stored.removeValue(forKey: record.digest)
      estimator.request(record.digest, content: content.map { ($0.weight, $0.lifetime) }, at: now)
    case .stored:
      guard let entry = record.entry else { return }
      if state.stored.count >= maximumStoredCount {
        for (digest, content) in state.stored { store(digest, content) }
        state.stored.removeAll()
      }
      state.stored[record.digest] = Content(entry, storedAt: now)
    case .invalidated:
      state.stored[record.digest] = nil
      estimator.remove(record.digest)
    case .refused, .refreshStarted, .refreshFailed, .backendFailed: break
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// A backend that fails as a test wants it to: with errors, too slowly, never, or by telling untruths.
///
/// ```swift
/// let faulty = FaultyBackend(InMemoryBackend())
/// faulty.script(.lookup, [.error(CacheError(.unavailable, "down")), nil, .hang])   // the next three lookups
/// faulty.always(.store, .delay(.seconds(2)))                                       // every store from now on
/// faulty.sometimes(.lookup, [.corrupt, .old], probability: 0.05, seed: 7)          // one lookup in twenty
/// faulty.heal()
/// ```
public final class FaultyBackend<Base: CacheBackend>: CacheBackend {
  /// What a backend is asked to do.
  public enum Operation: Hashable, Sendable, CaseIterable {
    /// `lookup(_:)`.
    case lookup
    /// `store(_:stamp:)`.
    case store
    /// `invalidate(_:)`.
    case invalidate
    /// `acquireLease(for:duration:)` and `releaseLease(_:)`.
    case lease
  }

  /// What goes wrong.
  public enum Fault: Sendable {
    /// It throws this, and does nothing.
    case error(any Error)
    /// It does what it is asked, and then throws this, as when the answer is lost.
    case errorAfterwards(any Error)
    /// It takes so long, by the clock, and then does what it is asked.
    case delay(Duration)
    /// It does not answer until the fault is healed, or the caller gives up; then it throws.
    case hang
    /// It says that it has stored, or invalidated, and has not. A lookup finds nothing.
    case lose
    /// A lookup brings the entry with other content.
    case corrupt
    /// A lookup brings what was stored before the last, if anything was.
    case old
  }

  private struct State {
    var scripts: [Operation: [Fault?]] = [:]
    var standing: [Operation: Fault] = [:]
    var chances: [Operation: (faults: [Fault], probability: Double, generator: SplitMix64)] = [:]
    var counts: [Operation: Int] = [:]
    var entries: [CacheKey: (last: CacheEntry, before: CacheEntry?)] = [:]
    var hanging: [Int: CheckedContinuation<Void, any Error>] = [:]
    var nextHanging = 0
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  /// The backend behind the faults.
  public let base: Base
  /// Whether the synchronous requirements are the base's; otherwise everything takes waiting.
  public let isSynchronous: Bool
  private let clock: CacheClock
  /// The clock of the backend behind this one.
  public var entryClock: CacheClock? { base.entryClock }
  private let state = Locked(State())

  /// - Parameters:
  ///   - base: The backend that does the work.
  ///   - isSynchronous: Whether the synchronous requirements are the base's. They have no faults.
  ///   - clock: What ``Fault/delay(_:)`` is measured by.
  public init(_ base: Base, isSynchronous: Bool = false, clock: CacheClock = .system) {
    self.base = base
    self.isSynchronous = isSynchronous
    self.clock = clock
  }

  // MARK: Faults

  /// What happens to the next calls, one after the other; nil for nothing.
  public func script(_ operation: Operation, _ faults: [Fault?]) {
    state.withLock { $0.scripts[operation, default: []] += faults }
  }

  /// What happens to every call for which the script has nothing.
  public func always(_ operation: Operation, _ fault: Fault) {
    state.withLock { $0.standing[operation] = fault }
  }

  /// The same for all operations.
  public func always(_ fault: Fault) {
    for operation in Operation.allCases { always(operation, fault) }
  }

  /// What happens to some of the calls for which there is nothing else, the same ones for the same seed.
  public func sometimes(_ operation: Operation, _ faults: [Fault], probability: Double, seed: UInt64) {
    state.withLock { $0.chances[operation] = (faults, probability, SplitMix64(seed: seed)) }
  }

  /// Ends all faults, and lets those that hang go on.
  public func heal() {
    let hanging = state.withLock { state in
      state.scripts = [:]
      state.standing = [:]
      state.chances = [:]
      defer { state.hanging = [:] }
      // In the order in which they have come.
      return state.hanging.sorted { $0.key < $1.key }.map(\.value)
    }
    for continuation in hanging { continuation.resume() }
  }

  /// How often this was asked for.
  public func count(_ operation: Operation) -> Int { state.withLock { $0.counts[operation] ?? 0 } }

  /// How many calls hang at the moment.
  public var hangingCount: Int { state.withLock { $0.hanging.count } }

  /// Returns when at least `count` calls hang.
  public func waitForHanging(_ count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let isSatisfied = state.withLock { state in
        if state.hanging.count >= count { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if isSatisfied { continuation.resume() }
    }
  }

  private func next(_ operation: Operation) -> Fault? {
    state.withLock { state in
      state.counts[operation, default: 0] += 1
      if let script = state.scripts[operation], !script.isEmpty { return state.scripts[operation]?.removeFirst() }
      if let fault = state.standing[operation] { return fault }
      guard var chance = state.chances[operation], !chance.faults.isEmpty else { return nil }
      defer { state.chances[operation] = chance }
      guard Double.random(in: 0..<1, using: &chance.generator) < chance.probability else { return nil }
      return chance.faults.randomElement(using: &chance.generator)
    }
  }

  /// Lets the fault happen that comes before the work is done.
  ///
  /// - Returns: The fault that is about what is done, if it is one.
  private func suffer(_ operation: Operation) async throws -> Fault? {
    let fault = next(operation)
    switch fault {
    case .error(let error): throw error
    case .delay(let duration): try await clock.sleep(until: clock.now.advanced(by: duration))
    case .hang: try await hang()
    case nil, .errorAfterwards, .lose, .corrupt, .old: return fault
    }
    return nil
  }

  private func hang() async throws {
    let id = state.withLock { state in
      state.nextHanging += 1
      return state.nextHanging
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let watchers = state.withLock { state -> [CheckedContinuation<Void, Never>]? in
          if Task.isCancelled { return nil }
          state.hanging[id] = continuation
          let satisfied = state.watchers.filter { $0.count <= state.hanging.count }
          state.watchers.removeAll { $0.count <= state.hanging.count }
          return satisfied.map(\.continuation)
        }
        guard let watchers else { return continuation.resume(throwing: CancellationError()) }
        for watcher in watchers { watcher.resume() }
      }
    } onCancel: {
      state.withLock { $0.hanging.removeValue(forKey: id) }?.resume(throwing: CancellationError())
    }
  }

  // MARK: The backend

  /// Looks without waiting, if the backend is synchronous.
  public func peek(_ key: CacheKey, at now: CacheInstant) -> CachePeek {
    isSynchronous ? base.peek(key, at: now) : .unknown
  }

  /// The number of the last invalidation, if the backend is synchronous.
  public var stampNow: InvalidationStamp? { isSynchronous ? base.stampNow : nil }

  /// Stores without waiting, if the backend is synchronous.
  public func storeNow(_ entry: CacheEntry, stamp: InvalidationStamp) -> CacheStoreResult {
    isSynchronous ? base.storeNow(entry, stamp: stamp) : .unavailable
  }

  /// What the invalidations since `stamp` mean, if the backend is synchronous.
  public func verdictNow(
    key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp
  ) -> InvalidationVerdict? {
    isSynchronous ? base.verdictNow(key: key, tags: tags, since: stamp) : nil
  }

  /// Finds an entry.
  public func lookup(_ key: CacheKey) async throws -> CacheLookup {
    let fault = try await suffer(.lookup)
    var found = try await base.lookup(key)
    switch fault {
    case .errorAfterwards(let error): throw error
    case .lose: found.entry = nil
    case .corrupt: found.entry = found.entry.map(Self.corrupted)
    case .old:
      if found.entry != nil, let before = state.withLock({ $0.entries[key]?.before }) { found.entry = before }
    default: break
    }
    return found
  }

  /// Stores an entry.
  public func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
    let fault = try await suffer(.store)
    if case .lose = fault { return .stored }
    let result = try await base.store(entry, stamp: stamp)
    if result == .stored {
      state.withLock { $0.entries[entry.key] = (entry, $0.entries[entry.key]?.last) }
    }
    if case .errorAfterwards(let error) = fault { throw error }
    return result
  }

  /// Invalidates.
  @discardableResult
  public func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    let fault = try await suffer(.invalidate)
    if case .lose = fault { return InvalidationReceipt() }
    let receipt = try await base.invalidate(invalidation)
    if case .errorAfterwards(let error) = fault { throw error }
    return receipt
  }

  private static func corrupted(_ entry: CacheEntry) -> CacheEntry {
    var body = Array(entry.body)
    if body.isEmpty { body = [0xFF] } else { body[body.count / 2] ^= 0xFF }
    return CacheEntry(
      key: entry.key, status: entry.status, fields: entry.fields, body: Bytes(body), trailers: entry.trailers,
      times: entry.times, traits: entry.traits, cost: entry.cost, tags: entry.tags)
  }
}

extension FaultyBackend: LeasingBackend where Base: LeasingBackend {
  /// Takes a lease.
  public func acquireLease(for key: CacheKey, duration: Duration) async throws -> CacheLease? {
    let fault = try await suffer(.lease)
    if case .lose = fault { return nil }
    let lease = try await base.acquireLease(for: key, duration: duration)
    if case .errorAfterwards(let error) = fault { throw error }
    return lease
  }

  /// Gives a lease back, unless a fault prevents it.
  public func releaseLease(_ lease: CacheLease) async {
    do {
      if case .lose = try await suffer(.lease) { return }
    } catch {
      return
    }
    await base.releaseLease(lease)
  }
}

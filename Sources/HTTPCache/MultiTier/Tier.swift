//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Wraps one tier's backend with a timeout, a circuit breaker, and a filter for invalidations that could not be delivered to it
/// yet.
final class Tier<Backend: CacheBackend>: Sendable {
  struct Names {
    let failed: TierEvent.Kind
    let suspended: TierEvent.Kind
    let recovered: TierEvent.Kind
    let text: String
  }

  let backend: Backend
  private let names: Names
  private let timeout: Duration?
  private let clock: CacheClock
  private let jitter: @Sendable () -> Double
  private let reporter: TierReporter
  private let breaker: SharedCircuitBreaker
  private let pending: Locked<PendingInvalidations<CacheInstant>>
  let times = OperationTimes()
  /// Whether invalidations wait: written under the lock, and read without it, so that a hit need not take the lock.
  private let hasPendingFlag = Atomic(false)

  init(_ backend: Backend, names: Names, configuration: TierConfiguration, reporter: TierReporter) {
    self.backend = backend
    self.names = names
    self.timeout = configuration.timeout
    self.clock = configuration.clock
    self.jitter = configuration.jitter
    self.reporter = reporter
    breaker = SharedCircuitBreaker(
      CircuitBreaker(
        threshold: configuration.failureThreshold, firstWait: configuration.suspension,
        longestWait: max(configuration.suspension, configuration.longestSuspension),
        probeLimit: (configuration.timeout ?? .seconds(1)) * 2))
    pending = Locked(PendingInvalidations(limit: configuration.maximumPendingInvalidations))
  }

  /// Whether the tier is left alone at the moment.
  var isSuspended: Bool { breaker.isOpen }

  /// Whether the tier is called.
  var breakerState: CircuitBreaker.State { breaker.state }

  /// Whether it has yet to be told of invalidations.
  var hasPending: Bool { hasPendingFlag.load(ordering: .acquiring) }

  /// How many invalidations wait because they have failed.
  var waitingCount: Int { hasPending ? pending.withLock { $0.waitingCount } : 0 }

  /// Calls the tier.
  ///
  /// - Parameter kind: What the call counts as.
  /// - Throws: What it throws, ``CacheError/Code/timedOut`` when it does not answer in time, and
  ///   ``CacheError/Code/unavailable`` at once while it is left alone.
  func call<Result: Sendable>(
    _ key: CacheKey? = nil, as kind: OperationTimes.Operation,
    _ operation: @escaping @Sendable (Backend) async throws -> Result
  ) async throws -> Result {
    guard breaker.admits(at: clock.now) else {
      throw CacheError(.unavailable, "the \(names.text) tier has failed repeatedly and is left alone for a while")
    }
    let backend = backend
    let start = clock.preciseNow
    defer { times.record(kind, since: start, clock) }
    do {
      let result = try await withDeadline(timeout, clock) { try await operation(backend) }
      answered()
      return result
    } catch is DeadlineExceeded {
      let limit = timeout.map { "\($0)" } ?? "the time"
      let error = CacheError(.timedOut, "the \(names.text) tier has not answered within \(limit)")
      failed(key, error)
      throw error
    } catch let error as CacheError where error.code == .unsupported {
      answered()
      throw error
    } catch let error as CancellationError where Task.isCancelled {
      // The caller has gone: that says nothing about the tier.
      throw error
    } catch {
      failed(key, error)
      throw error
    }
  }

  private func answered() {
    guard breaker.succeeded() else { return }
    reporter.report(names.recovered)
  }

  private func failed(_ key: CacheKey?, _ error: any Error) {
    reporter.report(names.failed, key, error)
    guard breaker.failed(at: clock.now, jitter: jitter()) else { return }
    reporter.report(names.suspended, nil, error)
  }

  /// Finds an entry.
  ///
  /// - Throws: ``UndeliveredInvalidation`` when there is one, but the tier has yet to be told that it is invalidated.
  func lookup(_ key: CacheKey, at now: CacheInstant) async throws -> CacheLookup {
    try await lookup(all: [key], at: now)[0].get()
  }

  /// Finds several entries, as ``lookup(_:at:)`` finds each.
  func lookup(all keys: [CacheKey], at now: CacheInstant) async -> [Result<CacheLookup, any Error>] {
    let undelivered = undelivered
    var found = peek(keys, at: now) ?? []
    if found.isEmpty {
      do {
        found = try await call(keys.first, as: .lookup) { backend in
          if keys.count == 1 { return [try await backend.lookup(keys[0])] }
          let found = try await backend.lookup(all: keys)
          guard found.count == keys.count else {
            throw CacheError(.damaged, "a tier has answered a lookup of \(keys.count) keys with \(found.count) results")
          }
          return found
        }
      } catch {
        return keys.map { _ in .failure(error) }
      }
    }
    return found.map { lookup in
      guard let entry = lookup.entry, isConcerned(entry, undelivered) else { return .success(lookup) }
      return .failure(UndeliveredInvalidation())
    }
  }

  /// Looks without waiting; nil when that says nothing about one of the keys.
  private func peek(_ keys: [CacheKey], at now: CacheInstant) -> [CacheLookup]? {
    guard let stamp = backend.stampNow else { return nil }
    var found: [CacheLookup] = []
    for key in keys {
      switch backend.peek(key, at: now) {
      case .found(let entry): found.append(CacheLookup(entry: entry, stamp: stamp))
      case .absent: found.append(CacheLookup(entry: nil, stamp: stamp))
      case .unknown: return nil
      }
    }
    return found
  }

  /// What the tier has yet to be told; nil for nothing. To be taken before it is asked for an entry: by the time that the
  /// answer is looked at it may have been told, after it had answered.
  var undelivered: PendingInvalidations<CacheInstant>? { hasPending ? pending.withLock { $0 } : nil }

  /// Whether an invalidation concerns `entry` that the tier has yet to be told of, or had when it was asked.
  func isConcerned(_ entry: CacheEntry, _ undelivered: PendingInvalidations<CacheInstant>?) -> Bool {
    if let undelivered, undelivered.concerns(entry) { return true }
    return hasPending && pending.withLock { $0.concerns(entry) }
  }

  /// Invalidates; later, if that fails now.
  ///
  /// - Returns: What was done; nil when it has yet to be.
  /// - Throws: When the tier does not have this kind of invalidation at all.
  func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt? {
    // Noted before it is tried: whoever looks in the meantime must not find what it concerns.
    let item = pending.withLock { pending in
      hasPendingFlag.store(true, ordering: .releasing)
      return pending.begin(invalidation, at: clock.now)
    }
    do {
      let receipt = try await tell(invalidation)
      settled(item.number)
      return receipt
    } catch let error as CacheError where error.code == .unsupported {
      settled(item.number)
      throw error
    } catch {
      if pending.withLock({ $0.failed(item.number) }) { reporter.report(.invalidationsMerged) }
      reporter.report(.invalidationQueued, nil, error)
      return nil
    }
  }

  private func tell(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
    // What answers without waiting needs no deadline.
    if backend.stampNow != nil { return try await backend.invalidate(invalidation) }
    return try await call(as: .invalidate) { try await $0.invalidate(invalidation) }
  }

  private func settled(_ number: UInt64) {
    pending.withLock { pending in
      pending.remove(number)
      hasPendingFlag.store(!pending.isEmpty, ordering: .releasing)
    }
  }

  /// Tells the tier what it has yet to be told, the oldest first.
  ///
  /// - Returns: What it was told; nil when it failed again.
  func replay() async -> [CacheInvalidation]? {
    var told: [CacheInvalidation] = []
    while let item = pending.withLock({ $0.first }) {
      do {
        _ = try await tell(item.due(at: clock.now))
      } catch let error as CacheError where error.code == .unsupported {
        // It never will: the caller has been told.
      } catch {
        return nil
      }
      settled(item.number)
      reporter.report(.invalidationReplayed)
      told.append(item.invalidation)
    }
    return told
  }
}

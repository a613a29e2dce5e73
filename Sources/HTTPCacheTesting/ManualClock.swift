//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// A clock that stands still until it is told to move.
///
/// ```swift
/// let clock = ManualClock()
/// let cache = try CacheLayer(backend: backend, policy: policy, clock: CacheClock(clock))
/// clock.advance(by: .seconds(61))
/// ```
public final class ManualClock: TimeSource {
  private struct State {
    var now: CacheInstant
    var unixTime: UnixTime
    var sleepers: [Int: (deadline: CacheInstant, continuation: CheckedContinuation<Void, any Error>)] = [:]
    var nextSleeper = 0
    var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state: Locked<State>

  /// A clock that shows `unixTime`, by default 2026-01-01T00:00:00Z.
  public init(unixTime: UnixTime = UnixTime(seconds: 1_767_225_600)) {
    // Not zero, so that arithmetic on moments before the test began is exercised too.
    state = Locked(State(now: CacheInstant(nanoseconds: 1_000_000_000_000), unixTime: unixTime))
  }

  /// The time that only goes forward.
  public var now: CacheInstant { state.withLock { $0.now } }
  /// The time of day.
  public var unixTime: UnixTime { state.withLock { $0.unixTime } }

  /// Moves both clocks forward, and wakes whoever sleeps until then, the earliest first.
  public func advance(by duration: Duration) {
    let due = state.withLock { state in
      state.now = state.now.advanced(by: duration)
      let (seconds, attoseconds) = duration.components
      state.unixTime.milliseconds += seconds * 1000 + attoseconds / 1_000_000_000_000_000
      let due = state.sleepers.filter { $0.value.deadline <= state.now }
        .sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }
      for sleeper in due { state.sleepers[sleeper.key] = nil }
      return due.map(\.value.continuation)
    }
    for continuation in due { continuation.resume() }
  }

  /// Sets the wall clock, as an administrator or NTP would. The other clock stays.
  public func setUnixTime(_ unixTime: UnixTime) {
    state.withLock { $0.unixTime = unixTime }
  }

  /// Returns when the clock has been moved to `deadline`.
  ///
  /// - Throws: `CancellationError` when the task is cancelled first.
  public func sleep(until deadline: CacheInstant) async throws {
    let id = state.withLock { state in
      state.nextSleeper += 1
      return state.nextSleeper
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let (immediate, watchers) = state.withLock {
          state -> (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) in
          if Task.isCancelled { return (.failure(CancellationError()), []) }
          if deadline <= state.now { return (.success(()), []) }
          state.sleepers[id] = (deadline, continuation)
          let satisfied = state.watchers.filter { $0.count <= state.sleepers.count }
          state.watchers.removeAll { $0.count <= state.sleepers.count }
          return (nil, satisfied.map(\.continuation))
        }
        if let immediate { continuation.resume(with: immediate) }
        for watcher in watchers { watcher.resume() }
      }
    } onCancel: {
      state.withLock { $0.sleepers.removeValue(forKey: id) }?.continuation.resume(throwing: CancellationError())
    }
  }

  /// How many are asleep.
  public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  /// Returns when at least `count` are asleep, so that a test does not move the clock before they are.
  public func waitForSleepers(_ count: Int = 1) async {
    await withCheckedContinuation { continuation in
      let isSatisfied = state.withLock { state in
        if state.sleepers.count >= count { return true }
        state.watchers.append((count, continuation))
        return false
      }
      if isSatisfied { continuation.resume() }
    }
  }
}

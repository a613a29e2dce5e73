//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

@testable import HTTPCache

/// A clock that stands still until it is told to move.
final class TestTime: TimeSource {
  private struct Sleeper {
    let number: Int
    let deadline: CacheInstant
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var now = CacheInstant(nanoseconds: 0)
    var sleepers: [Sleeper] = []
    var sleepCount = 0
    var cancelled: Set<Int> = []
    var observers: [(sleepCount: Int, continuation: CheckedContinuation<Void, Never>)] = []
  }

  private let state = Locked(State())

  var now: CacheInstant { state.withLock { $0.now } }
  var unixTime: UnixTime { UnixTime(milliseconds: now.nanoseconds / 1_000_000) }
  var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  func advance(to moment: CacheInstant) {
    let due = state.withLock { state in
      state.now = moment
      let due = state.sleepers.filter { $0.deadline <= moment }
      state.sleepers.removeAll { $0.deadline <= moment }
      return due
    }
    for sleeper in due { sleeper.continuation.resume() }
  }

  func sleep(until deadline: CacheInstant) async throws {
    let number = state.withLock { state in
      state.sleepCount += 1
      return state.sleepCount
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let (outcome, observers) = state.withLock {
          state -> (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) in
          let observers = state.observers.filter { $0.sleepCount <= number }.map(\.continuation)
          state.observers.removeAll { $0.sleepCount <= number }
          if state.cancelled.contains(number) { return (.failure(CancellationError()), observers) }
          if deadline <= state.now { return (.success(()), observers) }
          state.sleepers.append(Sleeper(number: number, deadline: deadline, continuation: continuation))
          return (nil, observers)
        }
        for observer in observers { observer.resume() }
        if let outcome { continuation.resume(with: outcome) }
      }
    } onCancel: {
      let sleeper = state.withLock { state -> Sleeper? in
        state.cancelled.insert(number)
        guard let index = state.sleepers.firstIndex(where: { $0.number == number }) else { return nil }
        return state.sleepers.remove(at: index)
      }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }

  /// Returns once somebody has gone to sleep for the `count`th time since the clock was made.
  func waitForSleep(_ count: Int) async {
    await withCheckedContinuation { continuation in
      let isReached = state.withLock { state in
        if state.sleepCount >= count, state.sleepers.contains(where: { $0.number >= count }) { return true }
        state.observers.append((count, continuation))
        return false
      }
      if isReached { continuation.resume() }
    }
  }
}

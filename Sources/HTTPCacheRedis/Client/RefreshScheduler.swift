//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// Runs a job when somebody wants it: never twice at once, not more often than its interval allows, and once more when it
/// was wanted while it ran.
final class RefreshScheduler: Sendable {
  private struct State {
    var isRunning = false
    var isWanted = false
    var isStopped = false
    var lastRun = Int64.min
  }

  /// In nanoseconds.
  private let interval: Int64
  private let state = Locked(State())

  init(interval: Int64) { self.interval = interval }

  func request(_ job: @escaping @Sendable () async -> Void) {
    let mayBegin = state.withLock { state in
      guard !state.isStopped else { return false }
      state.isWanted = true
      defer { state.isRunning = true }
      return !state.isRunning
    }
    guard mayBegin else { return }
    Task { [self] in
      while let pause = pauseBeforeNextRun() {
        if pause > 0 { try? await Task.sleep(for: .nanoseconds(pause)) }
        await job()
      }
    }
  }

  func stop() { state.withLock { $0.isStopped = true } }

  private func pauseBeforeNextRun() -> Int64? {
    state.withLock { state in
      guard state.isWanted, !state.isStopped else {
        state.isRunning = false
        return nil
      }
      state.isWanted = false
      let now = MonotonicTime.now
      let start = state.lastRun == .min ? now : max(now, state.lastRun + interval)
      state.lastRun = start
      return start - now
    }
  }
}

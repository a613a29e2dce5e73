//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

@testable import ExampleSupport

/// Remembers that something has happened, for tests that wait for it, in a task or on a thread. Whoever waits costs nothing
/// meanwhile: on a busy machine, one that looks again and again starves what it waits for.
final class Flag: Sendable {
  private struct State {
    var isSet = false
    var waiters: [Int: CheckedContinuation<Bool, Never>] = [:]
    var nextID = 0
  }

  /// The longest that anybody waits. What has not happened by then never will.
  static let patience = Duration.seconds(60)

  private let state = Guarded(State())
  private let condition = NSCondition()

  var isSet: Bool { state.withLock { $0.isSet } }

  func set() {
    let waiters = state.withLock { state in
      state.isSet = true
      defer { state.waiters = [:] }
      return state.waiters.values
    }
    for waiter in waiters { waiter.resume(returning: true) }
    condition.withLock { condition.broadcast() }
  }

  /// Waits in a task. False when it is not set within a minute, or before the task is cancelled.
  func becomesSet() async -> Bool {
    let id = state.withLock { state in
      state.nextID += 1
      return state.nextID
    }
    let timer = Task.detached {
      try await Task.sleep(for: Self.patience)
      self.giveUp(id)
    }
    defer { timer.cancel() }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let answer = state.withLock { state -> Bool? in
          // Read behind the lock: a cancellation that comes later finds the waiter.
          if state.isSet || Task.isCancelled { return state.isSet }
          state.waiters[id] = continuation
          return nil
        }
        if let answer { continuation.resume(returning: answer) }
      }
    } onCancel: {
      giveUp(id)
    }
  }

  private func giveUp(_ id: Int) {
    state.withLock { $0.waiters.removeValue(forKey: id) }?.resume(returning: false)
  }

  /// Waits on a thread, which is blocked. False when it is not set within a minute.
  @discardableResult
  func wait() -> Bool {
    let end = Date(timeIntervalSinceNow: Self.patience / .seconds(1))
    return condition.withLock {
      while !isSet {
        guard condition.wait(until: end) else { return isSet }
      }
      return true
    }
  }
}

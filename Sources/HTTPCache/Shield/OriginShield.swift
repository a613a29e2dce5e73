//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Stands before the origin and lets so many calls through at a time. Performs what ``OriginShieldStateMachine`` decides.
final class OriginShield: Sendable {
  private typealias WaiterID = OriginShieldStateMachine.WaiterID

  private struct State {
    var machine: OriginShieldStateMachine
    var continuations: [WaiterID: UnsafeContinuation<Bool, Never>] = [:]
    /// What has been decided about those who had not begun to wait.
    var decisions: [WaiterID: Bool] = [:]
    var alarm = DeadlineAlarm()
  }

  /// What was asked for.
  let limit: OriginLimit
  private let clock: CacheClock
  private let state: Locked<State>

  init(_ limit: OriginLimit, clock: CacheClock) {
    self.limit = limit
    self.clock = clock
    state = Locked(State(machine: OriginShieldStateMachine(limit)))
  }

  deinit { state.withLock { $0.alarm.cancel() } }

  /// How many calls there are, how many wait, and how many there may be.
  var load: (running: Int, waiting: Int, limit: Int) {
    state.withLock { ($0.machine.running, $0.machine.waiting, $0.machine.limit) }
  }

  /// Waits for a turn.
  ///
  /// - Parameter mayWait: Whether it is worth waiting for.
  /// - Returns: The turn; nil when there is no room, or not in time.
  /// - Throws: `CancellationError` when the waiting task is cancelled.
  func acquire(mayWait: Bool) async throws -> OriginSlot? {
    let admission = state.withLock { $0.machine.request(mayWait: mayWait, at: clock.now) }
    switch admission {
    case .run: return OriginSlot(self, clock)
    case .shed: return nil
    case .wait(let id):
      watch()
      return try await wait(id) ? OriginSlot(self, clock) : nil
    }
  }

  private func wait(_ id: WaiterID) async throws -> Bool {
    let isAdmitted = await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let decision = state.withLock { state -> Bool? in
          if let decision = state.decisions.removeValue(forKey: id) { return decision }
          state.continuations[id] = continuation
          return nil
        }
        if let decision { continuation.resume(returning: decision) }
        if decision == nil, Task.isCancelled { leave(id) }
      }
    } onCancel: {
      leave(id)
    }
    guard Task.isCancelled else { return isAdmitted }
    // Admitted at the moment of leaving: the turn is somebody else's.
    if isAdmitted { abandoned() }
    throw CancellationError()
  }

  private func leave(_ id: WaiterID) {
    let continuation = state.withLock { state -> UnsafeContinuation<Bool, Never>? in
      guard state.machine.leave(id) else { return nil }
      if let continuation = state.continuations.removeValue(forKey: id) { return continuation }
      state.decisions[id] = false
      return nil
    }
    continuation?.resume(returning: false)
  }

  /// A call that was let through will not be made.
  func abandoned() { decide(state.withLock { $0.machine.abandoned() }, true) }

  /// A call has ended.
  func finished(latency: Duration, isFailure: Bool) {
    decide(state.withLock { $0.machine.finished(latency: latency, isFailure: isFailure) }, true)
  }

  private func decide(_ ids: [WaiterID], _ isAdmitted: Bool) {
    guard !ids.isEmpty else { return }
    let continuations = state.withLock { state in
      ids.compactMap { id -> UnsafeContinuation<Bool, Never>? in
        if let continuation = state.continuations.removeValue(forKey: id) { return continuation }
        state.decisions[id] = isAdmitted
        return nil
      }
    }
    for continuation in continuations { continuation.resume(returning: isAdmitted) }
  }

  // MARK: Deadlines

  /// Has the next deadline noticed. One task watches for all who wait.
  private func watch() {
    state.withLock { state in
      state.alarm.set(for: state.machine.nextDeadline, clock) { [weak self] in self?.deadlineReached($0) }
    }
  }

  private func deadlineReached(_ now: CacheInstant) {
    let expired = state.withLock { $0.machine.deadlineReached($0.alarm.take(at: now)) }
    decide(expired, false)
    watch()
  }
}

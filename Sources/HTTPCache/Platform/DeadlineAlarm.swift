//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Wakes its owner at the earliest of many deadlines, with one task that sleeps.
///
/// A part of the owner's state, behind the owner's lock: the owner sets the alarm whenever its earliest deadline may have
/// changed, and when it is woken takes the moment with ``take(at:)``, does what is due, and sets the alarm again.
package struct DeadlineAlarm {
  private var task: Task<Void, Never>?
  /// The moment that the alarm is set for.
  package private(set) var moment: CacheInstant?

  /// An alarm that is not set.
  package init() {}

  /// Whether the alarm would miss `deadline`: it is set for a later moment, or not at all.
  package func isLate(for deadline: CacheInstant?) -> Bool {
    guard let deadline else { return false }
    return moment.map { deadline < $0 } ?? true
  }

  /// Sets the alarm, unless it is set for an earlier moment already.
  ///
  /// - Parameters:
  ///   - deadline: The owner's earliest deadline; nil for none, which leaves the alarm as it is.
  ///   - wake: Called in a task of its own, with the time. Must not keep the owner alive.
  package mutating func set(
    for deadline: CacheInstant?, _ clock: CacheClock, _ wake: @escaping @Sendable (CacheInstant) -> Void
  ) {
    guard isLate(for: deadline), let deadline else { return }
    moment = deadline
    task?.cancel()
    task = Task.detached {
      guard (try? await clock.sleep(until: deadline)) != nil else { return }
      wake(clock.now)
    }
  }

  /// The alarm has gone off.
  ///
  /// - Returns: The moment up to which deadlines are due: the coarse clock may lag a tick behind the timer.
  package mutating func take(at now: CacheInstant) -> CacheInstant {
    defer {
      moment = nil
      task = nil
    }
    return Swift.max(now, moment ?? now)
  }

  /// Ends the task. The alarm can be set again.
  package mutating func cancel() {
    task?.cancel()
    task = nil
    moment = nil
  }
}

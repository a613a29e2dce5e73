//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Synchronization

/// Sees to it that no call takes longer than it may, whatever its worker is stuck in.
///
/// One thread for all hosts. While calls are made it sleeps until the oldest may have to be given up, so that a call
/// costs it nothing; only when none was made for a while does the next one have to wake it.
final class MemcachedWatchdog: Sendable {
  private struct State {
    var isParked = false
    var isShutDown = false
  }

  private let state = Monitor(State())
  /// The same as in the state, for a look without the lock.
  private let isParked = Atomic<Bool>(false)
  private let clock: CacheClock
  private let limit: Duration

  init(limit: Duration, clock: CacheClock) {
    self.limit = limit
    self.clock = clock
  }

  /// A call has been queued.
  @inline(__always)
  func callWasQueued() {
    if isParked.load(ordering: .sequentiallyConsistent) { wake() }
  }

  @inline(never)
  private func wake() {
    state.withLock {
      $0.isParked = false
      isParked.store(false, ordering: .relaxed)
    }
    state.signal()
  }

  func shutdown() {
    state.withLock { $0.isShutDown = true }
    state.broadcast()
  }

  /// The thread's work.
  func run(_ lanes: [MemcachedLane]) {
    var isQuiet = false
    while !state.withLock({ $0.isShutDown }) {
      if isQuiet {
        // Announced before looking once more: a call that is queued after that look finds the announcement.
        state.withLock { state in
          state.isParked = true
          isParked.store(true, ordering: .sequentiallyConsistent)
        }
      }
      let next = lanes.compactMap { $0.expire(at: clock.now) }.min()
      if let next {
        isQuiet = false
        // The clock is coarse: one tick more, so as not to come too early again and again.
        let wait = next.duration(since: clock.now) + .milliseconds(1)
        state.wait(nanoseconds: wait.nanoseconds) { !$0.isShutDown }
      } else if isQuiet {
        state.wait(nanoseconds: .max / 4) { $0.isParked && !$0.isShutDown }
        isQuiet = false
      } else {
        isQuiet = true
        state.wait(nanoseconds: limit.nanoseconds) { !$0.isShutDown }
      }
    }
  }
}

extension Duration {
  fileprivate var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}

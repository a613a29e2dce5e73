//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// A ``CircuitBreaker`` that many callers use at once.
///
/// What callers look at without the lock is written while the lock is held. So it always agrees with the last change, whatever
/// the order in which a failure and a success are reported.
package final class SharedCircuitBreaker: Sendable {
  private enum Health {
    /// Closed, and the last call was answered. Neither asking nor a success changes anything.
    static let flawless: UInt8 = 0
    /// Closed, after failures that are too few.
    static let failing: UInt8 = 1
    static let open: UInt8 = 2
  }

  private let breaker: Locked<CircuitBreaker>
  private let health = Atomic<UInt8>(Health.flawless)

  /// Shares a breaker.
  package init(_ breaker: CircuitBreaker) { self.breaker = Locked(breaker) }

  /// Whether calls are being refused, except for one now and then that tries.
  package var isOpen: Bool { health.load(ordering: .relaxed) == Health.open }

  /// Whether nothing has failed since the last call that was answered.
  package var isFlawless: Bool { health.load(ordering: .relaxed) == Health.flawless }

  /// The state of the breaker.
  package var state: CircuitBreaker.State { breaker.withLock { $0.state } }

  private func change<Result>(_ body: (inout CircuitBreaker) -> Result) -> Result {
    breaker.withLock { breaker in
      defer {
        let new =
          switch breaker.state {
          case .closed(failures: 0): Health.flawless
          case .closed: Health.failing
          case .open, .probing: Health.open
          }
        health.store(new, ordering: .relaxed)
      }
      return body(&breaker)
    }
  }

  /// Whether a call may be made. Takes no lock while nothing is wrong.
  package func admits(at now: @autoclosure () -> CacheInstant) -> Bool {
    isFlawless || change { $0.admits(at: now()) }
  }

  /// A call was answered. Takes no lock while nothing is wrong.
  ///
  /// - Returns: Whether calls were refused before.
  @discardableResult
  package func succeeded() -> Bool { !isFlawless && change { $0.succeeded() } }

  /// A call failed for a reason that says something about who was asked.
  ///
  /// - Parameter jitter: See ``CircuitBreaker/failed(at:jitter:)``.
  /// - Returns: Whether calls are refused from now on, and were not before.
  @discardableResult
  package func failed(at now: CacheInstant, jitter: Double = 0) -> Bool {
    change { $0.failed(at: now, jitter: jitter) }
  }
}

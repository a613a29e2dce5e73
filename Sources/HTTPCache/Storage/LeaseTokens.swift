//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The tokens of the leases that one backend takes, so that it recognises those of its own that nobody holds.
///
/// A server that hangs may carry out later what its caller has long given up. The lease that comes of it has no holder, and
/// would hold everybody up until it runs out; the one who finds it there, and knows that it is one of his, takes it over.
package struct LeaseTokens: Sendable {
  private struct State {
    var next: UInt32 = 0
    /// Those that are held or being asked for, and until when at most.
    var live: [UInt64: CacheInstant] = [:]
    /// At how many of them those whose end has come are looked for next.
    var sweepCount = LeaseTokens.leastSweepCount
  }

  private static let leastSweepCount = 1024
  private static let mask = UInt64.max << 32

  private let own = UInt64(UInt32.random(in: 1 ... .max)) << 32
  private let state = Locked(State())

  package init() {}

  /// A token that was never used before, for a lease that is going to be asked for.
  ///
  /// - Parameter end: When the lease ends at the latest, if it comes about at once.
  package func make(until end: CacheInstant, at now: CacheInstant) -> UInt64 {
    state.withLock { state in
      state.next &+= 1
      let token = own | UInt64(state.next)
      // Whoever takes leases and does not give them back must not make this grow. Looking through all of them is paid for
      // by as many leases taken since the last time.
      if state.live.count >= state.sweepCount {
        state.live = state.live.filter { now < $0.value }
        state.sweepCount = max(Self.leastSweepCount, 2 * state.live.count)
      }
      state.live[token] = end
      return token
    }
  }

  /// The lease has not come about as far as is known, or is given back.
  package func end(_ token: UInt64) { state.withLock { $0.live[token] = nil } }

  /// How many leases are known.
  package var count: Int { state.withLock { $0.live.count } }

  /// Whether this is the token of a lease of this backend's that nobody holds.
  package func isOrphan(_ token: UInt64, at now: CacheInstant) -> Bool {
    guard token & Self.mask == own else { return false }
    return state.withLock { state in state.live[token].map { $0 <= now } ?? true }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Decides whether a host may be called: after several failures in a row it is left alone for a while, then one call tries
/// it, and either it is back or it is left alone for twice as long.
///
/// Pure: the time comes in as an argument, and nothing happens here.
struct CircuitBreaker: Sendable {
  enum State: Hashable, Sendable {
    /// All is well, or has failed only this often in a row.
    case closed(failures: Int)
    /// Calls are refused until then.
    case open(until: CacheInstant)
    /// One call is trying; the others are refused. Should nobody report how it went, the next one tries then.
    case probing(until: CacheInstant)
  }

  private(set) var state = State.closed(failures: 0)
  private var wait: Duration
  let threshold: Int
  let firstWait: Duration
  let longestWait: Duration
  /// How long a try may take.
  let probeLimit: Duration

  init(threshold: Int, firstWait: Duration, longestWait: Duration, probeLimit: Duration) {
    self.threshold = threshold
    self.firstWait = firstWait
    self.longestWait = longestWait
    self.probeLimit = probeLimit
    wait = firstWait
  }

  /// Whether a call may be made.
  mutating func admits(at now: CacheInstant) -> Bool {
    switch state {
    case .closed: return true
    case .open(let until), .probing(let until):
      guard now >= until else { return false }
      state = .probing(until: now.advanced(by: probeLimit))
      return true
    }
  }

  /// A call was answered.
  mutating func succeeded() {
    state = .closed(failures: 0)
    wait = firstWait
  }

  /// A call failed for a reason that says something about the host.
  mutating func failed(at now: CacheInstant) {
    switch state {
    case .closed(let failures) where failures + 1 < threshold: state = .closed(failures: failures + 1)
    case .closed: state = .open(until: now.advanced(by: wait))
    // Others that were under way when it opened; what they say is known already.
    case .open: break
    case .probing:
      wait = min(wait * 2, longestWait)
      state = .open(until: now.advanced(by: wait))
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Decides whether a tier is asked: after several failures in a row it is left alone for a while, then one call tries it,
/// and either it is back or it is left alone for longer.
///
/// Pure: the time comes in as an argument, and nothing happens here.
struct TierBreaker {
  private enum State {
    case closed(failures: Int)
    case open(until: CacheInstant)
    /// One call is trying. Should nobody report how it went, the next one tries then.
    case probing(until: CacheInstant)
  }

  private var state = State.closed(failures: 0)
  private var wait: Duration
  private let threshold: Int
  private let firstWait: Duration
  private let longestWait: Duration
  private let probeLimit: Duration

  init(threshold: Int, firstWait: Duration, longestWait: Duration, probeLimit: Duration) {
    self.threshold = threshold
    self.firstWait = firstWait
    self.longestWait = longestWait
    self.probeLimit = probeLimit
    wait = firstWait
  }

  /// Whether calls are being refused, except for one now and then that tries.
  var isOpen: Bool { if case .closed = state { false } else { true } }

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
  ///
  /// - Returns: Whether that is news.
  mutating func succeeded() -> Bool {
    let wasOpen = isOpen
    state = .closed(failures: 0)
    wait = firstWait
    return wasOpen
  }

  /// A call failed for a reason that says something about the tier.
  ///
  /// - Parameter jitter: From 0 to 1: by how much of a quarter the pause is prolonged, so that not all come back at once.
  /// - Returns: Whether it is left alone from now on, and was not before.
  mutating func failed(at now: CacheInstant, jitter: Double) -> Bool {
    switch state {
    case .closed(let failures):
      guard failures + 1 >= threshold else {
        state = .closed(failures: failures + 1)
        return false
      }
      state = .open(until: now.advanced(by: wait * (1 + jitter / 4)))
      return true
    case .probing:
      wait = min(wait * 2, longestWait)
      state = .open(until: now.advanced(by: wait * (1 + jitter / 4)))
      return false
    case .open:
      // It was under way when the pause began; what it says is known already.
      return false
    }
  }
}

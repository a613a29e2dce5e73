//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Decides whether something that may fail is asked: after several failures in a row it is left alone for a while, then one
/// call tries it, and either it is back or it is left alone for twice as long.
///
/// Pure: the time comes in as an argument, and nothing happens here.
package struct CircuitBreaker: Sendable {
  package enum State: Hashable, Sendable {
    /// All is well, or has failed only this often in a row.
    case closed(failures: Int)
    /// Calls are refused until then.
    case open(until: CacheInstant)
    /// One call is trying; the others are refused. Should nobody report how it went, the next one tries then.
    case probing(until: CacheInstant)
  }

  package private(set) var state = State.closed(failures: 0)
  private var wait: Duration
  private let threshold: Int
  private let firstWait: Duration
  private let longestWait: Duration
  private let probeLimit: Duration

  /// - Parameters:
  ///   - threshold: How many failures in a row are too many.
  ///   - firstWait: For how long nothing is asked then.
  ///   - longestWait: What that may grow to.
  ///   - probeLimit: How long a try may take.
  package init(threshold: Int, firstWait: Duration, longestWait: Duration, probeLimit: Duration) {
    self.threshold = threshold
    self.firstWait = firstWait
    self.longestWait = longestWait
    self.probeLimit = probeLimit
    wait = firstWait
  }

  /// Whether calls are being refused, except for one now and then that tries.
  package var isOpen: Bool { if case .closed = state { false } else { true } }

  /// Whether a call may be made.
  package mutating func admits(at now: CacheInstant) -> Bool {
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
  @discardableResult
  package mutating func succeeded() -> Bool {
    let wasOpen = isOpen
    state = .closed(failures: 0)
    wait = firstWait
    return wasOpen
  }

  /// A call failed for a reason that says something about who was asked.
  ///
  /// - Parameter jitter: From 0 to 1: by how much of a quarter the pause is prolonged, so that not all come back at once.
  /// - Returns: Whether calls are refused from now on, and were not before.
  @discardableResult
  package mutating func failed(at now: CacheInstant, jitter: Double = 0) -> Bool {
    switch state {
    case .closed(let failures) where failures + 1 < threshold:
      state = .closed(failures: failures + 1)
      return false
    case .closed:
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

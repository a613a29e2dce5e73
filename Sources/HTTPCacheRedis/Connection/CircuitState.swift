//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Whether a server is worth asking. Pure: what happened comes in, as does the time; ``RedisNode`` asks it.
///
///     closed ──failures──▶ open ──time──▶ half open ──success──▶ closed
///                            ▲                │
///                            └────failure─────┘   for twice as long
struct CircuitState {
  enum Phase: Equatable {
    case closed
    /// Nobody asks until then.
    case open(until: Int64)
    /// One is asking, until then at most, and all others wait for what becomes of it.
    case halfOpen(until: Int64)
  }

  enum Admission: Equatable {
    case admitted
    /// Admitted, and the one that decides.
    case probe
    case refused
  }

  private let threshold: Int
  private let initialDuration: Int64
  private let maximumDuration: Int64
  private var duration: Int64
  private(set) var failures = 0
  private(set) var phase = Phase.closed

  /// - Parameters: times in nanoseconds.
  init(threshold: Int?, openDuration: Int64, maximumOpenDuration: Int64) {
    self.threshold = threshold ?? .max
    initialDuration = openDuration
    maximumDuration = maximumOpenDuration
    duration = openDuration
  }

  /// Whether nothing at all is wrong: then neither asking nor a success changes anything.
  var isPristine: Bool { phase == .closed && failures == 0 }

  mutating func admit(now: Int64) -> Admission {
    switch phase {
    case .closed: return .admitted
    case .open(let until), .halfOpen(let until):
      guard until <= now else { return .refused }
      // A probe that nobody hears of again (it was cancelled, say) is followed by another.
      phase = .halfOpen(until: now + duration)
      return .probe
    }
  }

  mutating func succeeded() {
    failures = 0
    duration = initialDuration
    phase = .closed
  }

  /// - Returns: Whether that has opened the circuit.
  mutating func failed(now: Int64) -> Bool {
    switch phase {
    case .closed:
      failures += 1
      guard failures >= threshold else { return false }
    case .open:
      // One that was on its way when the circuit opened.
      return false
    case .halfOpen:
      duration = duration > maximumDuration / 2 ? maximumDuration : duration * 2
    }
    phase = .open(until: now + duration)
    return true
  }
}

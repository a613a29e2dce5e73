//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A turn at the origin. Given back when the call has ended, at the latest when nobody holds it any more.
final class OriginSlot: Sendable {
  private let shield: OriginShield
  private let clock: CacheClock
  private let beganAt: CacheInstant
  /// How long the origin took to begin its answer, once that is known, and whether it failed; nil once given back.
  private let state = Locked<(latency: Duration?, isFailure: Bool)?>((nil, false))

  init(_ shield: OriginShield, _ clock: CacheClock) {
    self.shield = shield
    self.clock = clock
    beganAt = clock.now
  }

  deinit { release() }

  /// The origin has begun its answer. How long the body takes depends on who reads it, and says nothing about the origin.
  func answered(isFailure: Bool) {
    let latency = clock.now.duration(since: beganAt)
    state.withLock { state in
      guard state != nil else { return }
      state = (latency, isFailure)
    }
  }

  /// Gives the turn back without having used it.
  func giveBack() {
    if takeState() != nil { shield.abandoned() }
  }

  private func takeState() -> (latency: Duration?, isFailure: Bool)? {
    state.withLock { state in
      defer { state = nil }
      return state
    }
  }

  /// Gives the turn back.
  func release() {
    guard let last = takeState() else { return }
    shield.finished(
      latency: last.latency ?? clock.now.duration(since: beganAt), isFailure: last.isFailure || last.latency == nil)
  }
}

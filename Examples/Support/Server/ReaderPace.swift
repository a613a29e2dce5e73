//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Decides whether a client that does not take its response as fast as it is made is served on.
///
/// Progress is what the client's system has acknowledged, not what this one's has taken: the kernel asks for more only when
/// a third of its send buffer is free, which at 16 KB/s and 4 MiB takes more than a minute. The pace is measured only
/// while something waits to be written. A value without a clock: every call says when it is, in nanoseconds.
struct ReaderPace: Sendable {
  /// How long a client may take nothing.
  let timeout: Int64
  /// The octets a second that a client must take while an origin connection is held for it.
  let minimumRate: Int
  /// The time over which the rate is measured.
  static let window: Int64 = 60_000_000_000

  private var isBlocked = false
  /// Octets that this system had for the client at the last look, or has been given since.
  private var outstanding = 0
  private var lastProgress: Int64 = 0
  private var windowStart: Int64 = 0
  private var windowCount = 0

  init(timeout: Int64, minimumRate: Int) {
    self.timeout = timeout
    self.minimumRate = minimumRate
  }

  /// How long after a look the next is due.
  var interval: Int64 { max(1, min(timeout, Self.window) / 3) }

  /// The socket is full.
  ///
  /// - Parameter unacknowledged: The octets in the socket.
  /// - Returns: Whether it was not full before. Then a first look is due after `interval`.
  mutating func block(at now: Int64, unacknowledged: Int) -> Bool {
    guard !isBlocked else { return false }
    isBlocked = true
    outstanding = unacknowledged
    lastProgress = now
    windowStart = now
    windowCount = 0
    return true
  }

  /// The socket has taken more.
  mutating func write(_ count: Int) {
    if isBlocked { outstanding += count }
  }

  /// Nothing waits to be written.
  mutating func unblock() { isBlocked = false }

  /// Looks what the client has taken.
  ///
  /// - Parameters:
  ///   - unacknowledged: The octets in the socket.
  ///   - holdsOriginConnection: Whether others might want what the client keeps by reading slowly.
  /// - Returns: false when the client is to be cut off.
  mutating func look(at now: Int64, unacknowledged: Int, holdsOriginConnection: Bool) -> Bool {
    guard isBlocked else { return true }
    let taken = max(0, outstanding - unacknowledged)
    outstanding = unacknowledged
    windowCount += taken
    if taken > 0 { lastProgress = now }
    guard now - lastProgress < timeout else { return false }
    guard now - windowStart >= Self.window else { return true }
    let seconds = Double(now - windowStart) / 1e9
    let isTooSlow = Double(windowCount) < seconds * Double(minimumRate)
    windowStart = now
    windowCount = 0
    return !(isTooSlow && holdsOriginConnection)
  }
}

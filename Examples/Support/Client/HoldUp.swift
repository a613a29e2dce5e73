//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How long a connection to an origin has been idle because the client does not send or read.
///
/// A value without a clock: every call says when it is, in nanoseconds.
struct HoldUp: Sendable {
  private let start: Int64
  private var total: Int64 = 0
  private var since: Int64?

  init(at now: Int64) { start = now }

  /// The client has the next step.
  mutating func begin(at now: Int64) {
    if since == nil { since = now }
  }

  /// The client has made it.
  mutating func end(at now: Int64) {
    guard let since else { return }
    total += max(0, now - since)
    self.since = nil
  }

  /// The time that the client took until now.
  func time(at now: Int64) -> Int64 { total + (since.map { max(0, now - $0) } ?? 0) }

  /// How long the connection has been held.
  func age(at now: Int64) -> Int64 { max(0, now - start) }

  /// Whether the connection may be taken away for a client with less than its share: the holder has taken a second and more
  /// than half of the time that the connection was held.
  func isMostlyTheClients(at now: Int64) -> Bool {
    let time = time(at: now)
    return time >= 1_000_000_000 && time > (now - start) / 2
  }
}

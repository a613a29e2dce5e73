//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How long to wait before the next attempt: a random time up to a limit that doubles with every failure ("full jitter":
/// those who lost their connections together shall not come back together).
struct ReconnectBackoff {
  private let minimum: Int64
  private let maximum: Int64
  private(set) var limit: Int64

  /// - Parameters: in nanoseconds.
  init(minimum: Int64, maximum: Int64) {
    self.minimum = minimum
    self.maximum = maximum
    limit = minimum
  }

  /// The time to wait after one more failure, in nanoseconds.
  ///
  /// - Parameter random: A number from 0 to 1.
  mutating func next(random: Double) -> Int64 {
    defer { limit = limit > maximum / 2 ? maximum : limit * 2 }
    return Int64(Double(limit) * min(max(random, 0), 1))
  }

  /// It has worked.
  mutating func reset() { limit = minimum }
}

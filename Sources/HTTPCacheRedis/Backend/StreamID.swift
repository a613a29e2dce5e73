//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The number of an invalidation: the place of its record in a stream of Redis.
///
/// Redis makes them of its own clock in milliseconds and a count within the millisecond, and never gives one that is not
/// higher than all before it in the stream. As one integer: 44 bits for the time (until the year 2527), 20 for the count.
struct StreamID: Hashable, Comparable, Sendable {
  let number: UInt64

  init(number: UInt64) { self.number = number }

  /// - Parameter text: `milliseconds-count`. Nil for anything else, and for what does not fit.
  init?(_ text: String) {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, let milliseconds = UInt64(parts[0]), let count = UInt64(parts[1]),
      milliseconds < 1 << 44, count < 1 << 20
    else { return nil }
    number = milliseconds << 20 | count
  }

  /// The server's time of day, in milliseconds.
  var milliseconds: Int64 { Int64(number >> 20) }

  var text: String { "\(number >> 20)-\(number & 0xF_FFFF)" }

  static func < (left: StreamID, right: StreamID) -> Bool { left.number < right.number }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// The number of an invalidation: the place of its record in a stream of Redis.
///
/// Numbers are made of Redis' clock in milliseconds and a count within the millisecond, and each is higher than all before it in
/// the stream. As one integer: 44 bits for the time (until the year 2527), 20 for the count.
struct StreamID: Hashable, Comparable, Sendable {
  let number: UInt64

  init(number: UInt64) { self.number = number }

  /// Parses `milliseconds-count`. Nil for anything else, for what does not fit, and for `0-0`, which no stream has.
  init?(_ text: Bytes) {
    var parts: [UInt64] = []
    var current: UInt64?
    for octet in text {
      if octet == UInt8(ascii: "-") {
        guard let value = current, parts.isEmpty else { return nil }
        parts.append(value)
        current = nil
      } else {
        let digit = octet &- UInt8(ascii: "0")
        // Below 2^44 there is room for one more digit.
        guard digit < 10, current ?? 0 < 1 << 44 else { return nil }
        current = (current ?? 0) * 10 + UInt64(digit)
      }
    }
    guard let milliseconds = parts.first, let count = current, milliseconds < 1 << 44, count < 1 << 20 else {
      return nil
    }
    number = milliseconds << 20 | count
    if number == 0 { return nil }
  }

  /// The server's time of day, in milliseconds.
  var milliseconds: Int64 { Int64(number >> 20) }

  var text: String { "\(number >> 20)-\(number & 0xF_FFFF)" }

  static func < (left: StreamID, right: StreamID) -> Bool { left.number < right.number }
}

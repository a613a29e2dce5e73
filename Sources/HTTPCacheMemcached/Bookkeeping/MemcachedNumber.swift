//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The numbers of a host's invalidations.
enum MemcachedNumber {
  /// Numbers from here on are none: nobody counts that far. So sums of numbers that were read never overflow.
  static let limit: UInt64 = 1 << 61
  /// The highest number that a process remembers to have seen: below, there is room for many more.
  static let highestRemembered: UInt64 = limit - 1 << 42
  /// By how much a number may be above the counter: two weeks of what clocks give. What is further above is no number.
  static let reach: UInt64 = 1 << 40

  /// Reads a number; nil when it is none.
  static func read(_ digits: some Sequence<UInt8>) -> UInt64? {
    UInt64(decimal: digits).flatMap { $0 < limit ? $0 : nil }
  }

  /// Reads a counter.
  static func read(_ item: MemcachedItem?) -> UInt64? {
    // The server may leave spaces behind a number that was longer.
    guard let bytes = item?.value.bytes, bytes.count <= 24, let last = bytes.lastIndex(where: { $0 != 0x20 }) else {
      return nil
    }
    return read(bytes[...last])
  }

  /// A number to begin a counter with, above one that is known: the time in microseconds. If that is no higher, the clock is
  /// behind those that the known ones are from, and nobody knows how many have been given: then far above, and not where any
  /// other counter is.
  static func new(above known: UInt64, _ clock: CacheClock) -> UInt64 {
    let milliseconds = UInt64(min(max(0, clock.unixTime.milliseconds), Int64(highestRemembered / 1000 - 1)))
    let number = milliseconds * 1000 + UInt64.random(in: 0..<1000)
    return number > known + gap.lowerBound ? number : known + UInt64.random(in: gap)
  }

  /// How far above.
  static let gap: Range<UInt64> = 1 << 20..<1 << 36
}

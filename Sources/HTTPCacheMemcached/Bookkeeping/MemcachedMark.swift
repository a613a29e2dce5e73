//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The last invalidations of what a key of the server stands for (a tag, many single keys, all entries), by the wall clock,
/// which is what nodes have in common.
///
/// Written as text, `number`, then ` number@milliseconds` for each soft one, the earliest first.
typealias MemcachedMark = InvalidationMark<UnixTime>

/// The meaning of invalidations for an entry, by the wall clock.
typealias MemcachedVerdict = TimedInvalidationVerdict<UnixTime>

extension InvalidationMark<UnixTime> {
  /// The mark as text.
  var text: String { soft.reduce(String(hard)) { "\($0) \($1.number)@\($1.moment.milliseconds)" } }

  /// Reads a mark; nil when the text is none.
  init?(_ text: some StringProtocol) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard let first = words.first, let hard = MemcachedNumber.read(first.utf8), words.count <= 1 + Self.softLimit else {
      return nil
    }
    self.init(hard: hard)
    for word in words.dropFirst() {
      let parts = word.split(separator: "@", omittingEmptySubsequences: false)
      guard parts.count == 2, let number = MemcachedNumber.read(parts[0].utf8), let moment = Int64(parts[1]),
        number > last
      else { return nil }
      add(number, .soft, at: UnixTime(milliseconds: moment))
    }
  }

  /// Whether adding an invalidation would change nothing that matters: a hard one is part of any later hard one, and a soft
  /// one of any later one that makes stale since the same second, which is as exact as windows are.
  func covers(_ number: UInt64, _ mode: CacheInvalidation.Mode, at moment: UnixTime) -> Bool {
    if hard >= number { return true }
    let limit = moment.milliseconds.addingReportingOverflow(1000)
    return mode == .soft
      && soft.contains { $0.number >= number && (limit.overflow || $0.moment.milliseconds <= limit.partialValue) }
  }
}

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

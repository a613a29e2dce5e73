//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CompactTimes {
  /// How far one moment is behind another, in 31 bits: a number and its unit. The bit above says which moment it is that the
  /// distance is counted from, where there are two to choose from.
  enum Distance {
    /// From wherever to the end of time.
    static let toDistantFuture: UInt32 = (1 << 31) - 1
    /// The units, in nanoseconds, as the two lowest bits number them.
    static let units: [Int64] = [1, 1000, 1_000_000, 1_000_000_000]
    /// The most that is counted in one unit; one more stands for the end of time.
    static let greatestCount: Int64 = (1 << 29) - 2

    private static let fromOther: UInt32 = 1 << 31

    /// Nil when the distance is negative or does not fit exactly.
    @inline(__always)
    static func code(from start: CacheInstant, to end: CacheInstant) -> UInt32? {
      // Most windows are empty.
      if start == end { return 0 }
      return codeOfSome(from: start, to: end)
    }

    @inline(__always)
    static func code(from start: CacheInstant, or other: CacheInstant, to end: CacheInstant) -> UInt32? {
      code(from: start, to: end) ?? code(from: other, to: end).map { $0 | fromOther }
    }

    @inline(never)
    private static func codeOfSome(from start: CacheInstant, to end: CacheInstant) -> UInt32? {
      if end == .distantFuture { return toDistantFuture }
      let (difference, overflow) = end.nanoseconds.subtractingReportingOverflow(start.nanoseconds)
      guard !overflow, difference >= 0 else { return nil }
      let distance = UInt64(difference)
      let greatestCount = UInt64(greatestCount)
      if distance <= greatestCount { return UInt32(distance) << 2 }
      // Whole seconds are what is to be expected.
      let seconds = distance / 1_000_000_000
      if seconds <= greatestCount, seconds * 1_000_000_000 == distance { return UInt32(seconds) << 2 | 3 }
      let milliseconds = distance / 1_000_000
      if milliseconds <= greatestCount, milliseconds * 1_000_000 == distance { return UInt32(milliseconds) << 2 | 2 }
      let microseconds = distance / 1000
      if microseconds <= greatestCount, microseconds * 1000 == distance { return UInt32(microseconds) << 2 | 1 }
      return nil
    }

    @inline(__always)
    static func moment(_ code: UInt32, from start: CacheInstant, or other: CacheInstant) -> CacheInstant {
      if code & ~fromOther == toDistantFuture { return .distantFuture }
      let start = code & fromOther == 0 ? start : other
      // What has been subtracted can be added.
      return CacheInstant(nanoseconds: start.nanoseconds &+ nanoseconds(code))
    }

    @inline(__always)
    static func nanoseconds(_ code: UInt32) -> Int64 {
      let count = Int64((code & ~fromOther) >> 2)
      // The units are so numbered that each bit multiplies.
      return count &* (code & 1 == 0 ? 1 : 1000) &* (code & 2 == 0 ? 1 : 1_000_000)
    }
  }
}

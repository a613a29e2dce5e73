//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What is known of one key's uses, whether its entry is there or not.
struct ReuseHistory {
  /// When it was last used, in uses of the shard, modulo 2^32.
  var lastUse: UInt32
  /// The smoothed time between uses; meaningless before the second.
  var gap: Float = 1
  /// How often it was used, up to `maximumUses`.
  var uses: UInt8 = 1

  static let maximumUses: UInt8 = 9

  /// How much of the newest gap goes into the smoothed one, at least: the first few are averaged, for the first gap alone is
  /// a poor guess and should not linger.
  private static let newestShare: Float = 0.2

  /// Keys whose future is estimated together: used once, twice, 3 or 4, 5 to 8 times, and more often.
  @inline(__always)
  var group: Int {
    switch uses {
    case ...1: 0
    case 2: 1
    case ...4: 2
    case ...8: 3
    default: 4
    }
  }

  static let groupCount = 5

  /// Within a group, keys whose gaps are of the same order, four octaves to a class: what returns after hundreds of uses and
  /// what returns after tens of thousands differ in more than their clocks, as where a loop and a crowd share a cache.
  static let gapClassCount = 7
  static let rowCount = 1 + (groupCount - 1) * gapClassCount

  /// Which keys teach the model together with this one: row 0 is group 0, which has no gaps.
  @inline(__always)
  var row: Int {
    let group = group
    guard group > 0 else { return 0 }
    // Gaps are 1 at least and 2^32 at most, and above 2^24 they count as that.
    let octave = min(Int(truncatingIfNeeded: gap.bitPattern >> 23) &- 127, 24)
    return 1 &+ (group &- 1) &* Self.gapClassCount &+ octave &>> 2
  }

  /// The factor from uses of the shard to the unit in which the group's ages are measured: 64ths of the key's own gap, so
  /// that keys in daily use and keys in hourly use teach the model the same thing; for a key without a gap, plain uses.
  @inline(__always)
  var timeScale: Float { uses > 1 ? 64 / gap : 1 }

  @inline(__always)
  func age(at now: UInt32) -> UInt32 { now &- lastUse }

  /// Notes a use.
  @inline(__always)
  mutating func use(at now: UInt32) {
    let newest = Float(max(age(at: now), 1))
    gap = uses == 1 ? newest : gap + (newest - gap) * max(1 / Float(uses), Self.newestShare)
    uses = min(uses + 1, Self.maximumUses)
    lastUse = now
  }
}

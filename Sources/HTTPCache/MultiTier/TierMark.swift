//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// When the copy of an entry in the near tier was last known to agree with the far one, and after how many doubts: in one
/// word, which the entry carries. Zero for an entry that is in no near tier.
struct TierMark {
  private static let momentBits: UInt64 = 44

  /// The word for a copy that agreed at `now`.
  static func word(doubts: UInt64, at now: CacheInstant) -> UInt64 {
    let milliseconds = UInt64(clamping: now.nanoseconds / 1_000_000) & (1 << momentBits - 1)
    // Never zero: that stands for no mark.
    return doubts << momentBits | max(milliseconds, 1)
  }

  private let word: UInt64

  init?(_ word: UInt64) {
    guard word != 0 else { return nil }
    self.word = word
  }

  /// Whether nobody has had doubts since.
  func isUndoubted(after doubts: UInt64) -> Bool {
    word >> Self.momentBits == doubts & (1 << (64 - Self.momentBits) - 1)
  }

  /// For how long nobody has looked, to the millisecond.
  func age(at now: CacheInstant) -> Duration {
    let moment = Int64(word & (1 << Self.momentBits - 1))
    return .milliseconds(now.nanoseconds / 1_000_000 - moment)
  }
}

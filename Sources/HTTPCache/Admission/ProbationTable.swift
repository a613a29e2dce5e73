//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which keys have been asked for once, in this interval or the one before. Fingerprints in a table of fixed size: under a
/// flood old ones are overwritten, and their keys begin anew.
struct ProbationTable {
  private struct Slot {
    var fingerprint: UInt32 = 0
    var generation: UInt32 = 0
  }

  private var slots: [Slot]
  private var generation: UInt32 = 2

  /// - Parameter expectedCount: How many keys of regular traffic there may be at a time, about.
  init(expectedCount: Int) {
    let wanted = Swift.max(1_024, Swift.min(expectedCount, 1 << 16) * 8)
    let count = 1 << (Int.bitWidth - (wanted - 1).leadingZeroBitCount)
    slots = Array(repeating: Slot(), count: count)
  }

  /// An interval is over.
  mutating func nextGeneration() { generation &+= 1 }

  /// Whether a key has been asked for before; notes it.
  mutating func isRepeated(_ digest: KeyDigest) -> Bool {
    let index = Int(truncatingIfNeeded: digest.low >> 20) & (slots.count - 1)
    let fingerprint = UInt32(truncatingIfNeeded: digest.high >> 16)
    let isKnown = slots[index].fingerprint == fingerprint && generation &- slots[index].generation <= 1
    slots[index] = Slot(fingerprint: fingerprint, generation: generation)
    return isKnown
  }
}

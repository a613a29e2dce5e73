//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which keys have been asked for once, in this interval or the one before. Fingerprints in a table of fixed size: under a
/// flood old ones are overwritten, and their keys begin anew.
///
/// A key has its place in a set of several, the oldest of which gives way: two that regular traffic asks for in turn do not
/// push each other out again and again.
struct ProbationTable {
  private struct Slot {
    var fingerprint: UInt32 = 0
    var generation: UInt32 = 0
  }

  private static let setSize = 4

  /// Sets beside each other, in each the latest first.
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
    let start = Int(truncatingIfNeeded: digest.low >> 20) & (slots.count - 1) & ~(Self.setSize - 1)
    let fingerprint = UInt32(truncatingIfNeeded: digest.high >> 16)
    let set = start..<start + Self.setSize
    let known = set.first { slots[$0].fingerprint == fingerprint && generation &- slots[$0].generation <= 1 }
    // The latest goes to the front, in the place of what it was or of the oldest.
    for index in (start..<(known ?? set.upperBound - 1)).reversed() { slots[index + 1] = slots[index] }
    slots[start] = Slot(fingerprint: fingerprint, generation: generation)
    return known != nil
  }
}

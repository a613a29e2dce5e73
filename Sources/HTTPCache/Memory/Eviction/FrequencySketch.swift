//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Estimates how often keys were used of late: a count-min sketch of 4-bit counters which are all halved from time to time.
struct FrequencySketch: ~Copyable {
  private var table: UnsafeMutablePointer<UInt64>
  private var mask: Int
  private var additions = 0

  /// - Parameter capacity: For how many keys; a power of two. There are 16 counters for each.
  init(capacity: Int) {
    table = .allocate(capacity: capacity)
    table.initialize(repeating: 0, count: capacity)
    mask = capacity - 1
  }

  deinit {
    table.deallocate()
  }

  var capacity: Int { mask + 1 }
  var byteCount: Int { capacity * MemoryLayout<UInt64>.stride }

  /// How often the key was used, between 0 and 15.
  func frequency(of hash: UInt64) -> Int {
    var lowest = 15
    for row: UInt64 in 0..<4 {
      let (word, shift) = place(hash, row)
      lowest = min(lowest, Int(table[word] >> shift & 15))
    }
    return lowest
  }

  /// Counts `count` uses of a key.
  mutating func add(_ hash: UInt64, count: Int) {
    guard count > 0 else { return }
    let target = UInt64(min(frequency(of: hash) + count, 15))
    for row: UInt64 in 0..<4 {
      let (word, shift) = place(hash, row)
      // Only counters below the new estimate are raised: the others already count somebody else besides.
      if table[word] >> shift & 15 < target {
        table[word] = table[word] & ~(15 << shift) | target << shift
      }
    }
    additions += count
    if additions >= 10 * capacity { halve() }
  }

  private mutating func halve() {
    for word in 0...mask { table[word] = table[word] >> 1 & 0x7777_7777_7777_7777 }
    additions /= 2
  }

  private func place(_ hash: UInt64, _ row: UInt64) -> (word: Int, shift: UInt64) {
    // Four independent positions from one hash, by a multiplication each.
    let mixed = (hash ^ row &* 0x9E37_79B9_7F4A_7C15) &* 0xD6E8_FEB8_6659_FD93
    let folded = mixed ^ (mixed >> 32)
    return (Int(truncatingIfNeeded: folded) & mask, (row * 4 + (folded >> 60 & 3)) * 4)
  }
}

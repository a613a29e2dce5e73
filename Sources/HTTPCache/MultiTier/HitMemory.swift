//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How often keys have been found in the far tier lately. Its size is fixed: a key takes the place of another that shares
/// its slot and has been asked for less.
struct HitMemory {
  private struct Slot {
    var key: UInt64 = 0
    /// When the half of the period that is being counted began.
    var began = CacheInstant.distantPast
    var current: UInt32 = 0
    /// What was counted in the half before.
    var previous: UInt32 = 0

    /// The hits of the period that ends at `now`, the older half in proportion to how much of it still belongs to it.
    func count(at now: CacheInstant, half: Duration?) -> Double {
      guard let half else { return Double(current) }
      let share = now.duration(since: began) / half
      if share >= 2 { return 0 }
      if share >= 1 { return Double(current) * (2 - share) }
      return Double(current) + Double(previous) * (1 - share)
    }

    mutating func add(at now: CacheInstant, half: Duration?) {
      if let half {
        let elapsed = now.duration(since: began)
        if elapsed >= half * 2 {
          (previous, current, began) = (0, 0, now)
        } else if elapsed >= half {
          (previous, current, began) = (current, 0, began.advanced(by: half))
        }
      }
      if current < .max { current += 1 }
    }
  }

  private var slots: [Slot]
  private let half: Duration?

  /// - Parameters:
  ///   - capacity: How many keys are remembered at most; a power of two.
  ///   - period: How long a hit counts; nil for as long as the key is remembered.
  init(capacity: Int = 8192, period: Duration?) {
    slots = Array(repeating: Slot(), count: capacity)
    half = period.map { $0 / 2 }
  }

  /// Counts a hit.
  ///
  /// - Returns: How many there have been in the period, this one included; rounded to the nearest.
  mutating func record(_ digest: KeyDigest, at now: CacheInstant) -> Int {
    let index = Int(truncatingIfNeeded: digest.spread) & (slots.count - 1)
    if slots[index].key != digest.low {
      if slots[index].count(at: now, half: half) > 1 {
        // The one that is there is asked for more; but everybody's count fades, or the first to come would stay for ever.
        slots[index].current /= 2
        slots[index].previous /= 2
        return 1
      }
      slots[index] = Slot(key: digest.low, began: now)
    }
    slots[index].add(at: now, half: half)
    return Int(slots[index].count(at: now, half: half).rounded())
  }

  /// The key has been promoted: its hits count from zero.
  mutating func forget(_ digest: KeyDigest) {
    let index = Int(truncatingIfNeeded: digest.spread) & (slots.count - 1)
    if slots[index].key == digest.low { slots[index] = Slot() }
  }
}

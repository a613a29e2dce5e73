//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// How often keys are asked for, over a sliding minute. A table of fixed size; in each set of four, the rarest makes room.
///
/// A minute's count is the present minute's so far and the part of the last one's that the sliding minute still covers. So
/// a request just after a minute has begun counts as one request, not as thousands a minute.
struct RequestRates: Sendable {
  private struct Slot {
    var digest: UInt64 = 0
    var minute = Int64.min
    var current: UInt32 = 0
    var previous: UInt32 = 0
    var isTracked = false
  }

  /// What is known of a key after one more request.
  struct Observation: Equatable {
    /// Requests in the last minute.
    var perMinute: Int
    /// Whether the key is being looked after (``setTracked(_:_:)``).
    var isTracked: Bool
  }

  private static let minute: Int64 = 60_000_000_000
  private static let stripeCount = 16
  private static let setSize = 4
  private let stripes: [Locked<[Slot]>]
  private let setCount: Int

  /// - Parameter capacity: How many keys are followed, about.
  init(capacity: Int) {
    let perStripe = Swift.max(1, capacity / (Self.stripeCount * Self.setSize))
    let sets = 1 << (Int.bitWidth - perStripe.leadingZeroBitCount)
    setCount = sets
    stripes = (0..<Self.stripeCount).map { _ in Locked(Array(repeating: Slot(), count: sets * Self.setSize)) }
  }

  /// Counts a request.
  func record(_ digest: KeyDigest, at now: CacheInstant) -> Observation {
    stripe(digest).withLock { slots in
      let index = place(of: digest, in: &slots, at: now)
      slots[index].current &+= 1
      return Observation(
        perMinute: Self.perMinute(slots[index], at: now), isTracked: slots[index].isTracked)
    }
  }

  /// How many requests there were in the last minute.
  func perMinute(_ digest: KeyDigest, at now: CacheInstant) -> Int {
    stripe(digest).withLock { slots in
      let first = firstIndex(digest)
      for index in first..<first + Self.setSize where slots[index].digest == digest.low {
        return Self.perMinute(Self.moved(slots[index], to: now), at: now)
      }
      return 0
    }
  }

  /// Notes whether a key is being looked after.
  func setTracked(_ digest: KeyDigest, _ isTracked: Bool) {
    stripe(digest).withLock { slots in
      let first = firstIndex(digest)
      for index in first..<first + Self.setSize where slots[index].digest == digest.low {
        slots[index].isTracked = isTracked
      }
    }
  }

  private func stripe(_ digest: KeyDigest) -> Locked<[Slot]> {
    stripes[Int(truncatingIfNeeded: digest.spread) & (Self.stripeCount - 1)]
  }

  private func firstIndex(_ digest: KeyDigest) -> Int {
    (Int(truncatingIfNeeded: digest.spread >> 8) & (setCount - 1)) * Self.setSize
  }

  /// The slot of a key, brought up to now; that of the rarest of its set if the key has none.
  private func place(of digest: KeyDigest, in slots: inout [Slot], at now: CacheInstant) -> Int {
    let first = firstIndex(digest)
    var rarest = first
    var lowest = Int.max
    for index in first..<first + Self.setSize {
      slots[index] = Self.moved(slots[index], to: now)
      if slots[index].digest == digest.low { return index }
      let rate = Self.perMinute(slots[index], at: now)
      if rate < lowest {
        lowest = rate
        rarest = index
      }
    }
    slots[rarest] = Slot(digest: digest.low, minute: now.nanoseconds / Self.minute)
    return rarest
  }

  private static func moved(_ slot: Slot, to now: CacheInstant) -> Slot {
    let minute = now.nanoseconds / Self.minute
    guard slot.minute < minute else { return slot }
    var moved = slot
    moved.previous = slot.minute == minute - 1 ? slot.current : 0
    moved.current = 0
    moved.minute = minute
    return moved
  }

  private static func perMinute(_ slot: Slot, at now: CacheInstant) -> Int {
    let elapsed = Double(now.nanoseconds % minute) / Double(minute)
    return Int(slot.current) + Int(Double(slot.previous) * (1 - elapsed))
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Remembers the histories of keys whose entries are gone: 8 octets each, in sets of eight that fill one cache line. Where a
/// set is full, the one whose last use is the longest ago is forgotten.
///
/// Keys are told apart by 24 bits of their hashes: confusing two costs a misjudgement, nothing else.
struct ReuseMemory: ~Copyable {
  private var slots: UnsafeMutablePointer<UInt64>
  private(set) var setCount: Int
  private static let setSize = 8

  /// - Parameter capacity: How many keys to remember; a multiple of 8, less than 2^27.
  init(capacity: Int) {
    setCount = capacity / Self.setSize
    slots = Self.allocate(capacity)
  }

  deinit {
    slots.deallocate()
  }

  var capacity: Int { setCount * Self.setSize }
  var byteCount: Int { capacity * MemoryLayout<UInt64>.stride }

  /// The history of a key, which is forgotten here; nil if there is none.
  mutating func take(_ hash: UInt64, at now: UInt32) -> ReuseHistory? {
    let base = set(of: Self.tag(hash))
    for way in 0..<Self.setSize where base[way] != 0 && base[way] >> 40 == Self.tag(hash) {
      let history = Self.unpack(base[way], at: now)
      base[way] = 0
      return history
    }
    return nil
  }

  /// Remembers a history.
  ///
  /// - Returns: The history that had to be forgotten for it; nil if there was room.
  mutating func insert(_ history: ReuseHistory, hash: UInt64, at now: UInt32) -> ReuseHistory? {
    place(Self.pack(history, tag: Self.tag(hash)), at: now)
  }

  /// Makes more room, by half.
  mutating func grow(at now: UInt32) {
    let old = slots
    let oldCapacity = capacity
    setCount += setCount / 2
    slots = Self.allocate(capacity)
    for position in 0..<oldCapacity where old[position] != 0 { _ = place(old[position], at: now) }
    old.deallocate()
  }

  /// Calls `body` with the histories in `count` sets, beginning with the set numbered `first`.
  func forEach(fromSet first: Int, count: Int, at now: UInt32, _ body: (ReuseHistory) -> Void) {
    for number in first..<first + count {
      let base = slots + number % setCount * Self.setSize
      for way in 0..<Self.setSize where base[way] != 0 { body(Self.unpack(base[way], at: now)) }
    }
  }

  private mutating func place(_ packed: UInt64, at now: UInt32) -> ReuseHistory? {
    let base = set(of: packed >> 40)
    var oldest = 0
    var oldestAge: UInt32 = 0
    for way in 0..<Self.setSize {
      if base[way] == 0 {
        base[way] = packed
        return nil
      }
      let age = Self.age(base[way], at: now)
      if age >= oldestAge {
        oldestAge = age
        oldest = way
      }
    }
    let forgotten = Self.unpack(base[oldest], at: now)
    base[oldest] = packed
    return forgotten
  }

  /// The set of a tag: the tag, which is below 2^24, scaled to the number of sets.
  private func set(of tag: UInt64) -> UnsafeMutablePointer<UInt64> {
    slots + Int(truncatingIfNeeded: (tag &* UInt64(setCount)) >> 24) * Self.setSize
  }

  // A slot, from its high end: 24 bits of the hash (never all zero), the low 24 bits of the last use, the 12 bits below the
  // sign of the gap (which is positive), 4 bits of uses.

  private static func tag(_ hash: UInt64) -> UInt64 { max(hash >> 40, 1) }

  private static func pack(_ history: ReuseHistory, tag: UInt64) -> UInt64 {
    tag << 40 | UInt64(history.lastUse & 0xFF_FFFF) << 16 | UInt64(history.gap.bitPattern >> 19) << 4
      | UInt64(history.uses)
  }

  private static func unpack(_ slot: UInt64, at now: UInt32) -> ReuseHistory {
    ReuseHistory(
      lastUse: now &- age(slot, at: now),
      // Half of the last bit that was kept is added back, so that packing does not shorten gaps on average.
      gap: Float(bitPattern: UInt32(truncatingIfNeeded: slot >> 4 & 0xFFF) << 19 | 1 << 18),
      uses: UInt8(slot & 0xF))
  }

  private static func age(_ slot: UInt64, at now: UInt32) -> UInt32 {
    (now &- UInt32(truncatingIfNeeded: slot >> 16)) & 0xFF_FFFF
  }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<UInt64> {
    let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
    slots.initialize(repeating: 0, count: count)
    return slots
  }
}

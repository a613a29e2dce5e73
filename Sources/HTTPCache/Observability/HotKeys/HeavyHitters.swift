//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The keys with the highest counts of a stream, in fixed memory: Space-Saving (Metwally et al., 2005) in sets of eight.
///
/// A key that has no slot takes that of the lowest in its set, and begins with its count, which is then the most by which
/// the new key's count can be too high. A count is never too low.
struct HeavyHitters: ~Copyable {
  /// A key that is counted.
  struct Slot {
    var digest: UInt64 = 0
    var count: UInt64 = 0
    /// The most by which `count` is too high.
    var error: UInt64 = 0
    /// The variance that `count` has because not every request was counted.
    var variance: Float = 0
    /// Whether the key is named: when it comes for the second time, for most never do.
    var isNamed = false
  }

  private static let setSize = 8
  private let slots: UnsafeMutablePointer<Slot>
  private let slotCount: Int
  /// By slot; apart from the slots, which are looked through more often.
  private var names: [String]

  /// - Parameter setCount: A power of two; there are eight keys in each set.
  init(setCount: Int) {
    slotCount = setCount * Self.setSize
    slots = .allocate(capacity: slotCount)
    slots.initialize(repeating: Slot(), count: slotCount)
    names = Array(repeating: "", count: slotCount)
  }

  deinit { slots.deallocate() }

  /// Adds to a key's count.
  ///
  /// - Parameters:
  ///   - value: What was measured.
  ///   - weight: For how many such requests this one stands.
  ///   - name: The key's name; called when it is first needed.
  @inline(__always)
  mutating func add(_ value: UInt64, weight: UInt64, for digest: UInt64, name: () -> String) {
    let set = self.set(of: digest)
    // Saturated: an origin may claim any length.
    let amount = Self.saturated(value.multipliedReportingOverflow(by: weight))
    let variance = Float(value) * Float(value) * Float(weight &* (weight &- 1))
    var lowest = set
    for slot in set..<set + Self.setSize {
      if slot.pointee.digest == digest {
        slot.pointee.count = Self.saturated(slot.pointee.count.addingReportingOverflow(amount))
        slot.pointee.variance += variance
        if !slot.pointee.isNamed { setName(name(), of: slot) }
        return
      }
      if slot.pointee.count < lowest.pointee.count { lowest = slot }
    }
    if lowest.pointee.isNamed { setName("", of: lowest) }
    let floor = lowest.pointee.count
    lowest.pointee = Slot(
      digest: digest, count: Self.saturated(floor.addingReportingOverflow(amount)), error: floor, variance: variance)
  }

  @inline(__always)
  private static func saturated(_ result: (partialValue: UInt64, overflow: Bool)) -> UInt64 {
    result.overflow ? .max : result.partialValue
  }

  @inline(never)
  private mutating func setName(_ name: String, of slot: UnsafeMutablePointer<Slot>) {
    names[slot - slots] = name
    slot.pointee.isNamed = !name.isEmpty
  }

  @inline(__always)
  private func set(of digest: UInt64) -> UnsafeMutablePointer<Slot> {
    slots + (Int(truncatingIfNeeded: digest >> 32) & (slotCount &- 1) & ~(Self.setSize &- 1))
  }

  /// The most that a key can have which has no slot.
  func floor(for digest: UInt64) -> UInt64 {
    let set = set(of: digest)
    return (0..<Self.setSize).reduce(.max) { min($0, set[$1].count) }
  }

  /// The keys that are counted, with their names, highest count first.
  var ranked: [(slot: Slot, name: String)] {
    (0..<slotCount).filter { slots[$0].count > 0 }.map { (slots[$0], names[$0]) }
      .sorted { $0.slot.count > $1.slot.count }
  }

  /// Forgets everything.
  mutating func removeAll() {
    for index in 0..<slotCount {
      slots[index] = Slot()
      names[index] = ""
    }
  }

  /// The bytes allocated.
  var byteCount: Int {
    slotCount * (MemoryLayout<Slot>.stride + MemoryLayout<String>.stride)
      + names.reduce(0) { $0 + HeapBlock.byteCount(of: $1) }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// An open-addressed table from hashes to node numbers: linear probing, and deletion that shifts back instead of leaving
/// tombstones, so that a table which sees a million stores and removals is as fast as a new one.
///
/// A slot is 8 octets, the node's number and 32 bits of the hash beside it: probing past other entries, growing and
/// shifting back touch nothing but the table.
struct SlotTable: ~Copyable {
  private var slots: UnsafeMutablePointer<UInt64>
  private var mask: Int
  private(set) var count = 0

  /// A slot that holds nothing: no node has the number 2^32 - 1.
  private static let empty = UInt64.max

  init() {
    slots = Self.allocate(8)
    mask = 7
  }

  deinit {
    slots.deallocate()
  }

  /// The bytes allocated.
  @inline(__always)
  var byteCount: Int { (mask &+ 1) &* MemoryLayout<UInt64>.stride }

  /// The node under `hash` that `matches`, or `EntryNode.none`.
  @inline(__always)
  func find(_ hash: UInt64, where matches: (Int32) -> Bool) -> Int32 {
    let tag = UInt32(truncatingIfNeeded: hash)
    var position = Int(tag) & mask
    while true {
      let slot = slots[position]
      if UInt32(truncatingIfNeeded: slot) == tag {
        if slot == Self.empty { return EntryNode.none }
        let node = Int32(truncatingIfNeeded: slot >> 32)
        if matches(node) { return node }
      } else if slot == Self.empty {
        return EntryNode.none
      }
      position = (position &+ 1) & mask
    }
  }

  /// Adds a node that is not in the table.
  mutating func insert(_ node: Int32, hash: UInt64) {
    if (count + 1) * 8 > (mask + 1) * 7 { grow() }
    place(UInt64(UInt32(bitPattern: node)) << 32 | (hash & 0xFFFF_FFFF))
    count += 1
  }

  /// Takes out a node that is in the table.
  mutating func remove(_ node: Int32, hash: UInt64) {
    let wanted = UInt64(UInt32(bitPattern: node)) << 32 | (hash & 0xFFFF_FFFF)
    var hole = home(of: wanted)
    while slots[hole] != wanted {
      precondition(slots[hole] != Self.empty, "a node is missing from its table")
      hole = (hole + 1) & mask
    }
    var probe = hole
    while true {
      probe = (probe + 1) & mask
      let slot = slots[probe]
      if slot == Self.empty { break }
      // A slot may move back into the hole unless its home lies between the two.
      if (probe - home(of: slot)) & mask >= (probe - hole) & mask {
        slots[hole] = slot
        hole = probe
      }
    }
    slots[hole] = Self.empty
    count -= 1
  }

  @inline(__always)
  private func home(of slot: UInt64) -> Int { Int(slot & 0xFFFF_FFFF) & mask }

  @inline(__always)
  private func place(_ slot: UInt64) {
    var position = home(of: slot)
    while slots[position] != Self.empty { position = (position + 1) & mask }
    slots[position] = slot
  }

  private mutating func grow() {
    let old = slots
    let oldCount = mask + 1
    slots = Self.allocate(oldCount * 2)
    mask = oldCount * 2 - 1
    for position in 0..<oldCount where old[position] != Self.empty { place(old[position]) }
    old.deallocate()
  }

  private static func allocate(_ count: Int) -> UnsafeMutablePointer<UInt64> {
    let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
    slots.initialize(repeating: empty, count: count)
    return slots
  }
}

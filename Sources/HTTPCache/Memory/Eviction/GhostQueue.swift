//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Remembers the hashes of what was evicted last, up to a number.
///
/// A ring of 32-bit fingerprints in the order of eviction, and an open-addressed table of positions in the ring.
struct GhostQueue: ~Copyable {
  private var ring: UnsafeMutablePointer<UInt32>
  private var table: UnsafeMutablePointer<UInt32>
  private var ringMask: UInt32
  /// Positions count up for ever; the ring holds those from `oldest` up to, not including, `end`.
  private var oldest: UInt32 = 0
  private var end: UInt32 = 0

  init() {
    ringMask = 63
    ring = .allocate(capacity: 64)
    ring.initialize(repeating: 0, count: 64)
    table = .allocate(capacity: 128)
    table.initialize(repeating: UInt32.max, count: 128)
  }

  deinit {
    ring.deallocate()
    table.deallocate()
  }

  var byteCount: Int { (Int(ringMask) + 1) * 3 * MemoryLayout<UInt32>.stride }

  /// Remembers `hash`, and forgets the oldest beyond `limit`.
  mutating func insert(_ hash: UInt64, limit: Int32) {
    while end &- oldest >= UInt32(max(limit, 1)) { forgetOldest() }
    if end &- oldest > ringMask { grow() }
    let fingerprint = Self.fingerprint(hash)
    ring[Int(end & ringMask)] = fingerprint
    place(end & ringMask, fingerprint: fingerprint)
    end &+= 1
  }

  /// Whether `hash` is remembered; if so it is forgotten.
  mutating func remove(_ hash: UInt64) -> Bool {
    let fingerprint = Self.fingerprint(hash)
    var slot = fingerprint & tableMask
    while table[Int(slot)] != .max {
      let position = table[Int(slot)]
      if ring[Int(position)] == fingerprint {
        clear(slot)
        ring[Int(position)] = 0  // the place in the ring runs empty until it is the oldest
        return true
      }
      slot = (slot + 1) & tableMask
    }
    return false
  }

  private var tableMask: UInt32 { ringMask * 2 + 1 }

  /// Never zero, which marks an empty place in the ring.
  private static func fingerprint(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash >> 32) | 1 << 31 }

  private mutating func forgetOldest() {
    let position = oldest & ringMask
    oldest &+= 1
    let fingerprint = ring[Int(position)]
    guard fingerprint != 0 else { return }
    var slot = fingerprint & tableMask
    while table[Int(slot)] != position { slot = (slot + 1) & tableMask }
    clear(slot)
  }

  private func place(_ position: UInt32, fingerprint: UInt32) {
    var slot = fingerprint & tableMask
    while table[Int(slot)] != .max { slot = (slot + 1) & tableMask }
    table[Int(slot)] = position
  }

  /// Empties a slot of the table and moves back what probed past it.
  private func clear(_ slot: UInt32) {
    var hole = slot
    var probe = slot
    while true {
      probe = (probe + 1) & tableMask
      let position = table[Int(probe)]
      if position == .max { break }
      let home = ring[Int(position)] & tableMask
      if (probe &- home) & tableMask >= (probe &- hole) & tableMask {
        table[Int(hole)] = position
        hole = probe
      }
    }
    table[Int(hole)] = .max
  }

  private mutating func grow() {
    let oldRing = ring
    let oldMask = ringMask
    ringMask = oldMask * 2 + 1
    ring = .allocate(capacity: Int(ringMask) + 1)
    ring.initialize(repeating: 0, count: Int(ringMask) + 1)
    table.deallocate()
    table = .allocate(capacity: Int(tableMask) + 1)
    table.initialize(repeating: .max, count: Int(tableMask) + 1)
    var position = oldest
    while position != end {
      let fingerprint = oldRing[Int(position & oldMask)]
      ring[Int(position & ringMask)] = fingerprint
      if fingerprint != 0 { place(position & ringMask, fingerprint: fingerprint) }
      position &+= 1
    }
    oldRing.deallocate()
  }
}

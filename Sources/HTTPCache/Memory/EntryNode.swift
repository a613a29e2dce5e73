//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What a shard knows of one entry: 48 octets of raw memory, so that finding and ordering entries touches few objects.
///
/// To an eviction policy, which owns the fields from `previous` to `queue`, a node is all there is to an entry, but for the
/// hash that some ask the slab for.
struct EntryNode {
  /// The entry, retained by the shard that holds the node; nil while the node is free.
  var entry: Unmanaged<CacheEntry>?
  /// The head as it was last sent, retained by the shard that holds the node.
  var head: Unmanaged<HeaderStorage>?
  /// When it was last used (stored, where the policy asks no more), in nanoseconds of the backend's clock.
  var lastUsed: Int64 = 0
  /// The low half of the store's last invalidation that is known not to concern the entry (`InvalidationLog`); the whole is
  /// `ShardState.stamp(_:)`.
  var shortStamp: UInt32 = 0
  /// From when on the entry's `EntryTimes.reclaimAt` is worth a look, in `EntryNode.ticks`.
  private var expectedTick: Int32 = 0
  private var shortWeight: UInt32 = 0
  /// The neighbour towards the younger end of the queue, or `EntryNode.none`.
  var previous = EntryNode.none
  /// The neighbour towards the older end of the queue, or the next free node, or `EntryNode.none`.
  var next = EntryNode.none
  /// How often it was used, as far as the policy wants to know; the policy's to read and write.
  var uses: UInt8 = 0
  /// Which of its policy's queues the node is in; zero while it is free.
  var queue: UInt8 = 0
  /// The memory of the entry's objects when it was stored, in multiples of 16 bytes.
  private var objectSize: UInt8 = 0
  /// Stands for the second in which a head was made for the entry last; zero for none, `recentVariantsMark` for another use.
  private var headSecond: UInt8 = 0

  /// The memory of the entry's objects when it was stored, in bytes; up to 4,080.
  var objectByteCount: Int {
    get { Int(objectSize) << 4 }
    set { objectSize = UInt8(clamping: newValue >> 4) }
  }

  /// Notes that a head has been made that is right from `moment` on, in nanoseconds.
  ///
  /// - Returns: Whether one had been made for that second before. (128 seconds are told apart: one in so many first heads
  ///   is taken for a second one.)
  mutating func noteHead(from moment: Int64) -> Bool {
    let second = UInt8(truncatingIfNeeded: moment >> Self.tickShift) | 0x80
    defer { headSecond = second }
    return headSecond == second
  }

  /// Whether variants of late are kept with the entry, which lists variants and therefore never has a head.
  var hasRecentVariants: Bool {
    get { headSecond == Self.recentVariantsMark }
    set { headSecond = newValue ? Self.recentVariantsMark : 0 }
  }

  /// No second is noted as this, see ``noteHead(from:)``.
  private static let recentVariantsMark: UInt8 = 1

  /// `CacheEntry.weight` at the time of storing, in bytes; at most `maximumWeight`.
  var weight: Int {
    @inline(__always) get { Int(shortWeight) }
    @inline(__always) set { shortWeight = UInt32(newValue) }
  }

  /// Whether the entry's time may have come: no more than a second too early, and never too late.
  @inline(__always)
  func mayBeExpired(at now: Int64) -> Bool { Int64(expectedTick) <= Self.tick(now) }

  /// `EntryTimes.reclaimAt`, in nanoseconds of the backend's clock.
  var reclaimAt: Int64 {
    // Only asked of nodes that a policy or the table has, and those hold an entry.
    @inline(__always) get { Self.reclaimAt(of: entry!) }
  }

  /// By what is passed on, not by the node, let alone the shard, which the compiler would copy.
  @inline(never)
  private static func reclaimAt(of entry: Unmanaged<CacheEntry>) -> Int64 {
    entry._withUnsafeGuaranteedRef { $0.reclaimAt.nanoseconds }
  }

  /// A moment before which the entry's time has not come, and after which it may have.
  var expectedExpiry: Int64 { expectedTick == .min ? .min : Int64(expectedTick) << Self.tickShift }

  /// Sets what the two above are about, in nanoseconds of the backend's clock.
  mutating func expectExpiry(at moment: Int64) {
    expectedTick = Int32(min(Self.tick(moment), Int64(Int32.max)))
  }

  /// A tick is a little more than a second: their number in 32 bits is enough for 73 years.
  private static let tickShift: Int64 = 30

  @inline(__always)
  private static func tick(_ moment: Int64) -> Int64 { max(moment >> tickShift, Int64(Int32.min)) }

  /// The memory that the tables take for an entry at least, in bytes: a node, and a slot of a table that is as full as it gets.
  static let byteCount = MemoryLayout<EntryNode>.stride + 9

  /// The index of no node.
  static let none: Int32 = -1
  /// The most that one entry may weigh.
  static let maximumWeight = Int(UInt32.max)
}

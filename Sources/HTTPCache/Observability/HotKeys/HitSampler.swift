//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Chooses the hits that are counted for hot keys: all while there are few in a minute, and one in sixteen of many.
///
/// A cell for each shard, written to only by the owner of the shard's lock: no atomic read-modify-write, and no cache line
/// that threads share which they do not share anyway. The gaps between the chosen are random, so that requests that alternate
/// are not all chosen or all left out.
struct HitSampler: @unchecked Sendable {
  // @unchecked: each cell is only reached under the lock of its shard; the memory is freed by the owner of this.
  private struct Cell {
    /// How many hits there are to come until one is chosen, which is counted as well.
    var remaining: Int64 = 1
    /// For how many hits the next one chosen stands.
    var weight: UInt64 = 1
    /// How many hits there were in the minute, about.
    var count: UInt64 = 0
    /// When the minute is over, in nanoseconds.
    var end = Int64.min
    var noise: UInt64
  }

  /// A cache line.
  private static let spacing = 64
  /// How many hits of all shards are counted in each minute before some are left out.
  private static let exactCount: UInt64 = 512
  private static let maximumWeight: UInt64 = 16
  private let cells: UnsafeMutableRawPointer
  /// How many of one shard.
  private let exactCount: UInt64

  init(shardCount: Int) {
    exactCount = max(Self.exactCount / UInt64(shardCount), 1)
    cells = .allocate(byteCount: shardCount * Self.spacing, alignment: Self.spacing)
    for index in 0..<shardCount {
      (cells + index * Self.spacing).initializeMemory(
        as: Cell.self, to: Cell(noise: UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15))
    }
  }

  /// Frees the memory. Nobody else may be using it.
  func destroy() { cells.deallocate() }

  /// Whether this hit is chosen. The caller holds the lock of the shard, and calls `next(shard:at:)` if so.
  @inline(__always)
  func takes(shard: Int) -> Bool {
    let cell = cell(shard)
    cell.pointee.remaining &-= 1
    return cell.pointee.remaining == 0
  }

  /// Plans which hit is chosen next. The caller holds the lock of the shard.
  ///
  /// - Returns: For how many hits the one just chosen stands.
  @inline(__always)
  func next(shard: Int, at now: Int64) -> UInt64 {
    let cell = cell(shard)
    let weight = cell.pointee.weight
    if now >= cell.pointee.end {
      cell.pointee.end = (now / HotKeyTable.minute + 1) * HotKeyTable.minute
      cell.pointee.count = 0
      cell.pointee.weight = 1
    }
    cell.pointee.count &+= weight
    // Doubled as the count doubles.
    if cell.pointee.weight < Self.maximumWeight, cell.pointee.count >= exactCount &* cell.pointee.weight {
      cell.pointee.weight &*= 2
    }
    var noise = cell.pointee.noise
    noise ^= noise << 13
    noise ^= noise >> 7
    noise ^= noise << 17
    cell.pointee.noise = noise
    // Between 1 and 2 × weight - 1: the weight on average.
    cell.pointee.remaining = Int64(bitPattern: 1 &+ ((noise >> 32) &* (2 &* cell.pointee.weight &- 1)) >> 32)
    return weight
  }

  @inline(__always)
  private func cell(_ shard: Int) -> UnsafeMutablePointer<Cell> {
    (cells + shard &* Self.spacing).assumingMemoryBound(to: Cell.self)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Counts the hits of one cache in a store of shards, without an atomic read-modify-write: each shard has a cell, which is
/// written to only by who holds the shard's lock.
struct HitCounts: @unchecked Sendable {
  // @unchecked: the memory holds nothing but atomics, and is freed by the CacheCounters that made this.
  private let cells: UnsafeMutablePointer<Atomic<Int>>
  private let count: Int

  /// How many words each cell takes: a cache line.
  private static let spacing = 8

  init(shardCount: Int) {
    count = shardCount * Self.spacing
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<Atomic<Int>>.stride, alignment: Self.spacing * MemoryLayout<Atomic<Int>>.stride)
    cells = memory.bindMemory(to: Atomic<Int>.self, capacity: count)
    for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
  }

  /// Frees the memory. Nobody else may be using it.
  func destroy() {
    cells.deinitialize(count: count)
    UnsafeMutableRawPointer(cells).deallocate()
  }

  /// Counts a hit. The caller holds the lock of the shard.
  @inline(__always)
  func add(shard: Int) {
    let cell = cells + (shard &* Self.spacing)
    cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
  }

  var total: Int {
    stride(from: 0, to: count, by: Self.spacing).reduce(0) { $0 &+ cells[$1].load(ordering: .relaxed) }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// Counts the hits of one cache in a store of shards, without an atomic read-modify-write: each shard has cells of its own,
/// which are written to only by who holds the shard's lock.
struct HitCounts: @unchecked Sendable {
  // @unchecked: the memory holds nothing but atomics, and is freed by the CacheCounters that made this.
  private let cells: UnsafeMutablePointer<Atomic<Int>>
  private let count: Int
  /// The words of one shard: whole cache lines.
  private let stride: Int

  /// The words of one policy.
  enum Word: Int {
    case count, byteCount
    /// The microseconds for which the origin was spared.
    case saved
  }
  /// The fourth is free: so a policy is found by shifting, and lies in one cache line.
  private static let policyWidth = 4
  private static let lineWidth = 8

  init(shardCount: Int, policyCount: Int) {
    stride = (policyCount * Self.policyWidth + Self.lineWidth - 1) & -Self.lineWidth
    count = shardCount * stride
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: count * MemoryLayout<Atomic<Int>>.stride,
      alignment: Self.lineWidth * MemoryLayout<Atomic<Int>>.stride)
    cells = memory.bindMemory(to: Atomic<Int>.self, capacity: count)
    for index in 0..<count { (cells + index).initialize(to: Atomic(0)) }
  }

  /// Frees the memory. Nobody else may be using it.
  func destroy() {
    cells.deinitialize(count: count)
    UnsafeMutableRawPointer(cells).deallocate()
  }

  /// Counts a hit. The caller holds the lock of the shard.
  ///
  /// - Parameters:
  ///   - policy: The number of the request's policy.
  ///   - cost: The microseconds for which the origin was spared.
  @inline(__always)
  func add(shard: Int, policy: Int, byteCount: Int, cost: UInt32) {
    let cell = cells + (shard &* stride &+ policy &* Self.policyWidth)
    Self.add(1, to: cell)
    Self.add(byteCount, to: cell + 1)
    Self.add(Int(cost), to: cell + 2)
  }

  @inline(__always)
  private static func add(_ number: Int, to cell: UnsafeMutablePointer<Atomic<Int>>) {
    cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ number, ordering: .relaxed)
  }

  func total(_ word: Word, policy: Int) -> Int {
    Swift.stride(from: policy * Self.policyWidth + word.rawValue, to: count, by: stride)
      .reduce(0) { $0 &+ cells[$1].load(ordering: .relaxed) }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// The shards of a backend, in one allocation that is not an object, so that reaching a shard counts no references.
///
///     [ totals | ranks: one word per shard | shard 0: lock, state | shard 1: lock, state | … ]
///
/// Each part begins on cache lines of its own, so that two threads which work on different shards share none.
struct ShardArray: @unchecked Sendable {
  // @unchecked: a shard's state is only reached through a ShardLock, everything else here is atomic or never changes.

  /// Sums over all shards.
  struct Totals: ~Copyable {
    /// What the entries weigh together, in bytes.
    let weight = Atomic<Int>(0)
    /// How many entries there are.
    let count = Atomic<Int>(0)
    /// How many entries have been refused for their size.
    let refusals = Atomic<Int>(0)
  }

  let totals: UnsafeMutablePointer<Totals>
  /// For each shard a bound of its `rank`, see `InMemoryBackend.evict(sparing:)`.
  let ranks: UnsafeMutablePointer<Atomic<Int64>>
  private let first: UnsafeMutableRawPointer
  let count: Int

  /// Two lines, because processors fetch lines in pairs.
  private static let alignment = 128
  private static let stateOffset =
    (MemoryLayout<ShardLock>.size + MemoryLayout<ShardState>.alignment - 1) & -MemoryLayout<ShardState>.alignment
  private static let stride = (stateOffset + MemoryLayout<ShardState>.size + alignment - 1) & -alignment

  /// - Parameter count: A power of two.
  init(count: Int, policy: EvictionPolicy.Kind) {
    precondition(count > 0 && count & (count - 1) == 0, "the number of shards must be a power of two")
    self.count = count
    let ranksSize = (count * MemoryLayout<Atomic<Int64>>.stride + Self.alignment - 1) & -Self.alignment
    let memory = UnsafeMutableRawPointer.allocate(
      byteCount: Self.alignment + ranksSize + count * Self.stride, alignment: Self.alignment)
    totals = memory.bindMemory(to: Totals.self, capacity: 1)
    totals.initialize(to: Totals())
    ranks = (memory + Self.alignment).bindMemory(to: Atomic<Int64>.self, capacity: count)
    first = memory + Self.alignment + ranksSize
    for index in 0..<count {
      (ranks + index).initialize(to: Atomic(.max))
      access(index).initialize(to: ShardLock())
      state(index).initialize(to: ShardState(policy: policy))
    }
  }

  /// Frees the memory. Nobody else may be using it; the entries must have been taken out.
  func destroy() {
    for index in 0..<count {
      state(index).deinitialize(count: 1)
      access(index).deinitialize(count: 1)
      (ranks + index).deinitialize(count: 1)
    }
    totals.deinitialize(count: 1)
    UnsafeMutableRawPointer(totals).deallocate()
  }

  /// The shard of a digest.
  @inline(__always)
  func index(of digest: KeyDigest) -> Int { Int(truncatingIfNeeded: digest.high) & (count &- 1) }

  /// Locks a shard. The caller unlocks it.
  @inline(__always)
  func lock(_ index: Int) -> UnsafeMutablePointer<ShardState> {
    access(index).pointee.lock()
    return state(index)
  }

  @inline(__always)
  func unlock(_ index: Int) { access(index).pointee.unlock() }

  /// The bytes allocated for the shards themselves.
  var byteCount: Int { UnsafeRawPointer(first) - UnsafeRawPointer(totals) + count * Self.stride }

  @inline(__always)
  private func access(_ index: Int) -> UnsafeMutablePointer<ShardLock> {
    (first + index &* Self.stride).assumingMemoryBound(to: ShardLock.self)
  }

  @inline(__always)
  private func state(_ index: Int) -> UnsafeMutablePointer<ShardState> {
    (first + (index &* Self.stride &+ Self.stateOffset)).assumingMemoryBound(to: ShardState.self)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CCompilerBarrier
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// The lock of a shard: one atomic operation to take it, a plain store to give it back.
///
/// A mutex takes a second atomic operation to give it back, because it must learn whether somebody sleeps who is to be
/// woken; the two together cost as much as all that a hit does under the lock. Here nobody is woken. A shard is locked for
/// some tens of nanoseconds, by code that waits for nothing but, seldom and briefly, the log of invalidations: who finds it
/// locked looks again for a while, then lets other threads have the processor, and when that is not enough (the owner has
/// had its own taken away) sleeps, longer each time and never long. So a wait ends soon after the lock is free, and burns no
/// time that the owner could use. There is no order among those who wait.
struct ShardLock: ~Copyable {
  private let isTaken = Atomic(false)

  /// How often one looks before one yields: for about as long as a shard is usually locked.
  private static let lookCount = 100
  /// How often one yields before one sleeps.
  private static let yieldCount = 20
  /// How long one sleeps, in nanoseconds: twice as long each time, up to a third of a millisecond.
  private static let shortestSleep = 10_000
  private static let sleepDoublings = 5

  /// Waits until the lock is free, and takes it.
  @inline(__always)
  func lock() {
    if isTaken.exchange(true, ordering: .acquiring) { wait() }
  }

  /// Gives the lock back. Only for who has it.
  @inline(__always)
  func unlock() {
    // What is retained under the lock must have been when the lock is free: see the barrier's own words.
    http_cache_compiler_barrier()
    isTaken.store(false, ordering: .releasing)
  }

  @inline(never)
  private func wait() {
    var attempt = 0
    // Looking does not take the cache line away from the owner; trying would.
    while isTaken.load(ordering: .relaxed) || isTaken.exchange(true, ordering: .acquiring) {
      attempt += 1
      if attempt <= Self.lookCount { continue }
      if attempt <= Self.lookCount + Self.yieldCount {
        sched_yield()
      } else {
        let doublings = min(attempt - Self.lookCount - Self.yieldCount - 1, Self.sleepDoublings)
        var duration = timespec(tv_sec: 0, tv_nsec: Self.shortestSleep << doublings)
        nanosleep(&duration, nil)
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Whole pages from the operating system, for large bodies. They go back to it, or to the next large body, with the object.
///
/// An allocator puts small blocks where a large one has been, so that the next large one does not fit: with bodies of 64 KiB
/// that come and go, a process had half as much memory again as was in use, with bodies of 8 MiB 1.4 times as much
/// (2026-11-30, `scripts/memory_check.sh`).
final class MappedMemory: SizedMemory {
  let memory: UnsafeMutableRawPointer
  let byteCount: Int

  /// The size from which on memory is taken from here.
  static let threshold = 32 << 10
  /// How many mappings there may be, spare ones included: Linux permits 65,530 in a process, and others need some too.
  private static let maximumCount = 32_768
  /// How many bytes are kept for the next: asking the system for pages takes longer than filling them.
  private static let maximumSpareByteCount = 2 << 20
  private static let pageSize = Int(getpagesize())

  /// Pages that are not in use at the moment.
  private struct Spare {
    let memory: UnsafeMutableRawPointer
    let byteCount: Int
  }

  private struct Pool {
    /// The oldest first.
    var spare: [Spare] = []
    var spareByteCount = 0
    /// How many mappings there are, those in use included.
    var count = 0
  }

  private static let pool = Locked(Pool())

  /// Memory of `capacity` bytes or a little more; nil when there are too many mappings or the system refuses.
  init?(capacity: Int) {
    let needed = (capacity + Self.pageSize - 1) & ~(Self.pageSize - 1)
    let (spare, isPermitted) = Self.pool.withLock { pool -> (Spare?, Bool) in
      let fitting = pool.spare.lastIndex { $0.byteCount >= needed && $0.byteCount <= needed + needed / 16 }
      if let fitting {
        pool.spareByteCount -= pool.spare[fitting].byteCount
        return (pool.spare.remove(at: fitting), true)
      }
      guard pool.count < Self.maximumCount else { return (nil, false) }
      pool.count += 1
      return (nil, true)
    }
    if let spare {
      memory = spare.memory
      byteCount = spare.byteCount
      return
    }
    guard isPermitted else { return nil }
    let flags = MAP_PRIVATE | MAP_ANON
    guard let mapped = mmap(nil, needed, PROT_READ | PROT_WRITE, flags, -1, 0), Int(bitPattern: mapped) != -1 else {
      Self.pool.withLock { $0.count -= 1 }
      return nil
    }
    memory = mapped
    byteCount = needed
  }

  deinit {
    let (memory, byteCount) = (memory, byteCount)
    let isKept = Self.pool.withLock { pool in
      guard pool.spareByteCount + byteCount <= Self.maximumSpareByteCount else {
        pool.count -= 1
        return false
      }
      pool.spare.append(Spare(memory: memory, byteCount: byteCount))
      pool.spareByteCount += byteCount
      return true
    }
    if isKept { return }
    munmap(memory, byteCount)
    Self.dropOldest()
  }

  /// Gives the oldest spare pages back, so that the pool does not fill up with sizes that nobody asks for any more.
  private static func dropOldest() {
    let oldest = pool.withLock { pool -> Spare? in
      guard !pool.spare.isEmpty else { return nil }
      pool.count -= 1
      let oldest = pool.spare.removeFirst()
      pool.spareByteCount -= oldest.byteCount
      return oldest
    }
    if let oldest { munmap(oldest.memory, oldest.byteCount) }
  }
}

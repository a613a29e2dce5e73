//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import Synchronization

/// Remembers which keys had large values, so that they are read where nobody waits behind them.
///
/// A table that forgets: a key in the place of another displaces it, and one that is taken for another merely travels on
/// the other connection.
final class LargeKeyMemory: Sendable {
  private static let size = 4096
  private let table: Table
  private let isUsed = Atomic<Bool>(false)

  /// Atomics in one piece of memory.
  private final class Table: @unchecked Sendable {
    // @unchecked: the memory is allocated and freed here, and otherwise only reached through its atomics.
    let marks: UnsafeMutablePointer<Atomic<UInt32>>

    init(count: Int) {
      marks = .allocate(capacity: count)
      for index in 0..<count { (marks + index).initialize(to: Atomic(0)) }
    }

    deinit {
      marks.deinitialize(count: LargeKeyMemory.size)
      marks.deallocate()
    }
  }

  init() { table = Table(count: Self.size) }

  /// Whether there has been a large value at all.
  var isInUse: Bool { isUsed.load(ordering: .relaxed) }

  func contains(_ key: RedisCommand.Argument) -> Bool {
    guard isInUse else { return false }
    let (place, mark) = Self.locate(key)
    return table.marks[place].load(ordering: .relaxed) == mark
  }

  /// - Parameter isLarge: Whether its value was large when it was last seen.
  func note(_ key: RedisCommand.Argument, isLarge: Bool) {
    guard isLarge || isInUse else { return }
    isUsed.store(true, ordering: .relaxed)
    let (place, mark) = Self.locate(key)
    if isLarge {
      table.marks[place].store(mark, ordering: .relaxed)
    } else if table.marks[place].load(ordering: .relaxed) == mark {
      table.marks[place].store(0, ordering: .relaxed)
    }
  }

  /// FNV-1a, and the place and the mark out of different bits of it.
  private static func locate(_ key: RedisCommand.Argument) -> (place: Int, mark: UInt32) {
    key.withUnsafeBytes { bytes in
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for octet in bytes { hash = (hash ^ UInt64(octet)) &* 0x100_0000_01B3 }
      return (Int(hash % UInt64(size)), UInt32(truncatingIfNeeded: hash >> 32) | 1)
    }
  }
}

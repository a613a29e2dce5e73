//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// For each of a fixed number of groups of tags, the last invalidation of any of them: tells most entries that none of
/// their tags has been invalidated, without a lock.
final class TagFilter: @unchecked Sendable {
  // @unchecked: the memory is allocated once, holds nothing but atomics, and is freed in deinit.
  private static let slotCount = 4096

  private let slots: UnsafeMutablePointer<Atomic<UInt64>>

  init() {
    slots = .allocate(capacity: Self.slotCount)
    for index in 0..<Self.slotCount { (slots + index).initialize(to: Atomic(0)) }
  }

  deinit {
    slots.deinitialize(count: Self.slotCount)
    slots.deallocate()
  }

  private func slot(_ tag: String) -> Int {
    Int(truncatingIfNeeded: KeyDigest().appending(tag).low) & (Self.slotCount - 1)
  }

  /// Notes an invalidation. Whoever has seen its number published afterwards finds it here.
  func note(_ tag: String, _ number: UInt64) { slots[slot(tag)].store(number, ordering: .relaxed) }

  /// Whether certainly none of `tags` has been invalidated since `stamp`.
  func isUntouched(_ tags: CacheTags?, since stamp: UInt64) -> Bool {
    guard let tags else { return true }
    for tag in tags.names where slots[slot(tag)].load(ordering: .relaxed) > stamp { return false }
    return true
  }
}

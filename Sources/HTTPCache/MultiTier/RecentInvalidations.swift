//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The last invalidations, for tiers that cannot tell what they mean for a response. Bounded: whoever asks for more than are
/// kept is told that everything may have been invalidated.
///
/// Pure.
struct RecentInvalidations {
  private struct Item {
    let invalidation: CacheInvalidation
    let moment: CacheInstant
  }

  /// The last of them, in their order.
  private var items = RingQueue<Item>()
  /// How many there have been.
  private(set) var count: UInt64 = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func append(_ invalidation: CacheInvalidation, at now: CacheInstant) {
    items.append(Item(invalidation: invalidation, moment: now))
    if items.count > limit { _ = items.popFirst() }
    count += 1
  }

  /// The meaning of those after the first `count` for an entry.
  func verdict(on entry: CacheEntry, since count: UInt64) -> InvalidationVerdict {
    let missed = self.count - count
    guard missed <= UInt64(items.count) else { return .void }
    let tags = entry.tags?.names ?? []
    var verdict = InvalidationVerdict.valid
    for position in items.count - Int(missed)..<items.count {
      let item = items[position]
      guard item.invalidation.concerns(key: entry.key, tags: tags) else { continue }
      verdict = verdict.merged(with: item.invalidation.mode == .hard ? .void : .stale(since: item.moment))
    }
    return verdict
  }
}

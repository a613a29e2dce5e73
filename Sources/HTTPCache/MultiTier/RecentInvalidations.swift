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

  /// The one with number n is at n modulo the limit.
  private var items: [Item] = []
  /// How many there have been.
  private(set) var count: UInt64 = 0
  private let limit: Int

  init(limit: Int) { self.limit = limit }

  mutating func append(_ invalidation: CacheInvalidation, at now: CacheInstant) {
    let item = Item(invalidation: invalidation, moment: now)
    if items.count < limit { items.append(item) } else { items[Int(count % UInt64(limit))] = item }
    count += 1
  }

  /// What those after the first `count` mean for an entry.
  func verdict(on entry: CacheEntry, since count: UInt64) -> InvalidationVerdict {
    guard self.count - count <= UInt64(items.count) else { return .void }
    let tags = entry.tags?.names ?? []
    var verdict = InvalidationVerdict.valid
    for number in count..<self.count {
      let item = items[Int(number % UInt64(limit))]
      guard item.invalidation.concerns(key: entry.key, tags: tags) else { continue }
      verdict = verdict.merged(with: item.invalidation.mode == .hard ? .void : .stale(since: item.moment))
    }
    return verdict
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// The entries whose refresh has failed lately, by key, for stores that make an entry anew at each lookup.
///
/// Bounded: beyond the bound the oldest rests end early, so that a client who makes many refreshes fail cannot fill the
/// memory.
final class RefreshRests: Sendable {
  private struct Rest {
    let begin: CacheInstant
    let end: CacheInstant
  }

  private let rests: Locked<BoundedMap<KeyDigest, Rest>>
  /// Whether there are none, so that asking costs one load as long as the origin does not fail.
  private let isEmpty = Atomic(true)

  init(limit: Int = 16_384) { rests = Locked(BoundedMap(maximumCount: limit)) }

  /// The number of rests that are remembered.
  var count: Int { rests.withLock { $0.count } }

  /// Begins a rest for what is stored under the key of `entry`.
  func begin(for entry: CacheEntry, at now: CacheInstant, until end: CacheInstant) {
    guard now < end else { return }
    rests.withLock { rests in
      rests.removeFirst { $0.value.end <= now }
      rests.append(Rest(begin: now, end: end), for: entry.digest)
      isEmpty.store(false, ordering: .releasing)
    }
  }

  /// Whether no refresh of `entry` is due. An entry that has been received since the rest began has none.
  func isResting(_ entry: CacheEntry, at now: CacheInstant) -> Bool { restEnd(of: entry, at: now) != nil }

  /// When the rest of `entry` ends; nil when it has none.
  func restEnd(of entry: CacheEntry, at now: CacheInstant) -> CacheInstant? {
    guard !isEmpty.load(ordering: .acquiring) else { return nil }
    return rests.withLock { rests in
      guard let rest = rests[entry.digest] else { return nil }
      if now < rest.end { return entry.times.receivedAt <= rest.begin ? rest.end : nil }
      rests.remove(entry.digest)
      if rests.isEmpty { isEmpty.store(true, ordering: .releasing) }
      return nil
    }
  }
}

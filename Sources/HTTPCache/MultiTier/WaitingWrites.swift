//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The entries that are to be written to the far tier: the newest for each key, the oldest first, one write per key at a time.
/// Bounded by number and weight; beyond that the oldest are given up.
///
/// Pure: the owner writes.
struct WaitingWrites {
  struct Write {
    var entry: CacheEntry
    /// The far tier's stamp from before the handler was asked.
    var stamp: InvalidationStamp
    /// When the entry was made. The far tier has not been asked about it since.
    var since: CacheInstant
    /// Whether nothing invalidated is ever found here: then lookups may be answered with it.
    var isServable: Bool
    /// Whether other nodes are to be told once it is written.
    var isAnnounced = false
    var attempts = 0

    /// The entry, if lookups may be answered with it: for so long after it was made, or as long as it waits.
    func servable(at now: CacheInstant, for limit: Duration?) -> CacheEntry? {
      guard isServable, now < entry.times.reclaimAt else { return nil }
      if let limit, now.duration(since: since) >= limit { return nil }
      return entry
    }
  }

  /// In the order in which they are to be written.
  private var waiting: BoundedMap<CacheKey, Write>
  private var running: [CacheKey: Write] = [:]
  /// What has been invalidated lately, so that what comes to wait only afterwards is judged by it too.
  private(set) var invalidations = RecentInvalidations(limit: 64)

  init(maximumCount: Int, maximumWeight: Int) {
    waiting = BoundedMap(maximumCount: maximumCount, maximumWeight: maximumWeight)
  }

  /// How many wait.
  var count: Int { waiting.count }
  /// What those that wait weigh together.
  var weight: Int { waiting.weight }
  /// For how many there is memory.
  var capacity: Int { waiting.capacity + running.capacity }
  /// How many are being written.
  var runningCount: Int { running.count }
  var isEmpty: Bool { waiting.isEmpty && running.isEmpty }
  /// Whether a write can be begun.
  var isDue: Bool { nextKey != nil }

  /// What is to be written, or being written, under `key`.
  func latest(_ key: CacheKey) -> Write? { waiting[key] ?? running[key] }

  /// Adds a write, in place of one for the same key that has not begun.
  ///
  /// - Returns: The writes that there is no more room for.
  mutating func add(_ write: Write) -> [Write] {
    var write = write
    let key = write.entry.key
    if let previous = waiting[key], previous.isAnnounced { write.isAnnounced = true }
    return waiting.append(write, for: key, weight: write.entry.weight).map(\.value)
  }

  /// Begins the write for `key`, unless there is none or one is running.
  mutating func begin(_ key: CacheKey) -> Write? {
    guard running[key] == nil, let write = waiting.remove(key)?.value else { return nil }
    running[key] = write
    return write
  }

  /// The key of the oldest write whose key has none running.
  private var nextKey: CacheKey? { waiting.first { running[$0.key] == nil }?.key }

  /// Begins the oldest write whose key has none running.
  mutating func beginOldest() -> Write? { nextKey.flatMap { begin($0) } }

  /// A write is over.
  mutating func finish(_ key: CacheKey) { running[key] = nil }

  /// A write has failed; it is tried again, unless a newer one has taken its place or it has been tried often enough.
  ///
  /// - Returns: Whether it waits again, or a newer one does.
  mutating func retry(_ key: CacheKey, maximumAttempts: Int) -> Bool {
    guard var write = running.removeValue(forKey: key), waiting[key] == nil else { return true }
    write.attempts += 1
    guard write.attempts < maximumAttempts else { return false }
    // At the head of the line, so that the order stays what it was. If there is no more room it is the oldest, and goes.
    return waiting.prepend(write, for: key, weight: write.entry.weight).isEmpty
  }

  /// Takes out, or makes stale, what an invalidation concerns. What is being written is left to the far tier, which gets the
  /// stamp from before.
  mutating func apply(_ invalidation: CacheInvalidation, at now: CacheInstant) {
    invalidations.append(invalidation, at: now)
    func concerns(_ write: Write) -> Bool {
      invalidation.concerns(key: write.entry.key, tags: write.entry.tags?.names ?? [])
    }
    if invalidation.mode == .hard {
      waiting.removeAll { concerns($0.value) }
    } else {
      for element in waiting where concerns(element.value) {
        waiting[element.key]?.entry = element.value.entry.with(times: element.value.entry.times.stale(since: now))
      }
    }
    for (key, write) in running where concerns(write) {
      if invalidation.mode == .hard {
        running[key]?.isServable = false
      } else {
        running[key]?.entry = write.entry.with(times: write.entry.times.stale(since: now))
      }
    }
  }
}

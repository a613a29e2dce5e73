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
    /// Whether nothing invalidated is ever found here: then lookups may be answered with it.
    var isServable: Bool
    /// Whether other nodes are to be told once it is written.
    var isAnnounced = false
    var attempts = 0
    var number: UInt64 = 0

    /// What lookups may be answered with.
    func servable(at now: CacheInstant) -> CacheEntry? { isServable && now < entry.times.reclaimAt ? entry : nil }
  }

  private var waiting: [CacheKey: Write] = [:]
  private var running: [CacheKey: Write] = [:]
  /// In ascending order; may hold numbers that have been superseded since.
  private var order: [(key: CacheKey, number: UInt64)] = []
  private var oldest = 0
  private var nextNumber: UInt64 = 0
  private(set) var weight = 0
  /// What has been invalidated lately, so that what comes to wait only afterwards is judged by it too.
  private(set) var invalidations = RecentInvalidations(limit: 64)
  private let maximumCount: Int
  private let maximumWeight: Int

  init(maximumCount: Int, maximumWeight: Int) {
    self.maximumCount = maximumCount
    self.maximumWeight = maximumWeight
  }

  /// How many wait.
  var count: Int { waiting.count }
  /// How many are being written.
  var runningCount: Int { running.count }
  var isEmpty: Bool { waiting.isEmpty && running.isEmpty }
  /// Whether a write can be begun.
  var isDue: Bool { waiting.keys.contains { running[$0] == nil } }

  /// What is to be written, or being written, under `key`.
  func latest(_ key: CacheKey) -> Write? { waiting[key] ?? running[key] }

  /// Adds a write, in place of one for the same key that has not begun.
  ///
  /// - Returns: What there is no more room for.
  mutating func add(_ write: Write) -> [Write] {
    nextNumber += 1
    var write = write
    write.number = nextNumber
    let key = write.entry.key
    if let previous = take(key), previous.isAnnounced { write.isAnnounced = true }
    waiting[key] = write
    weight += write.entry.weight
    order.append((key, nextNumber))
    var dropped: [Write] = []
    while waiting.count > maximumCount || weight > maximumWeight, let write = popOldest() { dropped.append(write) }
    if oldest > 1024, oldest > order.count / 2 {
      order.removeFirst(oldest)
      oldest = 0
    }
    return dropped
  }

  private mutating func popOldest() -> Write? {
    while oldest < order.count {
      let (key, number) = order[oldest]
      oldest += 1
      if let write = waiting[key], write.number == number { return take(key) }
    }
    return nil
  }

  private mutating func take(_ key: CacheKey) -> Write? {
    guard let write = waiting.removeValue(forKey: key) else { return nil }
    weight -= write.entry.weight
    return write
  }

  /// Begins the write for `key`, unless there is none or one is running.
  mutating func begin(_ key: CacheKey) -> Write? {
    guard running[key] == nil, let write = take(key) else { return nil }
    running[key] = write
    return write
  }

  /// Begins the oldest write whose key has none running.
  mutating func beginOldest() -> Write? {
    var index = oldest
    while index < order.count {
      let (key, number) = order[index]
      if let write = waiting[key], write.number == number {
        if let write = begin(key) { return write }
      } else if index == oldest {
        oldest += 1
      }
      index += 1
    }
    return nil
  }

  /// A write is over.
  mutating func finish(_ key: CacheKey) { running[key] = nil }

  /// A write has failed; it is tried again, unless a newer one has taken its place or it has been tried often enough.
  ///
  /// - Returns: Whether it waits again.
  mutating func retry(_ key: CacheKey, maximumAttempts: Int) -> Bool {
    guard var write = running.removeValue(forKey: key), waiting[key] == nil else { return true }
    write.attempts += 1
    guard write.attempts < maximumAttempts else { return false }
    // At the head of the line, so that the order stays what it was.
    waiting[key] = write
    weight += write.entry.weight
    if oldest > 0 {
      oldest -= 1
      order[oldest] = (key, write.number)
    } else {
      order.insert((key, write.number), at: 0)
    }
    return true
  }

  /// Takes out, or makes stale, what an invalidation concerns. What is being written is left to the far tier, which gets the
  /// stamp from before.
  mutating func apply(_ invalidation: CacheInvalidation, at now: CacheInstant) {
    invalidations.append(invalidation, at: now)
    func concerns(_ write: Write) -> Bool {
      InvalidationRules.concerns(
        invalidation.target, key: write.entry.key, tags: write.entry.tags?.names ?? [])
    }
    for (key, write) in waiting where concerns(write) {
      if invalidation.mode == .hard {
        _ = take(key)
      } else {
        waiting[key]?.entry = write.entry.with(times: write.entry.times.stale(since: now))
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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The invalidations that a store is being told, or has yet to be told because that failed, in their order. Pure.
///
/// Until a store has been told, nothing that it returns and that one of these concerns may be used. Bounded: when too many
/// wait, or too many bytes, everything is to be invalidated in their place.
package struct PendingInvalidations<Moment: Comparable & Hashable & Sendable>: Sendable {
  /// An invalidation that a store has not confirmed.
  package struct Item: Sendable {
    package let number: UInt64
    /// The moment at which the invalidation was made.
    package var moment: Moment
    package var invalidation: CacheInvalidation
  }

  /// The invalidations that are being tried for the first time.
  private var running: [UInt64: Item] = [:]
  /// The invalidations that have failed and are to be tried again.
  private var waiting: BoundedMap<UInt64, Item>
  /// The number of the invalidation that waits, by its target.
  private var numbers: [InvalidationSubject: UInt64] = [:]
  /// The numbers of the invalidations that concern each key and tag.
  private var subjects: [InvalidationSubject: Set<UInt64>] = [:]
  /// The targets of the others.
  private var broad: [UInt64: InvalidationTarget] = [:]
  private var nextNumber: UInt64 = 0

  /// No invalidations.
  ///
  /// - Parameters:
  ///   - limit: How many may wait.
  ///   - byteLimit: How many bytes they may take.
  package init(limit: Int, byteLimit: Int = 1 << 20) {
    waiting = BoundedMap(maximumCount: limit, maximumWeight: byteLimit)
  }

  package var isEmpty: Bool { running.isEmpty && waiting.isEmpty }
  package var count: Int { running.count + waiting.count }
  /// How many wait because they have failed.
  package var waitingCount: Int { waiting.count }
  /// The invalidation that is due.
  package var first: Item? { waiting.first?.value }
  /// The invalidations that wait, the oldest first, at most so many.
  package func due(limit: Int) -> [Item] { waiting.prefix(limit).map(\.value) }

  /// Adds an invalidation that is going to be tried at once.
  package mutating func begin(_ invalidation: CacheInvalidation, at now: Moment) -> Item {
    let item = make(invalidation, at: now)
    running[item.number] = item
    return item
  }

  private mutating func make(_ invalidation: CacheInvalidation, at now: Moment) -> Item {
    nextNumber += 1
    let item = Item(number: nextNumber, moment: now, invalidation: invalidation)
    enter(item)
    return item
  }

  /// Notes that an invalidation has failed and waits. Of two for the same target one is enough: the later, as thorough as the
  /// more thorough, and as old as the older.
  ///
  /// - Returns: Whether there are too many, so that everything is to be invalidated in their place.
  package mutating func failed(_ number: UInt64) -> Bool {
    guard var item = running.removeValue(forKey: number) else { return false }
    let target = InvalidationTarget(item.invalidation.target)
    if case .everything = target, item.invalidation.mode == .hard {
      // The others are part of it.
      removeWaiting()
    } else if let identity = target.identity, let previous = numbers[identity], let other = take(previous) {
      if other.invalidation.mode == .hard { item.invalidation.mode = .hard }
      item.moment = min(item.moment, other.moment)
    }
    guard wait(item, target) else { return false }
    let oldest = min(waiting.first?.value.moment ?? item.moment, item.moment)
    removeWaiting()
    leave(item)
    let all = make(CacheInvalidation(.everything), at: oldest)
    _ = wait(all, .everything)
    return true
  }

  /// - Returns: Whether there is no room for all.
  private mutating func wait(_ item: Item, _ target: InvalidationTarget) -> Bool {
    if let identity = target.identity { numbers[identity] = item.number }
    let gone = waiting.append(item, for: item.number, weight: item.invalidation.byteCount)
    for element in gone where element.key != item.number { leave(element.value) }
    return !gone.isEmpty
  }

  private mutating func removeWaiting() {
    for element in waiting { leave(element.value) }
    waiting.removeAll()
    numbers.removeAll()
  }

  private mutating func take(_ number: UInt64) -> Item? {
    guard let item = waiting.remove(number)?.value else { return nil }
    leave(item)
    if let identity = InvalidationTarget(item.invalidation.target).identity, numbers[identity] == number {
      numbers[identity] = nil
    }
    return item
  }

  /// Removes an invalidation that the store has been told of.
  package mutating func remove(_ number: UInt64) {
    if let item = running.removeValue(forKey: number) { leave(item) } else { _ = take(number) }
  }

  // MARK: Asking

  /// Whether one of the invalidations concerns an entry.
  package func concerns(_ entry: CacheEntry) -> Bool {
    var candidate = InvalidationCandidate(entry)
    return verdict(&candidate) != .valid
  }

  /// Returns the meaning of the invalidations for an entry, as if the store had been told of all.
  ///
  /// - Complexity: O(tags, invalidations that concern the entry, and those that are neither by key nor by a tag).
  package func verdict(_ candidate: inout InvalidationCandidate) -> TimedInvalidationVerdict<Moment> {
    var verdict = TimedInvalidationVerdict<Moment>.valid
    if !subjects.isEmpty {
      for subject in candidate.keys { merge(subjects[subject], into: &verdict) }
      for subject in candidate.tags where verdict != .void { merge(subjects[subject], into: &verdict) }
    }
    for (number, target) in broad where verdict != .void && target.concerns(&candidate) {
      merge([number], into: &verdict)
    }
    return verdict
  }

  private func merge(_ numbers: Set<UInt64>?, into verdict: inout TimedInvalidationVerdict<Moment>) {
    for number in numbers ?? [] where verdict != .void {
      guard let item = running[number] ?? waiting[number] else { continue }
      verdict = verdict.merged(with: item.invalidation.mode == .hard ? .void : .stale(since: item.moment))
    }
  }

  private mutating func enter(_ item: Item) {
    switch InvalidationTarget(item.invalidation.target) {
    case .key(let key): subjects[key, default: []].insert(item.number)
    case .anyTag(let tags): for tag in tags { subjects[tag, default: []].insert(item.number) }
    case let target: broad[item.number] = target
    }
  }

  private mutating func leave(_ item: Item) {
    func leave(_ subject: InvalidationSubject) {
      subjects[subject]?.remove(item.number)
      if subjects[subject]?.isEmpty == true { subjects[subject] = nil }
    }
    switch InvalidationTarget(item.invalidation.target) {
    case .key(let key): leave(key)
    case .anyTag(let tags): for tag in tags { leave(tag) }
    default: broad[item.number] = nil
    }
  }
}

extension PendingInvalidations.Item where Moment == CacheInstant {
  /// The invalidation as a store is to be told now.
  ///
  /// The windows after a soft invalidation begin when a store is told. One that is told more than a second late, which is as
  /// exact as windows are, is told that the entries are gone: otherwise they would be used for longer than was said.
  package func due(at now: CacheInstant) -> CacheInvalidation {
    now.duration(since: moment) > .seconds(1) ? CacheInvalidation(invalidation.target) : invalidation
  }
}

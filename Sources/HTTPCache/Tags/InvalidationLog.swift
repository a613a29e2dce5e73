//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Synchronization

/// The invalidations of a store that lives in this process, so that a lookup can tell in one comparison that nothing has
/// been invalidated since, and otherwise what.
///
/// A backend that keeps entries in memory holds one of these:
///
///  - ``stamp`` before the handler is asked, and stored with the entry;
///  - ``isCurrent(_:)`` at every lookup, one load and one comparison;
///  - ``verdict(key:tags:since:)`` when that says no;
///  - ``record(_:at:)`` when something is invalidated.
///
/// Memory is bounded: beyond ``limit`` tags (and as many keys) the oldest are forgotten, and with them everything that was
/// asked for before.
public final class InvalidationLog: Sendable {
  /// How many tags are remembered, and how many keys.
  public static let limit = 65_536

  private struct State {
    // What both stored entries and those on their way are compared with.
    var tags: InvalidationMarks<String>
    var softKeys: InvalidationMarks<CacheKey>
    /// Everything there is, softly. One subject only.
    var everything = InvalidationMarks<Int>(limit: 1)
    /// Several tags at once.
    var tagRules = InvalidationRules()
    /// The last hard invalidation of everything: nothing older is valid, whatever else is known of it.
    var floor: UInt64 = 0
    // What a store that acts on it at once need compare only with entries on their way.
    var hardKeys: InvalidationMarks<CacheKey>
    /// Path prefixes and predicates.
    var fillRules = InvalidationRules()
  }

  private let counter = Atomic<UInt64>(0)
  /// The last invalidation that may concern stored entries whatever their tags are.
  private let lastBroad = Atomic<UInt64>(0)
  private let filter = TagFilter()
  private let state: Locked<State>

  /// A log without invalidations.
  public convenience init() { self.init(limit: Self.limit) }

  init(limit: Int) {
    state = Locked(
      State(
        tags: InvalidationMarks(limit: limit), softKeys: InvalidationMarks(limit: limit),
        hardKeys: InvalidationMarks(limit: limit)))
  }

  /// The number of the last invalidation.
  @inline(__always)
  var current: UInt64 { counter.load(ordering: .acquiring) }

  /// The stamp for a response that is asked for now.
  public var stamp: InvalidationStamp { InvalidationStamp(current) }

  /// Whether nothing at all has been invalidated since `stamp`.
  public func isCurrent(_ stamp: InvalidationStamp) -> Bool { stamp.number >= current }

  /// How many tags and keys are remembered.
  public var markCount: Int {
    state.withLock { $0.tags.count + $0.softKeys.count + $0.hardKeys.count + $0.everything.count }
  }

  /// Notes an invalidation.
  ///
  /// - Returns: Its number.
  @discardableResult
  public func record(_ invalidation: CacheInvalidation, at now: CacheInstant) -> UInt64 {
    state.withLock { state in
      let number = counter.load(ordering: .relaxed) + 1
      // Published last: whoever sees the number finds what it stands for.
      defer { counter.store(number, ordering: .releasing) }
      let mode = invalidation.mode
      let rule = InvalidationRules.Rule(number: number, moment: now, invalidation: invalidation)
      var isBroad = true
      switch invalidation.target {
      case .key(let key):
        if mode == .hard {
          state.hardKeys.append(key, mode, number, at: now)
          isBroad = false
        } else {
          state.softKeys.append(key, mode, number, at: now)
        }
      case .anyTag(let tags):
        isBroad = note(tags, mode, number, now, &state.tags)
      case .allTags(let tags) where tags.count == 1:
        isBroad = note(tags, mode, number, now, &state.tags)
      case .everything:
        if mode == .hard {
          state = State(
            tags: state.tags.emptied(), softKeys: state.softKeys.emptied(), hardKeys: state.hardKeys.emptied())
          state.floor = number
        } else {
          state.everything.append(0, mode, number, at: now)
        }
      case .allTags: state.tagRules.append(rule)
      case .pathPrefix, .matching:
        state.fillRules.append(rule)
        isBroad = false
      }
      if isBroad { lastBroad.store(number, ordering: .relaxed) }
      return number
    }
  }

  /// - Returns: Whether older ones had to be forgotten for it, so that entries are concerned whatever their tags are.
  private func note(
    _ tags: [String], _ mode: CacheInvalidation.Mode, _ number: UInt64, _ now: CacheInstant,
    _ marks: inout InvalidationMarks<String>
  ) -> Bool {
    let floor = marks.floor
    for tag in tags {
      marks.append(tag, mode, number, at: now)
      filter.note(tag, number)
    }
    return marks.floor > floor
  }

  /// What the invalidations since `stamp` mean for a response, stored or on its way.
  public func verdict(key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp) -> InvalidationVerdict {
    isCurrent(stamp) ? .valid : detailedVerdict(key: key, tags: tags, since: stamp.number)
  }

  func detailedVerdict(key: CacheKey, tags: CacheTags?, since stamp: UInt64) -> InvalidationVerdict {
    // A predicate is its owner's code, which may take its time, or ask this very store: it is called without the lock.
    let (verdict, rules) = state.withLock { state -> (InvalidationVerdict, InvalidationRules?) in
      var verdict = Self.storedVerdict(key, tags, stamp, state)
      if stamp < state.hardKeys.floor { verdict = .void }
      if !state.hardKeys.isEmpty { Self.merge(state.hardKeys, key, stamp, into: &verdict) }
      return (verdict, state.fillRules.isCurrent(stamp) ? nil : state.fillRules)
    }
    guard verdict != .void, let rules else { return verdict }
    return verdict.merged(with: rules.verdict(key: key, tags: tags?.names ?? [], since: stamp))
  }

  /// What the invalidations since `stamp` mean for an entry of a store that itself takes out (or makes stale) what a key, a
  /// path prefix or a predicate stands for, before the invalidation returns, and does the same to what is stored while it
  /// is at it. For such an entry those need not be remembered: however many there are, it is not forgotten for them.
  func storedVerdict(key: CacheKey, tags: CacheTags?, since stamp: UInt64) -> InvalidationVerdict {
    if lastBroad.load(ordering: .relaxed) <= stamp, filter.isUntouched(tags, since: stamp) { return .valid }
    return state.withLock { Self.storedVerdict(key, tags, stamp, $0) }
  }

  private static func storedVerdict(
    _ key: CacheKey, _ tags: CacheTags?, _ stamp: UInt64, _ state: State
  ) -> InvalidationVerdict {
    guard stamp >= state.floor, stamp >= state.tags.floor, stamp >= state.softKeys.floor,
      stamp >= state.everything.floor
    else { return .void }
    var verdict = state.everything.verdict(0, since: stamp)
    if !state.softKeys.isEmpty { merge(state.softKeys, key, stamp, into: &verdict) }
    let names = tags?.names ?? []
    for name in names where verdict != .void { verdict = verdict.merged(with: state.tags.verdict(name, since: stamp)) }
    guard verdict != .void else { return .void }
    return verdict.merged(with: state.tagRules.verdict(key: key, tags: names, since: stamp))
  }

  /// A variant is invalidated by its own key and by its resource's.
  private static func merge(
    _ marks: InvalidationMarks<CacheKey>, _ key: CacheKey, _ stamp: UInt64, into verdict: inout InvalidationVerdict
  ) {
    verdict = verdict.merged(with: marks.verdict(key, since: stamp))
    let primary = key.primary
    if primary != key { verdict = verdict.merged(with: marks.verdict(primary, since: stamp)) }
  }

  /// Forgets the invalidations up to a number, when all that is stored is known to be valid up to it. A response that was
  /// asked for before is then void, as if they had concerned it: call this for numbers from long ago.
  func forget(through number: UInt64) {
    state.withLock { state in
      state.tags.removeAll(through: number)
      state.softKeys.removeAll(through: number)
      state.hardKeys.removeAll(through: number)
      state.everything.removeAll(through: number)
      state.tagRules.removeAll(through: number)
      state.fillRules.removeAll(through: number)
    }
  }
}

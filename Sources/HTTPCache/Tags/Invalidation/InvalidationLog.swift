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
    /// The invalidations that both stored entries and those on their way are compared with.
    var stored: InvalidationTable<CacheInstant>
    /// Hard ones of keys, path prefixes and predicates: a store that acts on them at once need compare them only with entries
    /// on their way.
    var fills: InvalidationTable<CacheInstant>
  }

  private let counter = Atomic<UInt64>(0)
  /// The last invalidation that may concern stored entries whatever their tags are.
  private let lastBroad = Atomic<UInt64>(0)
  private let filter = TagFilter()
  private let state: Locked<State>

  /// A log without invalidations.
  public convenience init() { self.init(limit: Self.limit) }

  /// A log that goes on where another has ended, for a store that keeps its entries over a restart.
  ///
  /// Invalidations are numbered from `number + 1` on. The log does not know those up to `number`: a response whose stamp is
  /// lower counts as invalidated. So a store that takes out what is invalidated before an invalidation returns gives the
  /// entries that it finds at its start the stamp `number`. One that only compares stamps at lookups keeps its
  /// invalidations too: it begins with the number before the oldest of them, and records them again in their order.
  ///
  /// - Parameter number: A number that no stamp given before is above. A store keeps its own, or an upper bound.
  public convenience init(startingAt number: UInt64) { self.init(limit: Self.limit, startingAt: number) }

  init(limit: Int, startingAt number: UInt64 = 0) {
    state = Locked(
      State(
        stored: InvalidationTable(limit: limit, floor: number), fills: InvalidationTable(limit: limit, floor: number)))
    counter.store(number, ordering: .relaxed)
    // What is stamped with less is looked at closely, whatever its tags are.
    lastBroad.store(number, ordering: .relaxed)
  }

  /// The number of the last invalidation.
  @inline(__always)
  var current: UInt64 { counter.load(ordering: .acquiring) }

  /// The stamp for a response that is asked for now.
  public var stamp: InvalidationStamp { InvalidationStamp(current) }

  /// Whether nothing at all has been invalidated since `stamp`.
  public func isCurrent(_ stamp: InvalidationStamp) -> Bool { stamp.number >= current }

  /// How many tags and keys are remembered.
  public var markCount: Int { state.withLock { $0.stored.count + $0.fills.count } }

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
      let target = InvalidationTarget(invalidation.target)
      let floor = state.stored.floor
      switch target {
      case .pathPrefix, .matching:
        state.fills.append(target, mode, number, at: now)
        return number
      case .key where mode == .hard:
        state.fills.append(target, mode, number, at: now)
        return number
      case .everything where mode == .hard: state.fills.append(target, mode, number, at: now)
      case .key, .anyTag, .allTags, .everything: break
      }
      state.stored.append(target, mode, number, at: now)
      if case .anyTag = target {
        for tag in invalidation.tags { filter.note(tag, number) }
        // Where older ones had to be forgotten for it, entries are concerned whatever their tags are.
        if state.stored.floor == floor { return number }
      }
      lastBroad.store(number, ordering: .relaxed)
      return number
    }
  }

  /// What the invalidations since `stamp` mean for a response, stored or on its way.
  public func verdict(key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp) -> InvalidationVerdict {
    isCurrent(stamp) ? .valid : detailedVerdict(key: key, tags: tags, since: stamp.number)
  }

  func detailedVerdict(key: CacheKey, tags: CacheTags?, since stamp: UInt64) -> InvalidationVerdict {
    var candidate = InvalidationCandidate(key: key, tags: tags?.names ?? [])
    // A predicate is its owner's code, which may take its time, or ask this very store: it is called without the lock.
    let (verdict, rules) = state.withLock { state in
      let verdict = state.stored.verdict(&candidate, since: stamp)
        .merged(with: state.fills.markVerdict(&candidate, since: stamp))
      return (verdict, state.fills.rules.isCurrent(stamp) ? nil : state.fills.rules)
    }
    guard verdict != .void, let rules else { return verdict }
    return verdict.merged(with: rules.verdict(&candidate, since: stamp))
  }

  /// What the invalidations since `stamp` mean for an entry of a store that itself takes out (or makes stale) what a key, a
  /// path prefix or a predicate stands for, before the invalidation returns, and does the same to what is stored while it
  /// is at it. For such an entry those need not be remembered: however many there are, it is not forgotten for them.
  func storedVerdict(key: CacheKey, tags: CacheTags?, since stamp: UInt64) -> InvalidationVerdict {
    if lastBroad.load(ordering: .relaxed) <= stamp, filter.isUntouched(tags, since: stamp) { return .valid }
    var candidate = InvalidationCandidate(key: key, tags: tags?.names ?? [])
    return state.withLock { $0.stored.verdict(&candidate, since: stamp) }
  }

  /// Forgets the invalidations up to a number, when all that is stored is known to be valid up to it. A response that was
  /// asked for before is then void, as if they had concerned it: call this for numbers from long ago.
  func forget(through number: UInt64) {
    state.withLock { state in
      state.stored.removeAll(through: number)
      state.fills.removeAll(through: number)
    }
  }
}

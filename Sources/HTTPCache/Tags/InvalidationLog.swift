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
/// Memory is bounded: beyond ``limit`` tags and keys the oldest are forgotten, and with them everything that was asked for
/// before.
public final class InvalidationLog: Sendable {
  /// How many tags and keys are remembered.
  public static let limit = 65_536

  /// The last invalidations of one tag or key.
  private struct Mark {
    /// The last hard one; zero for none.
    var hard: UInt64 = 0
    /// The soft ones since, the first of them first.
    var soft: [(number: UInt64, moment: CacheInstant)] = []

    var last: UInt64 { soft.last?.number ?? hard }

    mutating func append(_ number: UInt64, _ moment: CacheInstant) {
      soft.append((number, moment))
      guard soft.count > 4 else { return }
      // Two become one that concerns what either did, since the earlier: rather too strict than too lenient.
      soft[1].moment = soft[0].moment
      soft.remove(at: 0)
    }
  }

  private enum Subject: Hashable {
    case tag(String)
    case key(CacheKey)
    case everything
  }

  private struct State {
    var marks: [Subject: Mark] = [:]
    /// In ascending order of their numbers; may hold subjects that have been invalidated again since.
    var order: [(subject: Subject, number: UInt64)] = []
    var oldest = 0
    /// What was asked for before this may have been invalidated by what is forgotten.
    var floor: UInt64 = 0
    var rules = InvalidationRules()
  }

  private let counter = Atomic<UInt64>(0)
  private let state = Locked(State())

  /// A log without invalidations.
  public init() {}

  /// The number of the last invalidation.
  @inline(__always)
  var current: UInt64 { counter.load(ordering: .acquiring) }

  /// The stamp for a response that is asked for now.
  public var stamp: InvalidationStamp { InvalidationStamp(current) }

  /// Whether nothing at all has been invalidated since `stamp`.
  public func isCurrent(_ stamp: InvalidationStamp) -> Bool { stamp.number >= current }

  /// Notes an invalidation.
  ///
  /// - Returns: Its number.
  @discardableResult
  public func record(_ invalidation: CacheInvalidation, at now: CacheInstant) -> UInt64 {
    state.withLock { state in
      let number = counter.load(ordering: .relaxed) + 1
      // Published last: whoever sees the number finds what it stands for.
      defer { counter.store(number, ordering: .releasing) }
      switch invalidation.target {
      case .key(let key): Self.mark(.key(key), invalidation.mode, number, now, &state)
      case .anyTag(let tags): for tag in tags { Self.mark(.tag(tag), invalidation.mode, number, now, &state) }
      case .allTags(let tags) where tags.count == 1:
        Self.mark(.tag(tags[0]), invalidation.mode, number, now, &state)
      case .everything:
        if invalidation.mode == .hard {
          // Nothing older can be valid, whatever else is known of it.
          state = State()
          state.floor = number
        } else {
          Self.mark(.everything, .soft, number, now, &state)
        }
      case .allTags, .pathPrefix, .matching:
        state.rules.append(InvalidationRules.Rule(number: number, moment: now, invalidation: invalidation))
      }
      return number
    }
  }

  /// What the invalidations since `stamp` mean for an entry.
  public func verdict(key: CacheKey, tags: CacheTags?, since stamp: InvalidationStamp) -> InvalidationVerdict {
    isCurrent(stamp) ? .valid : detailedVerdict(key: key, tags: tags, since: stamp.number)
  }

  func detailedVerdict(key: CacheKey, tags: CacheTags?, since stamp: UInt64) -> InvalidationVerdict {
    state.withLock { state in
      if stamp < state.floor { return .void }
      var earliest: CacheInstant?
      func isVoid(_ subject: Subject) -> Bool {
        guard let mark = state.marks[subject], mark.last > stamp else { return false }
        if mark.hard > stamp { return true }
        if let soft = mark.soft.first(where: { $0.number > stamp }) {
          earliest = Swift.min(earliest ?? .distantFuture, soft.moment)
        }
        return false
      }
      let primary = key.primary
      if isVoid(.everything) || isVoid(.key(key)) || (primary != key && isVoid(.key(primary))) { return .void }
      let names = tags?.names ?? []
      for name in names where isVoid(.tag(name)) { return .void }
      switch state.rules.verdict(key: key, tags: names, since: stamp) {
      case .void: return .void
      case .stale(let since): earliest = Swift.min(earliest ?? .distantFuture, since)
      case .valid: break
      }
      return earliest.map { .stale(since: $0) } ?? .valid
    }
  }

  /// How many tags and keys are remembered.
  public var markCount: Int { state.withLock { $0.marks.count } }

  private static func mark(
    _ subject: Subject, _ mode: CacheInvalidation.Mode, _ number: UInt64, _ now: CacheInstant, _ state: inout State
  ) {
    var mark = state.marks[subject] ?? Mark()
    switch mode {
    case .hard:
      mark = Mark(hard: number)
    case .soft:
      mark.append(number, now)
    }
    state.marks[subject] = mark
    state.order.append((subject, number))
    while state.marks.count > limit || state.order.count - state.oldest > 4 * limit {
      let (oldest, number) = state.order[state.oldest]
      state.oldest += 1
      if let mark = state.marks[oldest], mark.last == number {
        state.marks[oldest] = nil
        state.floor = number
      }
    }
    if state.oldest > limit {
      state.order.removeFirst(state.oldest)
      state.oldest = 0
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The invalidations of a store, in the order of their numbers, in a form that can be asked for their meaning. Pure, the same
/// for every store.
///
/// Bounded: beyond the limits the oldest are forgotten, and whatever was asked for before what is forgotten counts as void.
package struct InvalidationTable<Moment: Comparable & Hashable & Sendable>: Sendable {
  private var keys: InvalidationMarks<Moment>
  private var tags: InvalidationMarks<Moment>
  private var everything = InvalidationMark<Moment>()
  /// Several tags at once, path prefixes and predicates.
  package private(set) var rules = InvalidationRules<Moment>()
  private var ownFloor: UInt64 = 0

  /// No invalidations.
  ///
  /// - Parameters:
  ///   - limit: How many tags are remembered, and how many keys.
  ///   - floor: Whatever was asked for before this number is void.
  package init(limit: Int, floor: UInt64 = 0) {
    keys = InvalidationMarks(limit: limit)
    tags = InvalidationMarks(limit: limit)
    ownFloor = floor
  }

  /// How many tags and keys are remembered.
  package var count: Int { keys.count + tags.count + (everything.last == 0 ? 0 : 1) }

  /// Whatever was asked for before this number is void.
  package var floor: UInt64 { max(max(ownFloor, rules.floor), max(keys.floor, tags.floor)) }

  /// Notes an invalidation. Its number is higher than those before it.
  package mutating func append(
    _ target: InvalidationTarget, _ mode: CacheInvalidation.Mode, _ number: UInt64, at moment: Moment
  ) {
    switch target {
    case .key(let key): keys.append(key, mode, number, at: moment)
    case .anyTag(let subjects): for tag in subjects { tags.append(tag, mode, number, at: moment) }
    case .everything where mode == .soft: everything.add(number, .soft, at: moment)
    case .everything:
      // Nothing older can be valid, whatever else is known of it.
      ownFloor = number
      keys.reset()
      tags.reset()
      everything = InvalidationMark()
      rules = InvalidationRules()
    case .allTags, .pathPrefix, .matching:
      rules.append(InvalidationRules.Rule(number: number, moment: moment, mode: mode, target: target))
    }
  }

  /// Forgets the invalidations up to this number. Whatever was asked for before the last of them is void from now on.
  package mutating func removeAll(through number: UInt64) {
    keys.removeAll(through: number)
    tags.removeAll(through: number)
    rules.removeAll(through: number)
    if everything.last <= number {
      ownFloor = max(ownFloor, everything.last)
      everything = InvalidationMark()
    }
  }

  /// Returns the meaning of the invalidations since `stamp` for an entry.
  package func verdict(
    _ candidate: inout InvalidationCandidate, since stamp: UInt64
  ) -> TimedInvalidationVerdict<Moment> {
    let verdict = markVerdict(&candidate, since: stamp)
    return verdict == .void || rules.isCurrent(stamp)
      ? verdict : verdict.merged(with: rules.verdict(&candidate, since: stamp))
  }

  /// The same apart from the rules.
  package func markVerdict(
    _ candidate: inout InvalidationCandidate, since stamp: UInt64
  ) -> TimedInvalidationVerdict<Moment> {
    guard stamp >= ownFloor, stamp >= keys.floor, stamp >= tags.floor else { return .void }
    var verdict = everything.verdict(since: stamp)
    if !keys.isEmpty { verdict = verdict.merged(with: keys.verdict(candidate.keys, since: stamp)) }
    if !tags.isEmpty { verdict = verdict.merged(with: tags.verdict(candidate.tags, since: stamp)) }
    return verdict
  }
}

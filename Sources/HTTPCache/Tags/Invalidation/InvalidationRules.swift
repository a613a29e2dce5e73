//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The invalidations that are no single tag's or key's: several tags at once, path prefixes, predicates. In the order of
/// their numbers, at least the last ``limit`` of them. Pure.
///
/// Rules that have been pushed out by newer ones are not forgotten but widened: whatever was asked for before the newest of
/// those is void.
package struct InvalidationRules<Moment: Comparable & Hashable & Sendable>: Sendable {
  /// How many are kept at least; never as many as twice that.
  package static var limit: Int { 256 }

  /// One invalidation.
  package struct Rule: Sendable {
    /// The place in the order of the store's invalidations.
    package var number: UInt64
    /// The moment of the invalidation.
    package var moment: Moment
    package var mode: CacheInvalidation.Mode
    package var target: InvalidationTarget

    package init(number: UInt64, moment: Moment, mode: CacheInvalidation.Mode, target: InvalidationTarget) {
      self.number = number
      self.moment = moment
      self.mode = mode
      self.target = target
    }
  }

  /// The rules, the oldest first.
  package private(set) var rules: [Rule] = []
  /// The number of the last rule that is forgotten: whatever was asked for before is void.
  package private(set) var floor: UInt64 = 0

  /// No rules.
  ///
  /// - Parameter floor: Whatever was asked for before this number is void.
  package init(floor: UInt64 = 0) { self.floor = floor }

  /// Adds a rule. Rules come in the order of their numbers, or nearly.
  ///
  /// - Complexity: O(1), amortised over ``limit``, and O(rules with a higher number).
  package mutating func append(_ rule: Rule) {
    // What it would void is void already.
    guard rule.number > floor else { return }
    var place = rules.count
    while place > 0, rules[place - 1].number > rule.number { place -= 1 }
    rules.insert(rule, at: place)
    guard rules.count >= 2 * Self.limit else { return }
    removeFirst(rules.count - Self.limit)
  }

  /// Forgets the rules up to this number. Whatever was asked for before the last of them is void from now on.
  package mutating func removeAll(through number: UInt64) {
    removeFirst(rules.prefix { $0.number <= number }.count)
  }

  private mutating func removeFirst(_ count: Int) {
    guard count > 0 else { return }
    floor = rules[count - 1].number
    rules.removeFirst(count)
  }

  /// Whether no rule is newer than `stamp`, and none is forgotten that might be.
  package func isCurrent(_ stamp: UInt64) -> Bool { stamp >= floor && rules.last?.number ?? 0 <= stamp }

  /// Returns the meaning of the rules since `stamp` for an entry.
  ///
  /// - Complexity: O(rules since `stamp`).
  package func verdict(
    _ candidate: inout InvalidationCandidate, since stamp: UInt64
  ) -> TimedInvalidationVerdict<Moment> {
    if stamp < floor { return .void }
    var verdict = TimedInvalidationVerdict<Moment>.valid
    for rule in rules.reversed() {
      guard rule.number > stamp else { break }
      guard rule.target.concerns(&candidate) else { continue }
      if rule.mode == .hard { return .void }
      verdict = verdict.merged(with: .stale(since: rule.moment))
    }
    return verdict
  }
}

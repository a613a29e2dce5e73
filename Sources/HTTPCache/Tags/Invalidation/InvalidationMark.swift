//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The last invalidations of one subject: the number of the last hard one, and numbers and moments of the soft ones since.
///
/// Invalidations may be added in any order.
package struct InvalidationMark<Moment: Comparable & Hashable & Sendable>: Hashable, Sendable {
  /// A soft invalidation.
  package struct Soft: Hashable, Sendable {
    package let number: UInt64
    package let moment: Moment

    package init(number: UInt64, moment: Moment) {
      self.number = number
      self.moment = moment
    }
  }

  /// The number of the last hard invalidation; zero for none.
  package private(set) var hard: UInt64
  /// The soft invalidations since, in ascending order of their numbers.
  package private(set) var soft: [Soft] = []

  /// How many soft invalidations are told apart.
  package static var softLimit: Int { 4 }

  /// A mark of one hard invalidation, or of none.
  package init(hard: UInt64 = 0) { self.hard = hard }

  /// The highest number in the mark.
  package var last: UInt64 { soft.last?.number ?? hard }

  /// Adds an invalidation.
  package mutating func add(_ number: UInt64, _ mode: CacheInvalidation.Mode, at moment: Moment) {
    guard number > hard else { return }
    switch mode {
    case .hard:
      hard = number
      if !soft.isEmpty { soft.removeAll { $0.number <= number } }
    case .soft:
      let place = soft.lastIndex { $0.number <= number }
      if let place, soft[place].number == number { return }
      soft.insert(Soft(number: number, moment: moment), at: place.map { $0 + 1 } ?? 0)
      guard soft.count > Self.softLimit else { return }
      // Two become one that concerns what either did, since the earlier: rather too strict than too lenient.
      soft[1] = Soft(number: soft[1].number, moment: min(soft[0].moment, soft[1].moment))
      soft.remove(at: 0)
    }
  }

  /// Returns the meaning of the invalidations for something that was asked for when `stamp` was the last number.
  package func verdict(since stamp: UInt64) -> TimedInvalidationVerdict<Moment> {
    if hard > stamp { return .void }
    var verdict = TimedInvalidationVerdict<Moment>.valid
    for soft in soft where soft.number > stamp { verdict = verdict.merged(with: .stale(since: soft.moment)) }
    return verdict
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The last invalidations of many subjects. Pure.
///
/// Bounded: beyond the limit the oldest are forgotten, and whatever was asked for before what is forgotten counts as void.
package struct InvalidationMarks<Moment: Comparable & Hashable & Sendable>: Sendable {
  private let limit: Int
  private var marks: BoundedMap<InvalidationSubject, InvalidationMark<Moment>>
  /// The number of the last invalidation that is forgotten: whatever was asked for before may have been invalidated.
  package private(set) var floor: UInt64 = 0

  /// No marks.
  ///
  /// - Parameter limit: How many subjects are remembered.
  package init(limit: Int) {
    self.limit = limit
    marks = BoundedMap(maximumCount: limit)
  }

  /// How many subjects are remembered.
  package var count: Int { marks.count }
  /// Whether no subject is remembered.
  package var isEmpty: Bool { marks.isEmpty }

  /// Notes an invalidation. Its number is higher than those before it.
  ///
  /// - Complexity: O(1), amortised.
  package mutating func append(
    _ subject: InvalidationSubject, _ mode: CacheInvalidation.Mode, _ number: UInt64, at moment: Moment
  ) {
    var mark = marks[subject] ?? InvalidationMark()
    mark.add(number, mode, at: moment)
    for element in marks.append(mark, for: subject) { floor = max(floor, element.value.last) }
  }

  /// Forgets the invalidations up to this number. Whatever was asked for before the last of them is void from now on.
  package mutating func removeAll(through number: UInt64) {
    while let element = marks.first, element.value.last <= number {
      floor = max(floor, element.value.last)
      marks.popFirst()
    }
  }

  /// Forgets all, for when something else makes up for the marks.
  package mutating func reset() { self = Self(limit: limit) }

  /// Returns the meaning of the invalidations of `subjects` since `stamp`, apart from the floor.
  package func verdict(_ subjects: [InvalidationSubject], since stamp: UInt64) -> TimedInvalidationVerdict<Moment> {
    var verdict = TimedInvalidationVerdict<Moment>.valid
    for subject in subjects where verdict != .void {
      guard let mark = marks[subject] else { continue }
      verdict = verdict.merged(with: mark.verdict(since: stamp))
    }
    return verdict
  }
}

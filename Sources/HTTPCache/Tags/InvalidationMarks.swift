//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// When each of many subjects (tags, keys) was last invalidated, by the numbers of the invalidations. Pure.
///
/// Bounded: beyond the limit the oldest are forgotten, and whatever was asked for before what is forgotten counts as void.
struct InvalidationMarks<Subject: Hashable & Sendable>: Sendable {
  /// The last invalidations of one subject.
  private struct Mark {
    /// The last hard one; zero for none.
    var hard: UInt64 = 0
    /// The soft ones since, the first of them first.
    var soft: [(number: UInt64, moment: CacheInstant)] = []

    var last: UInt64 { soft.last?.number ?? hard }

    mutating func append(_ number: UInt64, _ moment: CacheInstant) {
      soft.append((number, moment))
      guard soft.count > InvalidationMarks.softLimit else { return }
      // Two become one that concerns what either did, since the earlier: rather too strict than too lenient.
      soft[1].moment = soft[0].moment
      soft.remove(at: 0)
    }
  }

  /// How many soft invalidations of one subject are told apart.
  private static var softLimit: Int { 4 }

  private let limit: Int
  private var marks: [Subject: Mark] = [:]
  /// In ascending order of their numbers; may hold subjects that have been invalidated again since.
  private var order: [(subject: Subject, number: UInt64)] = []
  private var oldest = 0
  /// What was asked for before this may have been invalidated by what is forgotten.
  private(set) var floor: UInt64 = 0

  /// No marks.
  ///
  /// - Parameter limit: How many subjects are remembered.
  init(limit: Int) { self.limit = limit }

  /// The same without marks, for when something else makes up for them.
  func emptied() -> Self { Self(limit: limit) }

  /// How many subjects are remembered.
  var count: Int { marks.count }
  var isEmpty: Bool { marks.isEmpty }

  /// Notes an invalidation. Its number is higher than those before it.
  ///
  /// - Complexity: O(1), amortised.
  mutating func append(_ subject: Subject, _ mode: CacheInvalidation.Mode, _ number: UInt64, at moment: CacheInstant) {
    switch mode {
    case .hard: marks[subject] = Mark(hard: number)
    case .soft: marks[subject, default: Mark()].append(number, moment)
    }
    order.append((subject, number))
    // Those that are forgotten, and those that have been superseded, leave their places.
    while marks.count > limit || order.count - oldest > 4 * limit { dropOldest() }
    if oldest > limit { compact() }
  }

  private mutating func dropOldest() {
    let (subject, number) = order[oldest]
    oldest += 1
    guard marks[subject]?.last == number else { return }
    marks[subject] = nil
    floor = number
  }

  /// Forgets the invalidations up to this number: nothing stored is older, nor anything that is on its way, or what is
  /// will not be stored.
  mutating func removeAll(through number: UInt64) {
    guard !marks.isEmpty else { return }
    while oldest < order.count, order[oldest].number <= number { dropOldest() }
    compact()
    // The memory goes too once what it was needed for has gone.
    if marks.count < marks.capacity / 8 { marks = Dictionary(uniqueKeysWithValues: marks.map { ($0.key, $0.value) }) }
  }

  private mutating func compact() {
    order = Array(order[oldest...])
    oldest = 0
  }

  /// What the invalidations of `subject` since `stamp` mean for what depends on it, apart from the floor.
  func verdict(_ subject: Subject, since stamp: UInt64) -> InvalidationVerdict {
    guard let mark = marks[subject], mark.last > stamp else { return .valid }
    if mark.hard > stamp { return .void }
    return mark.soft.first { $0.number > stamp }.map { .stale(since: $0.moment) } ?? .valid
  }
}

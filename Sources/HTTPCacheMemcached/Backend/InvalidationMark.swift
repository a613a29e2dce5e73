//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// When what a key of the server stands for (a tag, all entries) was last invalidated: the number of the last hard
/// invalidation, and the numbers and moments of the soft ones since.
///
/// Written as text, `number`, then ` number@milliseconds` for each soft one, the earliest first. Marks of several writers
/// merge in any order.
struct InvalidationMark: Hashable, Sendable {
  struct Soft: Hashable, Sendable {
    let number: UInt64
    let moment: UnixTime
  }

  /// What was asked for before this invalidation is void.
  private(set) var hard: UInt64
  private(set) var soft: [Soft] = []

  /// How many soft ones are told apart.
  static let limit = 4

  init(hard: UInt64) { self.hard = hard }

  /// The highest number in it.
  var last: UInt64 { max(hard, soft.last?.number ?? 0) }

  /// Adds an invalidation.
  mutating func add(_ number: UInt64, _ mode: CacheInvalidation.Mode, at moment: UnixTime) {
    switch mode {
    case .hard:
      hard = max(hard, number)
      soft.removeAll { $0.number <= hard }
    case .soft:
      guard number > hard, !soft.contains(where: { $0.number == number }) else { return }
      soft.insert(Soft(number: number, moment: moment), at: soft.firstIndex { $0.number > number } ?? soft.count)
      if soft.count > Self.limit {
        // Two become one that concerns what either did, since the earlier: rather too strict than too lenient.
        let moment = min(soft[0].moment, soft[1].moment)
        soft.replaceSubrange(0...1, with: [Soft(number: soft[1].number, moment: moment)])
      }
    }
  }

  /// What it means for something that was asked for when `stamp` was the last.
  func verdict(since stamp: UInt64) -> RemoteVerdict {
    if hard > stamp { return .void }
    let moments = soft.lazy.filter { $0.number > stamp }.map(\.moment)
    return moments.min().map { .stale(since: $0) } ?? .valid
  }

  var text: String { soft.reduce(String(hard)) { "\($0) \($1.number)@\($1.moment.milliseconds)" } }

  init?(_ text: some StringProtocol) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard let first = words.first, let hard = UInt64(first), words.count <= 1 + Self.limit else { return nil }
    self.hard = hard
    for word in words.dropFirst() {
      let parts = word.split(separator: "@", omittingEmptySubsequences: false)
      guard parts.count == 2, let number = UInt64(parts[0]), let moment = Int64(parts[1]), number > last else {
        return nil
      }
      soft.append(Soft(number: number, moment: UnixTime(milliseconds: moment)))
    }
  }
}

/// What invalidations mean for an entry, by the wall clock, which is what nodes have in common.
enum RemoteVerdict: Hashable, Sendable {
  case valid
  case stale(since: UnixTime)
  case void

  /// The stricter of both.
  func and(_ other: RemoteVerdict) -> RemoteVerdict {
    switch (self, other) {
    case (.void, _), (_, .void): .void
    case (.stale(let first), .stale(let second)): .stale(since: min(first, second))
    case (.stale, .valid): self
    case (.valid, _): other
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The last invalidations of what a key of the server stands for (a tag, many single keys, all entries), by the wall clock,
/// which is what nodes have in common.
///
/// Written as text, `number`, then ` number@milliseconds` for each soft one, the earliest first.
typealias MemcachedMark = InvalidationMark<UnixTime>

/// The meaning of invalidations for an entry, by the wall clock.
typealias MemcachedVerdict = TimedInvalidationVerdict<UnixTime>

extension InvalidationMark<UnixTime> {
  /// The mark as text.
  var text: String { soft.reduce(String(hard)) { "\($0) \($1.number)@\($1.moment.milliseconds)" } }

  /// Reads a mark; nil when the text is none.
  init?(_ text: some StringProtocol) {
    let words = text.split(separator: " ", omittingEmptySubsequences: false)
    guard let first = words.first, let hard = MemcachedNumber.read(first.utf8), words.count <= 1 + Self.softLimit else {
      return nil
    }
    self.init(hard: hard)
    for word in words.dropFirst() {
      let parts = word.split(separator: "@", omittingEmptySubsequences: false)
      guard parts.count == 2, let number = MemcachedNumber.read(parts[0].utf8), let moment = Int64(parts[1]),
        number > last
      else { return nil }
      add(number, .soft, at: UnixTime(milliseconds: moment))
    }
  }

  /// Whether adding an invalidation would change nothing that matters: a hard one is part of any later hard one, and a soft
  /// one of any later one that makes stale since the same second, which is as exact as windows are.
  func covers(_ number: UInt64, _ mode: CacheInvalidation.Mode, at moment: UnixTime) -> Bool {
    if hard >= number { return true }
    let limit = moment.milliseconds.addingReportingOverflow(1000)
    return mode == .soft
      && soft.contains { $0.number >= number && (limit.overflow || $0.moment.milliseconds <= limit.partialValue) }
  }
}

extension MemcachedMark {
  /// Reads a mark.
  init?(_ item: MemcachedItem?) {
    guard let item, item.value.flags == MemcachedFormat.mark, item.value.bytes.count <= 512 else { return nil }
    self.init(item.value.bytes.description)
  }
}

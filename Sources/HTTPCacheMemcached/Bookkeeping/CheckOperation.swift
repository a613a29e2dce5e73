//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Finds out what the invalidations of a host mean for an entry that is about to be stored, and begins the marks that it needs
/// and that are missing: one round trip, and one more for what is missing.
///
/// A mark that is missing voids what needs it. It is begun with the counter, which voids everything that was asked for before
/// the last invalidation, whatever that was of. Then the counter is read once more: whoever has taken a number meanwhile may
/// have entered it in the mark before that was lost; who takes one later finds the mark.
struct CheckOperation: BookkeepingOperation {
  struct Result {
    var verdict: MemcachedVerdict
    /// The counter after which all marks were there.
    var counter: UInt64
  }

  private enum Phase {
    case start
    case looking
    /// The missing marks were begun with this number, and read again.
    case begun(UInt64)
  }

  private let keys: BookkeepingKeys
  private let marks: [MemcachedKey]
  /// The entry, and its number; nil when nothing is to be stored yet.
  private let entry: (candidate: InvalidationCandidate, stamp: UInt64)?
  /// The items that were found in place of all marks, and the counter then.
  private var found: (items: [MemcachedItem?], counter: UInt64)?
  private let seen: UInt64
  private var phase = Phase.start
  private var attempts = 0
  private var missing: [MemcachedKey] = []
  private var verdict = MemcachedVerdict.valid

  /// - Parameters:
  ///   - candidate: The entry.
  ///   - stamp: The number of the entry.
  ///   - marks: What the entry needs.
  ///   - seen: The counter has been as high at least.
  init(
    _ candidate: InvalidationCandidate, since stamp: UInt64, marks: [MemcachedKey], seen: UInt64,
    _ keys: BookkeepingKeys
  ) {
    entry = (candidate, stamp)
    self.marks = marks
    self.seen = seen
    self.keys = keys
  }

  /// Begins marks that were found missing, before anything is to be stored.
  ///
  /// - Parameters:
  ///   - marks: Their keys.
  ///   - items: What was found instead.
  ///   - counter: The counter that was read with them.
  init(beginning marks: [MemcachedKey], over items: [MemcachedItem?], counter: UInt64, _ keys: BookkeepingKeys) {
    entry = nil
    self.marks = marks
    found = (items, counter)
    seen = counter
    self.keys = keys
  }

  var written: [MemcachedKey] { missing }

  mutating func advance(_ replies: [MemcachedReply]) throws(BookkeepingError) -> BookkeepingStep<Result> {
    attempts += 1
    guard attempts <= 16 else { throw .contended }
    switch phase {
    case .start:
      if let found {
        self.found = nil
        missing = marks
        return begin(found.items, found.counter)
      }
      phase = .looking
      // The counter last: whatever is in a mark then had its number before the counter is read.
      return .ask([.get([keys.ledger.unshared] + marks + [keys.counter.unshared])])
    case .looking:
      let items = try replies.items(at: 0, count: marks.count + 2)
      let counter = MemcachedNumber.read(items[marks.count + 1])
      guard let view = BookkeepingView(counter: counter, ledger: InvalidationLedger(items[0]), seen: seen) else {
        return begin(above: 0)
      }
      return judge(view, Array(items[1...marks.count]))
    case .begun(let number):
      for index in missing.indices { _ = try replies.isStored(at: index) }
      let items = try replies.items(at: missing.count, count: missing.count + 1)
      guard let counter = MemcachedNumber.read(items[missing.count]), counter >= number else {
        return begin(above: number)
      }
      // An invalidation came between.
      if counter > number { return begin(items, counter) }
      for item in items.dropLast() {
        guard let mark = MemcachedMark(item), mark.last <= counter else {
          return .done(Result(verdict: .void, counter: counter))
        }
        if let entry { verdict = verdict.merged(with: mark.verdict(since: entry.stamp)) }
      }
      return .done(Result(verdict: verdict, counter: counter))
    }
  }

  private mutating func begin(above number: UInt64) -> BookkeepingStep<Result> {
    phase = .start
    return .begin(above: number)
  }

  private mutating func judge(_ view: BookkeepingView, _ items: [MemcachedItem?]) -> BookkeepingStep<Result> {
    // One that is far above is no mark.
    let reach = min(view.counter + MemcachedNumber.reach, MemcachedNumber.highestRemembered)
    let found = items.map { item in MemcachedMark(item).flatMap { $0.last <= max(reach, view.counter) ? $0 : nil } }
    // A mark of another time: the counter has been higher.
    if let highest = found.compactMap({ $0?.last }).max(), highest > view.counter { return begin(above: highest) }
    if var entry {
      verdict = entry.stamp <= view.counter ? view.ledger.verdict(&entry.candidate, since: entry.stamp) : .void
      for mark in found { if let mark { verdict = verdict.merged(with: mark.verdict(since: entry.stamp)) } }
    }
    missing = zip(marks, found).filter { $1 == nil }.map(\.0)
    guard verdict != .void, !missing.isEmpty else { return .done(Result(verdict: verdict, counter: view.counter)) }
    return begin(zip(items, found).filter { $1 == nil }.map(\.0), view.counter)
  }

  /// Writes the missing marks over what was found in their place.
  private mutating func begin(_ items: [MemcachedItem?], _ counter: UInt64) -> BookkeepingStep<Result> {
    phase = .begun(counter)
    let commands = zip(missing, items).map { key, item in
      var mark = MemcachedMark(item).flatMap { $0.last <= counter ? $0 : nil } ?? MemcachedMark(hard: counter)
      mark.add(counter, .hard, at: UnixTime(milliseconds: 0))
      return MemcachedCommand.put(MemcachedValue(mark), key, over: item)
    }
    return .ask(commands + [.get(missing.map(\.unshared) + [keys.counter.unshared])])
  }
}

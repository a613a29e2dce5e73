//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Begins what is missing of a host's counter and ledger.
///
/// The server may evict any of what it knows of invalidations, and clocks differ. Whatever is begun revives nothing:
///
///  - A counter is begun above all numbers that are known: the time, what this process has seen, what the ledger has. Before
///    it is there, the ledger voids everything up to its number. So no entry with a lower number is valid any more, however
///    low the counter was between; and one with a higher number is of another time, and void until somebody begins the
///    counter again.
///  - A ledger that is missing is begun by voiding everything up to the counter. Then the counter is read once more: an
///    invalidation that took its number before may have been in the ledger that was lost.
///
/// Of several who begin at the same time one writes first, and the others find what he has written.
struct BeginOperation: BookkeepingOperation {
  private enum Phase {
    case start
    /// Both were asked for, in this place of what was asked last.
    case looking(at: Int)
    /// The ledger is written for this counter, which must not have changed.
    case ledgerBegun(UInt64)
    /// The ledger voids everything up to a number that the counter is to have.
    case epochBegun(UInt64, over: MemcachedItem?)
  }

  private let keys: BookkeepingKeys
  private let seen: UInt64
  private let number: (UInt64) -> UInt64
  private var phase = Phase.start
  private var attempts = 0

  /// - Parameters:
  ///   - seen: The counter has been as high at least.
  ///   - number: Makes a new number above another.
  init(_ keys: BookkeepingKeys, seen: UInt64, number: @escaping (UInt64) -> UInt64) {
    self.keys = keys
    self.seen = seen
    self.number = number
  }

  var written: [MemcachedKey] { [keys.ledger, keys.counter] }

  /// The ledger first: what is in it then had its number before the counter is read.
  private var question: MemcachedCommand { .get([keys.ledger.unshared, keys.counter.unshared]) }

  mutating func advance(
    _ replies: [MemcachedReply]
  ) throws(BookkeepingError) -> BookkeepingStep<BookkeepingView> {
    attempts += 1
    guard attempts <= Self.maximumAttempts else { throw .contended }
    switch phase {
    case .start: return look()
    case .looking(let index):
      if index > 0 { _ = try replies.isStored(at: 0) }
      return decide(try replies.items(at: index, count: 2))
    case .ledgerBegun(let counter):
      let items = try replies.items(at: 1, count: 2)
      guard try replies.isStored(at: 0), let current = MemcachedNumber.read(items[1]), current > counter else {
        return decide(items)
      }
      return beginLedger(current, over: items[0])
    case .epochBegun(let number, let item):
      guard try replies.isStored(at: 0) else { return look() }
      phase = .looking(at: 1)
      // Somebody else may have been quicker. Then his counter counts, if it is not below what the ledger has now.
      return .ask([.put(MemcachedValue(counter: number), keys.counter, over: item), question])
    }
  }

  private mutating func look() -> BookkeepingStep<BookkeepingView> {
    phase = .looking(at: 0)
    return .ask([question])
  }

  private mutating func decide(_ items: [MemcachedItem?]) -> BookkeepingStep<BookkeepingView> {
    let ledger = InvalidationLedger(items[0])
    let counter = MemcachedNumber.read(items[1])
    if let view = BookkeepingView(counter: counter, ledger: ledger, seen: seen) { return .done(view) }
    if let counter, counter >= seen, ledger == nil { return beginLedger(counter, over: items[0]) }
    var number = self.number(max(seen, ledger?.last ?? 0, counter ?? 0))
    if number > MemcachedNumber.highestRemembered + MemcachedNumber.reach { number = self.number(0) }
    phase = .epochBegun(number, over: items[1])
    return .ask([.put(MemcachedValue(InvalidationLedger(hard: number)), keys.ledger, over: items[0])])
  }

  private mutating func beginLedger(_ counter: UInt64, over item: MemcachedItem?) -> BookkeepingStep<BookkeepingView> {
    phase = .ledgerBegun(counter)
    return .ask([.put(MemcachedValue(InvalidationLedger(hard: counter)), keys.ledger, over: item), question])
  }
}

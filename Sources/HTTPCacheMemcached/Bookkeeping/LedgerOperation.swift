//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// An invalidation that may concern any entry, with its number, as it is entered in a host's ledger.
struct LedgerChange: Sendable {
  var number: UInt64
  var mode: CacheInvalidation.Mode
  var moment: UnixTime
  /// Nil for everything.
  var target: InvalidationTarget?

  fileprivate func enter(in ledger: inout InvalidationLedger) {
    if let target {
      ledger.add(InvalidationLedger.Rules.Rule(number: number, moment: moment, mode: mode, target: target))
    } else {
      ledger.add(number, mode, at: moment)
    }
  }
}

/// Takes a number, and reads the ledger in the same round trip.
struct NumberOperation: BookkeepingOperation {
  private let keys: BookkeepingKeys
  private var isAsked = false
  private var attempts = 0

  init(_ keys: BookkeepingKeys) { self.keys = keys }

  var written: [MemcachedKey] { [] }

  mutating func advance(
    _ replies: [MemcachedReply]
  ) throws(BookkeepingError) -> BookkeepingStep<(number: UInt64, ledger: MemcachedItem?)> {
    attempts += 1
    guard attempts <= 64 else { throw .contended }
    isAsked.toggle()
    if isAsked { return .ask([.increment(keys.counter), .get([keys.ledger.unshared])]) }
    guard let number = try replies.counter(at: 0) else { return .begin(above: 0) }
    return .done((number, try replies.items(at: 1, count: 1)[0]))
  }
}

/// Enters invalidations in the ledger of a host, several at once: one round trip when nobody else is at it.
struct LedgerOperation: BookkeepingOperation {
  private enum Phase {
    case start
    case read
    /// The ledger was written, and read again.
    case written
  }

  private let keys: BookkeepingKeys
  private let changes: [LedgerChange]
  private var item: MemcachedItem?
  private var phase = Phase.start
  private var attempts = 0

  /// - Parameter item: The ledger, if it was read already.
  init(_ changes: [LedgerChange], over item: MemcachedItem?, _ keys: BookkeepingKeys) {
    self.keys = keys
    self.changes = changes
    self.item = item
  }

  var written: [MemcachedKey] { [keys.ledger] }

  mutating func advance(_ replies: [MemcachedReply]) throws(BookkeepingError) -> BookkeepingStep<Void> {
    attempts += 1
    guard attempts <= 64 else { throw .contended }
    switch phase {
    case .start where item == nil:
      phase = .read
      return .ask([.get([keys.ledger.unshared])])
    case .start: break
    case .read: item = try replies.items(at: 0, count: 1)[0]
    case .written:
      if try replies.isStored(at: 0) { return .done(()) }
      item = try replies.items(at: 1, count: 1)[0]
    }
    guard let item, var ledger = InvalidationLedger(item) else {
      self.item = nil
      phase = .start
      return .begin(above: 0)
    }
    let before = ledger.text
    for change in changes { change.enter(in: &ledger) }
    // Others have been more thorough.
    if ledger.text == before { return .done(()) }
    phase = .written
    return .ask([
      .compareAndSet(keys.ledger, MemcachedValue(ledger), .never, unique: item.unique), .get([keys.ledger.unshared]),
    ])
  }
}

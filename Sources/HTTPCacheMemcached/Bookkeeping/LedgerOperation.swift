//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

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
    guard attempts <= Self.maximumAttempts else { throw .contended }
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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

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
    guard attempts <= Self.maximumAttempts else { throw .contended }
    isAsked.toggle()
    if isAsked { return .ask([.increment(keys.counter), .get([keys.ledger.unshared])]) }
    guard let number = try replies.counter(at: 0) else { return .begin(above: 0) }
    return .done((number, try replies.items(at: 1, count: 1)[0]))
  }
}

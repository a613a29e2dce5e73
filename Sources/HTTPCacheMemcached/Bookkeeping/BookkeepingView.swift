//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The counter and the ledger of a host as they were at one moment.
struct BookkeepingView: Sendable {
  let counter: UInt64
  let ledger: InvalidationLedger

  /// A view from what was read; nil when either is missing or they contradict: then both are begun anew.
  ///
  /// - Parameters:
  ///   - counter: The counter that was read.
  ///   - ledger: The ledger that was read.
  ///   - seen: The highest counter that was known before these were asked for. A counter that is lower was begun by somebody
  ///     whose clock is behind.
  init?(counter: UInt64?, ledger: InvalidationLedger?, seen: UInt64) {
    guard let counter, let ledger, counter >= seen, ledger.last <= counter else { return nil }
    self.counter = counter
    self.ledger = ledger
  }
}

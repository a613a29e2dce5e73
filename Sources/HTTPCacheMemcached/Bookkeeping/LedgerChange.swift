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

  func enter(in ledger: inout InvalidationLedger) {
    if let target {
      ledger.add(InvalidationLedger.Rules.Rule(number: number, moment: moment, mode: mode, target: target))
    } else {
      ledger.add(number, mode, at: moment)
    }
  }
}

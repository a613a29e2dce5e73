//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The keys of a host's counter and ledger, and how they are written.
struct BookkeepingKeys: Sendable {
  /// The same on every host: each keeps its own under it.
  let counter: MemcachedKey
  let ledger: MemcachedKey
  init(_ keys: MemcachedKeySpace) {
    counter = keys.sharedKey(.clock)
    ledger = keys.sharedKey(.ledger)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

/// Random histories of what a memcached host knows of invalidations, against a reference that remembers everything: nothing is
/// served that was invalidated before the lookup began, whatever the host forgets, whatever the nodes' clocks say.
///
/// `HTTP_CACHE_MODEL_SCHEDULES=100000` plays that many, from `HTTP_CACHE_MODEL_FIRST_SEED` on.
@Suite(.timeLimit(.minutes(60))) struct BookkeepingModelTests {
  private static let worlds: [(String, Int)] = [
    ("nothing is lost", 0), ("the counter is lost", 1), ("the ledger and marks are lost", 2),
    ("both are lost", 3), ("clocks differ, and both are lost", 7), ("writes are refused", 8),
    ("all of it, restarts and new nodes too", 63),
  ]

  @Test(arguments: worlds)
  func `nothing is served that was invalidated before it was looked up`(name: String, faults: Int) async {
    let counts = await BookkeepingHistory.check(.init(rawValue: faults), standard: 150)
    for what in ["hit", "miss", "stored", "stale"] {
      #expect((counts[what] ?? 0) > 0, "\(name): no \(what) in \(counts)")
    }
    print("bookkeeping model, \(name): \(counts.sorted { $0.key < $1.key })")
  }
}

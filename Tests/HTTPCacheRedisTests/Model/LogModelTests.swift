//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import HTTPCacheTesting
import Testing

@testable import HTTPCacheRedis

/// Random histories of the log of invalidations: no process uses what was invalidated in it, nor what was invalidated for all,
/// unless all that knew of a lost record are gone or have not been asked since.
///
/// `HTTP_CACHE_MODEL_SCHEDULES=100000` plays that many histories, from `HTTP_CACHE_MODEL_FIRST_SEED` on.
@Suite(.timeLimit(.minutes(60))) struct LogModelTests {
  private static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  @Test func `nothing invalidated is used, whatever the server loses or refuses`() {
    let first = Self.number("HTTP_CACHE_MODEL_FIRST_SEED") ?? 1
    var total = (valid: 0, stale: 0, void: 0)
    for seed in first..<first + (Self.number("HTTP_CACHE_MODEL_SCHEDULES") ?? 300) {
      var history = LogHistory(seed: seed)
      history.play(steps: 120)
      total.valid += history.found.valid
      total.stale += history.found.stale
      total.void += history.found.void
      guard let objection = history.objection else { continue }
      Issue.record("seed \(seed): \(objection)\n\(history.log.joined(separator: "\n"))")
      return
    }
    // Not because everything is void.
    #expect(total.valid > total.void / 8 && total.stale > 0, "\(total)")
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheCounters {
  var statistics: CacheStatistics {
    var statistics = CacheStatistics()
    func totals<Reason: CaseIterable & Hashable>(_ kind: (Reason) -> CacheEvent.Kind) -> [Reason: Int] {
      var totals: [Reason: Int] = [:]
      for reason in Reason.allCases {
        let count = total(kind(reason))
        if count > 0 { totals[reason] = count }
      }
      return totals
    }
    statistics.hits = total(.answered(.hit))
    statistics.stale = totals { .answered(.stale($0)) }
    statistics.revalidated = total(.answered(.revalidated))
    statistics.misses = totals { .answered(.miss($0)) }
    statistics.collapsed = total(.answered(.collapsed))
    statistics.bypasses = totals { .answered(.bypass($0)) }
    statistics.failures = totals { .answered(.failed($0)) }
    statistics.stores = total(.stored)
    statistics.refusals = totals { .refused($0) }
    statistics.refreshes = total(.refreshStarted)
    statistics.failedRefreshes = total(.refreshFailed)
    statistics.invalidations = CacheInvalidation.Target.Kind.allCases.reduce(0) {
      $0 + total($1, .hard) + total($1, .soft)
    }
    statistics.backendFailures = total(.backendFailed)
    return statistics
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Outcomes, counts and events as people and programs read them.
@Suite struct ReadableOutcomeTests {
  static let outcomes: [CacheOutcome] =
    [.hit, .revalidated, .collapsed] + CacheOutcome.StaleReason.allCases.map { .stale($0) }
    + CacheOutcome.MissReason.allCases.map { .miss($0) } + CacheOutcome.BypassReason.allCases.map { .bypass($0) }
    + CacheOutcome.FailureReason.allCases.map { .failed($0) }

  @Test(arguments: [
    (CacheOutcome.hit, "hit"), (.stale(.whileRevalidating), "stale: stale-while-revalidate"),
    (.revalidated, "revalidated"), (.miss(.absent), "miss: uri-miss"), (.miss(.variant), "miss: vary-miss"),
    (.collapsed, "collapsed"), (.bypass(.method), "bypass: method"), (.failed(.originTimeout), "failed: origin-timeout"),
  ])
  func `an outcome prints as words without names of types`(outcome: CacheOutcome, text: String) {
    #expect("\(outcome)" == text)
  }

  @Test(arguments: outcomes)
  func `each outcome is read back from its text and its encoding`(outcome: CacheOutcome) throws {
    #expect(CacheOutcome("\(outcome)") == outcome)
    let data = try JSONEncoder().encode([outcome])
    #expect(String(decoding: data, as: UTF8.self) == "[\"\(outcome)\"]")
    #expect(try JSONDecoder().decode([CacheOutcome].self, from: data) == [outcome])
  }

  @Test(arguments: ["", "Hit", "hit: x", "miss", "miss:", "miss: ", "miss:uri-miss", "miss: absent ", "stale: method", ": x"])
  func `text that is no outcome is refused`(text: String) {
    #expect(CacheOutcome(text) == nil)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode([CacheOutcome].self, from: JSONEncoder().encode([text]))
    }
  }

  private var statistics: CacheStatistics {
    var statistics = CacheStatistics()
    statistics.hits = 90
    statistics.stale = [.whileRevalidating: 5]
    statistics.misses = [.absent: 3, .stale: 2]
    statistics.refusals = [.noStore: 1]
    statistics.stores = 4
    return statistics
  }

  @Test func `statistics are encoded with their reasons as keys, and read back`() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys]
    let data = try encoder.encode(statistics)
    let text = String(decoding: data, as: UTF8.self)
    #expect(text.contains("\"misses\":{\"stale\":2,\"uri-miss\":3}"))
    #expect(text.contains("\"requests\":100"))
    #expect(text.contains("\"hitRatio\":0.95"))
    #expect(try JSONDecoder().decode(CacheStatistics.self, from: data) == statistics)
    #expect(try JSONDecoder().decode(CacheStatistics.self, from: Data("{\"hits\":3}".utf8)).hits == 3)
    #expect(throws: DecodingError.self) {
      try JSONDecoder().decode(CacheStatistics.self, from: Data("{\"misses\":{\"bored\":3}}".utf8))
    }
  }

  @Test func `statistics print as one line`() {
    #expect(
      "\(statistics)"
        == "requests 100, hits 90, stale 5 (stale-while-revalidate 5), misses 5 (uri-miss 3, stale 2), stores 4, refusals 1 (no-store 1)"
    )
    #expect("\(CacheStatistics())" == "requests 0")
  }

  @Test func `a recorder waits for the event that is asked for`() async {
    let recorder = EventRecorder()
    let third = Task { await recorder.waitFor(.stored, count: 3) }
    let large = Task { await recorder.waitFor { ($0.bodySize ?? 0) > 250 } }
    for size in [100, 200, 300] {
      recorder.record(CacheEvent(.stored, status: 200, bodySize: size))
      recorder.record(CacheEvent(.invalidated))
    }
    #expect(await third.value.bodySize == 300)
    #expect(await large.value.bodySize == 300)
    // What has been is not waited for.
    #expect(await recorder.waitFor(.stored, count: 2).bodySize == 200)
    #expect(await recorder.waitFor(.stored).bodySize == 100)
    recorder.removeAll()
    #expect(recorder.events.isEmpty)
  }
}

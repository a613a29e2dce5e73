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
    (.collapsed, "collapsed"), (.bypass(.method), "bypass: method"),
    (.failed(.originTimeout), "failed: origin-timeout"),
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

  @Test(arguments: [
    "", "Hit", "hit: x", "miss", "miss:", "miss: ", "miss:uri-miss", "miss: absent ", "stale: method", ": x",
  ])
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

  // MARK: Events

  @Test func `events say what was asked, by whom it is identified, under which policy, with which tags`() async throws {
    let events = EventRecorder()
    var news = CachePolicy(timeToLive: .seconds(60))
    news.name = "news"
    news.tags.extract = { _, _ in ["section:news"] }
    let cache = try CacheLayer(
      backend: InMemoryBackend(),
      policies: PolicyRouter(default: CachePolicy(), routes: [.prefix("/news", news)]), observers: [events],
      requestID: { $0.fields["X-Request-ID"].map { "\($0)" } })
    let service = Handler { _ in CacheResponse(body: "x") }.layer(cache)
    for number in 1...2 {
      _ = try await service.call(CacheRequest(target: "/news?\(1)", fields: ["X-Request-ID": "r\(number)"]))
    }
    _ = try await service.call(CacheRequest(target: "/other"))
    _ = try await service.call(CacheRequest(method: .post, target: "/news"))
    await cache.invalidate(tag: "section:news")
    let stored = await events.waitFor(.stored)
    #expect(stored.tags == ["section:news"] && stored.key?.text.hasSuffix("/news?1") == true)
    let miss = await events.waitFor(.answered(.miss(.absent)))
    #expect(miss.target == "/news?1" && miss.requestID == "r1" && miss.policyName == "news" && miss.method == .get)
    let hit = await events.waitFor(.answered(.hit))
    #expect(
      hit.target == "/news?1" && hit.requestID == "r2" && hit.policyName == "news" && hit.tags == ["section:news"])
    let other = await events.waitFor { $0.target == "/other" }
    #expect(other.policyName == nil && other.requestID == nil && other.tags.isEmpty)
    #expect(await events.waitFor(.answered(.bypass(.method))).method == .post)
    #expect(await events.waitFor { $0.kind == .invalidated && !$0.tags.isEmpty }.tags == ["section:news"])
  }

  @Test func `an event is encoded with what is known, and prints as a line`() throws {
    let event = CacheEvent(
      .answered(.miss(.absent)), method: .get, target: "/a", requestID: "7", policyName: "p", tags: ["t", "u"],
      status: 200, bodySize: 3, duration: .milliseconds(1500), originDuration: .seconds(1), storing: .refused(.noStore))
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    #expect(
      String(decoding: try encoder.encode(event), as: UTF8.self)
        == #"{"bodySize":3,"duration":1.5,"event":"answered","method":"GET","originDuration":1,"outcome":"miss: uri-miss","#
        + #""policy":"p","refusal":"no-store","requestID":"7","status":200,"stored":false,"tags":["t","u"],"target":"/a"}"#
    )
    #expect(
      "\(event)"
        == "miss: uri-miss GET /a status=200 size=3 duration=1.5 seconds origin=1.0 seconds policy=p tags=t,u request=7"
    )
    let failure = CacheEvent(.backendFailed, error: CacheError(.unavailable, "down"))
    #expect(String(decoding: try encoder.encode(failure), as: UTF8.self).contains("down"))
    #expect("\(CacheEvent(.refused(.tooLarge)))" == "not stored: too-large")
  }
}

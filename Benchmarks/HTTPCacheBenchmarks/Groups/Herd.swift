//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import Synchronization

/// Very many distinct URLs of which nothing is stored, all asked for at once, in front of an origin that is slow and
/// collapses under more calls than it can take; and how long hits take meanwhile.
enum Herd {
  /// What an origin takes for a call.
  private static let duration = Duration.milliseconds(100)
  /// Above so many calls at once it collapses.
  private static let limit = 50

  /// An origin that answers an error, and says so, once it has had too many calls at a time.
  private final class Origin: Service {
    private let running = Atomic(0)
    private let peak = Atomic(0)
    private let callCount = Atomic(0)

    var counts: (calls: Int, peak: Int) {
      (callCount.load(ordering: .relaxed), peak.load(ordering: .relaxed))
    }

    func call(_ request: CacheRequest) async throws -> CacheResponse {
      callCount.add(1, ordering: .relaxed)
      let now = running.add(1, ordering: .relaxed).newValue
      defer { running.subtract(1, ordering: .relaxed) }
      peak.max(now, ordering: .relaxed)
      guard now <= limit else { return CacheResponse(status: 500, body: "collapsed") }
      try await Task.sleep(for: duration)
      return CacheResponse(fields: ["Cache-Control": "max-age=600, stale-if-error=600"], body: Body(request.target))
    }
  }

  private final class Flag: Sendable {
    let isSet = Atomic(false)
  }

  private struct Outcome: Hashable {
    let status: Int
    let outcome: String
    let retryAfter: Bool
  }

  static func text(urlCount: Int) async throws -> String {
    let limits: [(String, OriginLimit?)] = [
      ("no limit", nil),
      ("fixed(50), queue of 1,000, 10 s", .fixed(limit, queueLimit: 1_000, queueDeadline: .seconds(10))),
      ("fixed(50), queue of \(urlCount), 60 s", .fixed(limit, queueLimit: urlCount, queueDeadline: .seconds(60))),
    ]
    var sections: [String] = []
    for (name, limit) in limits { sections.append(try await section(name, limit, urlCount)) }
    return sections.joined(separator: "\n\n")
  }

  private static func section(_ name: String, _ limit: OriginLimit?, _ urlCount: Int) async throws -> String {
    let origin = Origin()
    let cache = try CacheLayer(backend: InMemoryBackend(), originLimit: limit)
    let service = origin.layer(cache)
    let hot = CacheRequest(authority: "bench.example.com", target: "/hot")
    _ = try await service.call(hot)
    // A few are stored, and stale: for them there is something to serve.
    let stale = (0..<urlCount / 100).map { CacheRequest(authority: "bench.example.com", target: "/stale/\($0)") }
    for request in stale { await store(request, in: cache) }

    // How long they take while nothing else happens, to compare with.
    let isQuietOver = Flag()
    async let quietTimes = hitTimes(service, hot, until: isQuietOver)
    try await Task.sleep(for: .seconds(2))
    isQuietOver.isSet.store(true, ordering: .relaxed)
    let quiet = try await quietTimes.sorted()

    let isOver = Flag()
    async let times = hitTimes(service, hot, until: isOver)
    let clock = ContinuousClock()
    let start = clock.now
    let outcomes = try await withThrowingTaskGroup(of: Outcome.self) { group in
      for number in 0..<urlCount {
        group.addTask { @concurrent in
          let request =
            number % 100 == 0
            ? stale[number / 100] : CacheRequest(authority: "bench.example.com", target: "/cold/\(number)")
          let response = try await service.call(request)
          return Outcome(
            status: response.status, outcome: response.outcome.map { "\($0)" } ?? "",
            retryAfter: response.fields["Retry-After"] != nil)
        }
      }
      return try await group.reduce(into: [Outcome: Int]()) { $0[$1, default: 0] += 1 }
    }
    let elapsed = (clock.now - start) / .nanoseconds(1)
    isOver.isSet.store(true, ordering: .relaxed)
    let hits = try await times.sorted()
    let counts = origin.counts

    var rows = [["\(urlCount) URLs, \(name)", "", "without the herd"]]
    rows.append(["over after", Report.time(elapsed), ""])
    rows.append(["origin: calls, at most at a time", "\(counts.calls), \(counts.peak)", ""])
    for (outcome, count) in outcomes.sorted(by: { $0.value > $1.value }) {
      rows.append([
        "\(outcome.status) (\(outcome.outcome)\(outcome.retryAfter ? ", Retry-After" : ""))", "\(count)", "",
      ])
    }
    rows.append(["hits meanwhile", "\(hits.count)", "\(quiet.count)"])
    for (name, part) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("longest", 1)] {
      rows.append(["  \(name)", time(hits, part), time(quiet, part)])
    }
    rows.append(["  longer than 1 ms", "\(hits.count { $0 > 1_000_000 })", "\(quiet.count { $0 > 1_000_000 })"])
    return Report.columns(rows)
  }

  private static func time(_ sorted: [UInt64], _ part: Double) -> String {
    sorted.isEmpty ? "-" : Report.time(Double(sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]))
  }

  private static func store(_ request: CacheRequest, in cache: CacheLayer) async {
    let filler = Handler { _ in
      CacheResponse(fields: ["Cache-Control": "max-age=600, stale-if-error=600"], body: "old")
    }.layer(cache)
    _ = try? await filler.call(request)
    await cache.invalidate(request, mode: .soft)
  }

  /// Asks for what is stored again and again, from a thread of its own as it were: a hit awaits nothing.
  ///
  /// - Returns: How long each hit took, in nanoseconds of real time, whatever else the machine had to do.
  @concurrent
  private static func hitTimes(
    _ service: some Service<CacheRequest, CacheResponse>, _ request: CacheRequest, until isOver: Flag
  ) async throws -> [UInt64] {
    var times: [UInt64] = []
    times.reserveCapacity(1 << 20)
    while !isOver.isSet.load(ordering: .relaxed) {
      let start = DispatchTime.now().uptimeNanoseconds
      let response = try await service.call(request)
      let elapsed = DispatchTime.now().uptimeNanoseconds - start
      guard response.outcome == .hit else {
        throw WrongWork(description: "no hit but \(String(describing: response.outcome))")
      }
      times.append(elapsed)
      // Ten thousand a second, not as many as there can be: it is not the hits that are to keep the machine busy.
      try await Task.sleep(for: .microseconds(100))
    }
    return times
  }
}

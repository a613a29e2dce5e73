//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Hits that are more than handing out what is stored.
enum HitKinds {
  static let benchmarks = [
    benchmark(
      "vary", "a hit selected by Accept-Encoding", ["Vary": "Accept-Encoding"], ["Accept-Encoding": "gzip, br"]),
    benchmark(
      "not_modified", "If-None-Match that matches: 304", [:], ["If-None-Match": "\"33a64df551425fcc\""], status: 304),
    benchmark("range", "one range of a stored response: 206", [:], ["Range": "bytes=100-199"], status: 206),
    benchmark("head", "HEAD answered from a stored GET", [:], [:], method: .head),
    benchmark("with_observer", "a hit that an observer is told of", [:], [:], observers: [Blind()]),
    benchmark("with_observer_of_misses", "a hit beside an observer of misses", [:], [:], observers: [Blind(.misses)]),
    benchmark(
      "route", "a hit under the policy of a route", [:], [:],
      policies: PolicyRouter(
        default: Samples.policy(), routes: [.prefix("/other/", nil), .prefix("/", Samples.policy())])),
    benchmark(
      "should_cache", "a hit of a policy with a predicate", [:], [:],
      policies: PolicyRouter(default: changed { $0.shouldCache = { !$0.target.hasPrefix("/other/") } })),
    benchmark(
      "path_and_query_key", "a hit under a key of path and query", [:], [:],
      policies: PolicyRouter(default: changed { $0.key = .pathAndQuery })),
    benchmark(
      "custom_key", "a hit under a key of two parts, made by a closure", [:], [:],
      policies: PolicyRouter(default: changed { $0.key = .custom { $0.authority + $0.target } })),
    benchmark("auto_refresh", "a hit that automatic refresh counts", [:], [:], autoRefresh: AutoRefreshPolicy()),
  ]

  private static func changed(_ change: (inout CachePolicy) -> Void) -> CachePolicy {
    var policy = Samples.policy()
    change(&policy)
    return policy
  }

  private struct Blind: CacheObserver {
    var interests = CacheEvent.Interests.all

    init(_ interests: CacheEvent.Interests = .all) { self.interests = interests }

    func record(_ event: CacheEvent) { consume(event.status) }
  }

  private static func benchmark(
    _ name: String, _ summary: String, _ responseFields: HeaderFields, _ requestFields: HeaderFields,
    method: RequestMethod = .get, status: Int = 200, observers: [any CacheObserver] = [],
    policies: PolicyRouter = PolicyRouter(default: Samples.policy()), autoRefresh: AutoRefreshPolicy? = nil
  ) -> Benchmark {
    Benchmark("hit/\(name)", summary) {
      let response = Samples.response(1024)
      let handler = Handler { _ in
        var response = response
        response.fields[.etag] = "\"33a64df551425fcc\""
        for field in responseFields { response.fields.append(field.name, field.value) }
        return response
      }
      let service = handler.layer(
        try CacheLayer(
          backend: InMemoryBackend(), policies: policies, observers: observers, autoRefresh: autoRefresh))
      var request = Samples.request
      for field in requestFields { request.fields.append(field.name, field.value) }
      let stored = request
      _ = try await service.call(stored)
      request.method = method
      let measured = request
      return .asynchronous(check: { try await expect(.hit, status: status, of: measured, from: service) }) { count in
        for _ in 0..<count { consume(try await service.call(measured)) }
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Answers that there is nothing.
enum NegativeCache {
  private static let handler = Handler { _ in CacheResponse(status: 404, body: "nothing here") }

  static let benchmarks = [
    Benchmark("negative_cache/initial_miss", "a new layer, one call to a handler that says 404", maximumBatch: 200) {
      .asynchronous(check: {
        let service = handler.layer(try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20)))
        try await expect(.miss(.absent), status: 404, of: Samples.request, from: service)
        try await expect(.hit, status: 404, of: Samples.request, from: service)
      }) { count in
        for _ in 0..<count {
          let service = handler.layer(try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20)))
          consume(try await service.call(Samples.request))
        }
      }
    },
    Benchmark("negative_cache/stored_negative_hit", "a hit on a stored 404") {
      // Long enough that no run outlasts it.
      let policy = CachePolicy(negativeTimeToLive: .seconds(3600))
      let service = handler.layer(try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20), policy: policy))
      _ = try await service.call(Samples.request)
      return .asynchronous(check: { try await expect(.hit, status: 404, of: Samples.request, from: service) }) {
        count in
        let request = Samples.request
        for _ in 0..<count { consume(try await service.call(request)) }
      }
    },
    Benchmark(
      "negative_cache/after_ttl_churn", "a 404 whose lifetime is over, fetched anew, 256 URLs in turn",
      maximumBatch: 256
    ) {
      let clock = SteppingClock()
      let service = handler.layer(
        try CacheLayer(
          backend: InMemoryBackend(capacity: 1 << 20, clock: CacheClock(clock)),
          policy: CachePolicy(negativeTimeToLive: .seconds(1)), clock: CacheClock(clock)))
      let requests = (0..<256).map { Samples.request($0) }
      return .asynchronous(check: {
        clock.makeStale()
        for request in requests { try await expect(.miss(.absent), status: 404, of: request, from: service) }
        try await expect(.hit, status: 404, of: requests[0], from: service)
      }) { count in
        clock.makeStale()
        for request in requests[..<count] { consume(try await service.call(request)) }
      }
    },
  ]
}

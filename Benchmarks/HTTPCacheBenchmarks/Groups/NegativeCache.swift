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
      .asynchronous { count in
        for _ in 0..<count {
          let service = handler.layer(try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20)))
          consume(try await service.call(Samples.request))
        }
      }
    },
    Benchmark("negative_cache/stored_negative_hit", "a hit on a stored 404") {
      let service = handler.layer(try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20)))
      _ = try await service.call(Samples.request)
      return .asynchronous { count in
        for _ in 0..<count { consume(try await service.call(Samples.request)) }
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
      return .asynchronous { count in
        clock.makeStale()
        for request in requests[..<count] { consume(try await service.call(request)) }
      }
    },
  ]
}

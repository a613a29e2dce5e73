//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Synchronization

/// How long a client waits for something that has expired, with a handler of 5 ms. Times the call alone.
enum StaleWhileRevalidate {
  static let benchmarks = [
    Benchmark(
      "stale_while_revalidate/stale_hit", "a stale hit while a refresh runs: nobody waits for the handler"
    ) {
      let clock = SteppingClock()
      let gate = Handler { _ in
        // Long enough that the refresh is under way for the whole benchmark.
        if clock.isStale { try await Task.sleep(for: .seconds(3600)) }
        return Samples.response(1024).withFields(["Cache-Control": "max-age=1, stale-while-revalidate=3600"])
      }
      let service = gate.layer(
        try CacheLayer(backend: InMemoryBackend(clock: CacheClock(clock)), clock: CacheClock(clock)))
      _ = try await service.call(Samples.request)
      clock.makeStale()
      return .asynchronous(check: {
        try await expect(.stale(.whileRevalidating), of: Samples.request, from: service)
      }) { count in
        let request = Samples.request
        for _ in 0..<count { consume(try await service.call(request)) }
      }
    },
    Benchmark(
      "stale_while_revalidate/stale_hit_that_starts_the_refresh", "a stale hit that begins the refresh itself",
      maximumBatch: 2000
    ) {
      let clock = SteppingClock()
      let handler = Handler { _ in
        Samples.response(1024).withFields(["Cache-Control": "max-age=1, stale-while-revalidate=3600"])
      }
      let service = handler.layer(
        try CacheLayer(backend: InMemoryBackend(clock: CacheClock(clock)), clock: CacheClock(clock)))
      let requests = (0..<2000).map { Samples.request($0) }
      return .asynchronous(check: {
        _ = try await service.call(requests[0])
        clock.makeStale()
        try await expect(.stale(.whileRevalidating), of: requests[0], from: service)
      }) { count in
        for request in requests[..<count] { _ = try await service.call(request) }
        clock.makeStale()
        for request in requests[..<count] { consume(try await service.call(request)) }
      }
    },
    Benchmark(
      "stale_while_revalidate/forced_refresh", "a request with Cache-Control: no-cache on a fresh entry: fetched anew"
    ) {
      let layer = try LayerThroughput.layer()
      let service = LayerThroughput.handler(1024).layer(layer)
      var request = Samples.request
      request.fields[.cacheControl] = "no-cache"
      let forced = request
      _ = try await service.call(Samples.request)
      return .asynchronous(check: {
        let before = layer.statistics.stores
        try await expect(.miss(.request), of: forced, from: service)
        try expect(layer.statistics.stores == before + 1, "nothing was stored")
      }) { count in
        for _ in 0..<count { consume(try await service.call(forced)) }
      }
    },
    Benchmark(
      "stale_while_revalidate/strict_refresh", "an expired entry without a window: confirmed by a 304 while one waits"
    ) {
      let clock = SteppingClock()
      let handler = Handler { request in
        let fields: HeaderFields = ["Cache-Control": "max-age=1", "ETag": "\"1\""]
        return request.fields.contains(.ifNoneMatch)
          ? CacheResponse(status: 304, fields: fields) : Samples.response(1024).withFields(fields)
      }
      let service = handler.layer(
        try CacheLayer(backend: InMemoryBackend(clock: CacheClock(clock)), clock: CacheClock(clock)))
      _ = try await service.call(Samples.request)
      return .asynchronous(check: {
        clock.makeStale()
        try await expect(.revalidated, of: Samples.request, from: service)
      }) { count in
        for _ in 0..<count {
          clock.makeStale()
          consume(try await service.call(Samples.request))
        }
      }
    },
  ]
}

/// A clock that stands, and jumps when told to.
final class SteppingClock: TimeSource {
  private let seconds = Atomic<Int64>(1000)

  var now: CacheInstant { CacheInstant(nanoseconds: seconds.load(ordering: .relaxed) * 1_000_000_000) }
  var unixTime: UnixTime { UnixTime(seconds: 1_800_000_000 + seconds.load(ordering: .relaxed)) }
  var isStale: Bool { seconds.load(ordering: .relaxed) > 1000 }
  func makeStale() { seconds.wrappingAdd(2, ordering: .relaxed) }

  func sleep(until deadline: CacheInstant) async throws { try await Task.sleep(for: .seconds(3600)) }
}

extension CacheResponse {
  func withFields(_ fields: HeaderFields) -> CacheResponse {
    CacheResponse(status: status, fields: fields, body: body)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// What the layer costs in front of a handler.
enum LayerThroughput {
  static let benchmarks = [
    Benchmark("layer_throughput/inner_service", "the bare handler, 1 KiB body, five fields") {
      let service = handler(1024)
      return .asynchronous { count in
        let request = Samples.request
        for _ in 0..<count { consume(try await service.call(request)) }
      }
    },
    Benchmark("layer_throughput/cache_hit", "a hit: 1 KiB body, five fields, Age and Cache-Status set") {
      let service = handler(1024).layer(try layer())
      _ = try await service.call(Samples.request)
      return .asynchronous(check: { try await expectHit(of: Samples.request, from: service) }) { count in
        let request = Samples.request
        for _ in 0..<count { consume(try await service.call(request)) }
      }
    },
    Benchmark("layer_throughput/cache_hit_512_urls", "hits over 512 URLs in turn (the original's cache_miss)") {
      let service = handler(1024).layer(try layer())
      let requests = (0..<512).map { Samples.request($0) }
      for request in requests { _ = try await service.call(request) }
      return .asynchronous(check: {
        for request in requests { try await expectHit(of: request, from: service) }
      }) { count in
        for index in 0..<count { consume(try await service.call(requests[index & 511])) }
      }
    },
    Benchmark("layer_throughput/true_miss", "a URL never seen, handler without sleep, stored") {
      let layer = try Self.layer(capacity: 4 << 30)
      let service = handler(11).layer(layer)
      let next = Sequencer()
      return .asynchronous(check: { try await expectStoringMiss(next, layer, from: service) }) { count in
        for _ in 0..<count { consume(try await service.call(Samples.request(next.next()))) }
      }
    },
    Benchmark("layer_throughput/true_miss_evicting", "the same, and every store evicts an entry") {
      let backend = InMemoryBackend(capacity: 16 << 20)
      let layer = try CacheLayer(backend: backend, policy: Samples.policy())
      let service = handler(11).layer(layer)
      let next = Sequencer()
      for _ in 0..<60_000 { _ = try await service.call(Samples.request(next.next())) }
      return .asynchronous(check: {
        let before = backend.statistics.evictions
        for _ in 0..<16 { try await expectStoringMiss(next, layer, from: service) }
        try expect(backend.statistics.evictions > before, "nothing is evicted")
      }) { count in
        for _ in 0..<count { consume(try await service.call(Samples.request(next.next()))) }
      }
    },
    Benchmark("layer_throughput/making_the_request", "what the miss benchmarks spend on making their requests") {
      let next = Sequencer()
      return .synchronous { count in
        for _ in 0..<count { consume(Samples.request(next.next())) }
      }
    },
  ]

  static func handler(_ size: Int) -> Handler {
    let response = Samples.response(size)
    return Handler { _ in response }
  }

  static func layer(capacity: Int = 256 << 20) throws -> CacheLayer {
    try CacheLayer(backend: InMemoryBackend(capacity: capacity), policy: Samples.policy())
  }

  /// A hit whose head says so.
  private static func expectHit(
    of request: CacheRequest, from service: some Service<CacheRequest, CacheResponse>
  ) async throws {
    try await expect(.hit, of: request, from: service)
    let response = try await service.call(request)
    try expect(
      response.fields.contains(.age) && response.fields.contains(.cacheStatus), "Age or Cache-Status is missing")
  }

  private static func expectStoringMiss(
    _ next: Sequencer, _ layer: CacheLayer, from service: some Service<CacheRequest, CacheResponse>
  ) async throws {
    let before = layer.statistics.stores
    try await expect(.miss(.absent), of: Samples.request(next.next()), from: service)
    try expect(layer.statistics.stores == before + 1, "nothing was stored")
  }
}

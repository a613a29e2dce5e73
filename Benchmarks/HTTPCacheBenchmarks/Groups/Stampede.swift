//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Many at once on one cold URL. One operation is the whole crowd.
enum Stampede {
  static let benchmarks = [32, 64].flatMap { count in
    [true, false].map { isLayered in
      Benchmark(
        "stampede/\(isLayered ? "cache_layer" : "no_cache")/\(count)",
        "\(count) tasks at once on one cold URL, handler without sleep\(isLayered ? ", a new layer each time" : "")",
        maximumBatch: 50
      ) {
        .asynchronous(check: {
          guard isLayered else { return }
          let layer = try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20))
          try await crowd(count, LayerThroughput.handler(11).layer(layer))
          let statistics = layer.statistics
          try expect(statistics.stores == 1 && statistics.requests == count, "the origin was asked more than once")
        }) { operations in
          for _ in 0..<operations {
            let handler = LayerThroughput.handler(11)
            if isLayered {
              try await crowd(count, handler.layer(try CacheLayer(backend: InMemoryBackend(capacity: 1 << 20))))
            } else {
              try await crowd(count, handler)
            }
          }
        }
      }
    }
  }

  private static func crowd(_ count: Int, _ service: some Service<CacheRequest, CacheResponse>) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<count { group.addTask { consume(try await service.call(Samples.request)) } }
      try await group.waitForAll()
    }
  }
}

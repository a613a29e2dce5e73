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
        .asynchronous { operations in
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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache

/// Hits under Zipf(0.9) over 10,000 keys with 1 KiB bodies, from several threads. One operation is one hit, the time is
/// that of all threads together: 100 ns are ten million hits a second.
enum ZipfThroughput {
  static func benchmarks(threads: Int) -> [Benchmark] {
    Set([1, 2, threads]).sorted().flatMap { count in
      [
        Benchmark(
          "zipf/layer_hits/\(count)_threads", "hits through the layer from \(count) threads", minimumBatch: 100_000
        ) {
          let service = LayerThroughput.handler(1024).layer(try LayerThroughput.layer())
          let requests = (0..<10_000).map { Samples.request($0) }
          for request in requests { _ = try await service.call(request) }
          let indices = Zipf.indices(threads: count)
          return .asynchronous(check: {
            for request in requests { try await expect(.hit, of: request, from: service) }
          }) { operations in
            try await onThreads(count) { thread in
              let own = indices[thread]
              for step in 0..<operations / count {
                consume(try await service.call(requests[own[step & (Zipf.length - 1)]]))
              }
            }
          }
        },
        Benchmark(
          "zipf/backend_gets/\(count)_threads", "the backend's own hits from \(count) threads", minimumBatch: 100_000
        ) {
          let backend = InMemoryBackend()
          let keys = (0..<10_000).map { Samples.key($0) }
          for key in keys { _ = backend.storeNow(Samples.entry(key, 1024)) }
          let indices = Zipf.indices(threads: count)
          let now = CacheClock.system.now
          return .asynchronous(check: {
            for key in keys { try InMemory.expectFound(key, in: backend) }
          }) { operations in
            try await onThreads(count) { thread in
              let own = indices[thread]
              for step in 0..<operations / count {
                consume(backend.peek(keys[own[step & (Zipf.length - 1)]], at: now))
              }
            }
          }
        },
      ]
    }
      + [
        Benchmark(
          "zipf/inner_service", "the bare handler, given the same requests by one thread", minimumBatch: 100_000
        ) {
          let service = LayerThroughput.handler(1024)
          let requests = (0..<10_000).map { Samples.request($0) }
          let indices = Zipf.indices(threads: 1)[0]
          return .asynchronous { operations in
            for step in 0..<operations {
              consume(try await service.call(requests[indices[step & (Zipf.length - 1)]]))
            }
          }
        },
        Benchmark("zipf/mixed_95_5", "95 % hits, 5 % true misses with a store that evicts, one thread") {
          let service = LayerThroughput.handler(1024).layer(try LayerThroughput.layer(capacity: 64 << 20))
          let requests = (0..<10_000).map { Samples.request($0) }
          for request in requests { _ = try await service.call(request) }
          let indices = Zipf.indices(threads: 1)[0]
          let next = Sequencer()
          return .asynchronous(check: {
            try await expect(.hit, of: requests[0], from: service)
            try await expect(.miss(.absent), of: Samples.request(1_000_000 + next.next()), from: service)
          }) { count in
            for step in 0..<count {
              if step % 20 == 19 {
                consume(try await service.call(Samples.request(1_000_000 + next.next())))
              } else {
                consume(try await service.call(requests[indices[step & (Zipf.length - 1)]]))
              }
            }
          }
        },
        Benchmark("zipf/backend_mixed_95_5", "95 % gets, 5 % sets of the backend alone, one thread") {
          let backend = InMemoryBackend()
          let keys = (0..<10_000).map { Samples.key($0) }
          let entries = keys.map { Samples.entry($0, 1024) }
          for entry in entries { _ = backend.storeNow(entry) }
          let indices = Zipf.indices(threads: 1)[0]
          let now = CacheClock.system.now
          return .synchronous(check: {
            for key in keys { try InMemory.expectFound(key, in: backend) }
          }) { count in
            for step in 0..<count {
              let index = indices[step & (Zipf.length - 1)]
              if step % 20 == 19 {
                consume(backend.storeNow(entries[index]))
              } else {
                consume(backend.peek(keys[index], at: now))
              }
            }
          }
        },
      ]
  }

  private static func onThreads(
    _ count: Int, _ body: @escaping @Sendable (_ thread: Int) async throws -> Void
  ) async throws {
    guard count > 1 else { return try await body(0) }
    try await withThrowingTaskGroup(of: Void.self) { group in
      for thread in 0..<count { group.addTask { try await body(thread) } }
      try await group.waitForAll()
    }
  }
}

/// Ranks drawn from a Zipf distribution, the way the reference figures were made.
enum Zipf {
  static let length = 1 << 16

  /// One list of ranks for each thread; SplitMix64 seeds 42, 43, …
  static func indices(threads: Int, keys: Int = 10_000, exponent: Double = 0.9) -> [[Int]] {
    var cumulative: [Double] = []
    var sum = 0.0
    for rank in 1...keys {
      sum += 1 / pow(Double(rank), exponent)
      cumulative.append(sum)
    }
    return (0..<threads).map { thread in
      var state = UInt64(42 + thread)
      return (0..<length).map { _ in
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        let target = Double(mixed >> 11) / Double(1 << 53) * sum
        var low = 0
        var high = keys - 1
        while low < high {
          let middle = (low + high) / 2
          if cumulative[middle] >= target { high = middle } else { low = middle + 1 }
        }
        return low
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Everything there is to measure.
enum Catalog {
  static func all(threads: Int) -> [Benchmark] {
    LayerThroughput.benchmarks + KeyExtraction.benchmarks + InMemory.benchmarks + Stampede.benchmarks
      + StaleWhileRevalidate.benchmarks + NegativeCache.benchmarks + HitKinds.benchmarks + TagInvalidation.benchmarks
      + Codec.benchmarks + Memory.benchmarks + ZipfThroughput.benchmarks(threads: threads)
      + RedisThroughput.benchmarks + Memcached.benchmarks
  }
}

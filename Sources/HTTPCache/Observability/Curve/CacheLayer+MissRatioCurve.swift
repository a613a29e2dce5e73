//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension CacheLayer {
  /// The hit ratios that the cache would have with a quarter to eight times its capacity, under its own eviction policy and
  /// for the requests of the last hours. Nil unless the responses are kept in an ``InMemoryBackend``.
  ///
  /// ```swift
  /// print(cache.missRatioCurve?.advice ?? "")  // 4 times the memory buys 1.2 points; half of it costs 3.4 points.
  /// ```
  ///
  /// Simulated on a sample of the keys, at all times and in at most 1 MiB. What is invalidated by tags stays in the simulated
  /// caches.
  public nonisolated var missRatioCurve: MissRatioCurve? {
    guard let missRatioMonitor else { return nil }
    recorder.drain()
    return missRatioMonitor.curve
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

/// Our clients against the C libraries, in pairs that alternate, so that what else the machine does concerns both.
///
/// A pair's ratio is that of two stretches of time next to each other; the table has the best rates of each side, the median
/// of the ratios, and the processor time that this process (not the server) took for one operation.
enum RemoteComparison {
  private struct Stretch {
    var nanoseconds: Double
    var processor: Double
  }

  /// For each pair: what C does, what ours does, and how many commands one operation of each is.
  private static let pairs: [(label: String, reference: String, ours: String, commands: Int)] = [
    ("redis, 1 caller, 1 KiB", "redis/raw/1", "redis/client/1", 1),
    ("redis, 1 caller, 1 KiB, waiting in its thread", "redis/raw/1", "redis/waiting_client/1", 1),
    ("redis, 16 callers, 1 KiB", "redis/raw/16", "redis/client/16", 320),
    ("redis, 128 callers, 1 KiB", "redis/raw/128", "redis/client/128", 2560),
    ("redis, 1 caller, 1 MiB", "redis/raw/1_large", "redis/client/1_large", 1),
    ("memcached, 1 caller, 1 KiB", "memcached/raw_get_1KiB/1", "memcached/get_1KiB/1", 1),
    ("memcached, 16 callers, 1 KiB (threads)", "memcached/raw_get_1KiB/16", "memcached/get_1KiB/16", 1),
    ("memcached, 128 callers, 1 KiB (threads)", "memcached/raw_get_1KiB/128", "memcached/get_1KiB/128", 1),
    ("memcached, 16 callers, 1 KiB (mget)", "memcached/raw_mget_1KiB/16", "memcached/get_1KiB/16", 1),
    ("memcached, 128 callers, 1 KiB (mget)", "memcached/raw_mget_1KiB/128", "memcached/get_1KiB/128", 1),
    ("memcached, 1 caller, 1 MiB", "memcached/raw_get_1MiB", "memcached/get_1MiB", 1),
  ]

  static func text(_ benchmarks: [Benchmark], rounds: Int, filter: String?) async throws -> String {
    var rows = [["", "C, best", "ours, best", "ratio", "median of pairs", "C, CPU", "ours, CPU"]]
    for pair in pairs where filter.map({ pair.label.contains($0) }) ?? true {
      guard let reference = benchmarks.first(where: { $0.id == pair.reference }),
        let ours = benchmarks.first(where: { $0.id == pair.ours })
      else { continue }
      let (works, ourWork) = (try await reference.prepare(), try await ours.prepare())
      let counts = (try await count(for: works), try await count(for: ourWork))
      var stretches: [(Stretch, Stretch)] = []
      for _ in 0..<rounds {
        stretches.append(
          (
            try await measure(works, counts.0, commands: pair.commands),
            try await measure(ourWork, counts.1, commands: pair.commands)
          ))
      }
      let best = (
        stretches.map(\.0.nanoseconds).min() ?? .nan, stretches.map(\.1.nanoseconds).min() ?? .nan
      )
      rows.append([
        pair.label, rate(best.0), rate(best.1), String(format: "%.2f", best.0 / best.1),
        String(format: "%.2f", median(stretches.map { $0.0.nanoseconds / $0.1.nanoseconds })),
        String(format: "%.2f µs", median(stretches.map(\.0.processor)) / 1000),
        String(format: "%.2f µs", median(stretches.map(\.1.processor)) / 1000),
      ])
    }
    return Report.columns(rows)
  }

  private static func rate(_ nanoseconds: Double) -> String {
    String(format: "%.0f/s (%.1f µs)", 1e9 / nanoseconds, nanoseconds / 1000)
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  /// How many operations take about 30 ms.
  private static func count(for work: Work) async throws -> Int {
    var count = 1
    while true {
      let taken = try await measure(work, count, commands: 1).nanoseconds * Double(count)
      if taken > 30e6 { return count }
      count = max(count + 1, Int(Double(count) * min(10, 33e6 / max(taken, 1000))))
    }
  }

  private static func measure(_ work: Work, _ count: Int, commands: Int) async throws -> Stretch {
    let clock = ContinuousClock()
    let (begin, processor) = (clock.now, processorTime())
    switch work.body {
    case .synchronous(let body): try body(count)
    case .asynchronous(let body): try await body(count)
    case .quantity(_, let body): _ = try await body()
    }
    let total = Double(count * commands)
    return Stretch(
      nanoseconds: (clock.now - begin) / .nanoseconds(1) / total, processor: (processorTime() - processor) / total)
  }

  /// In nanoseconds, of all threads of this process.
  private static func processorTime() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }
}

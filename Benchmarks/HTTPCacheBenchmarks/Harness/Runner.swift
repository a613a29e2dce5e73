//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import CAllocationCounter
import Foundation

/// Measures benchmarks in interleaved rounds, so that a machine that drifts does so for all of them.
struct Runner {
  var rounds = 5
  var samplesPerRound = 40
  /// How long one sample should take: long against the clock's resolution, short against the scheduler's slice.
  var sampleDuration: Duration = .milliseconds(2)
  var progress: (String) -> Void = { _ in }

  private struct Series {
    var samples: [Double] = []
    var batch = 0
    var operations = 0
    var allocations: UInt64 = 0
    var bytes: UInt64 = 0
    var unit: String?
  }

  func run(_ benchmarks: [Benchmark]) async throws -> [Measurement] {
    var series = [Series](repeating: Series(), count: benchmarks.count)
    for round in 1...rounds {
      for (index, benchmark) in benchmarks.enumerated() {
        progress("round \(round) of \(rounds): \(benchmark.id)")
        try await measure(benchmark, into: &series[index])
      }
    }
    progress("")
    let isCounted = allocations_are_counted() != 0
    return zip(benchmarks, series).map { benchmark, series in
      Measurement(
        id: benchmark.id, samples: series.samples, batch: series.batch, operations: series.operations,
        allocations: isCounted && series.unit == nil ? series.allocations : nil,
        bytes: isCounted && series.unit == nil ? series.bytes : nil, unit: series.unit)
    }
  }

  /// Does the work of `benchmark` `count` times, and nothing else.
  func repeatExactly(_ count: Int, _ benchmark: Benchmark) async throws {
    let work = try await benchmark.prepare()
    try await check(work, of: benchmark)
    _ = try await time(work, count)
    try await check(work, of: benchmark)
  }

  private func measure(_ benchmark: Benchmark, into series: inout Series) async throws {
    let work = try await benchmark.prepare()
    try await check(work, of: benchmark)
    if case .quantity(let unit, let count) = work.body {
      series.samples.append(try await count())
      series.unit = unit
      series.batch = 1
      series.operations += 1
      return
    }
    // Warm-up, and how many operations make a sample.
    var batch = benchmark.minimumBatch
    while true {
      let elapsed = try await time(work, batch)
      if elapsed >= sampleDuration || batch >= benchmark.maximumBatch { break }
      let missing = sampleDuration / Swift.max(elapsed, .nanoseconds(100))
      batch = Swift.min(benchmark.maximumBatch, Swift.max(batch + 1, Int(Double(batch) * Swift.min(missing * 1.1, 10))))
    }
    for _ in 0..<samplesPerRound {
      let allocations = allocation_count()
      let bytes = allocation_bytes()
      let elapsed = try await time(work, batch)
      series.allocations += allocation_count() - allocations
      series.bytes += allocation_bytes() - bytes
      series.operations += batch
      series.samples.append(elapsed / .nanoseconds(1) / Double(batch))
    }
    series.batch = batch
    try await check(work, of: benchmark)
  }

  /// A figure for something else than the name says is worse than none.
  private func check(_ work: Work, of benchmark: Benchmark) async throws {
    do {
      try await work.check()
    } catch {
      throw WrongWork(description: "\(benchmark.id): \(error)")
    }
  }

  private func time(_ work: Work, _ count: Int) async throws -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    switch work.body {
    case .synchronous(let body): try body(count)
    case .asynchronous(let body): try await body(count)
    case .quantity(_, let body): _ = try await body()
    }
    return clock.now - start
  }
}

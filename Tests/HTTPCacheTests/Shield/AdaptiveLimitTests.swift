//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct AdaptiveLimitTests {
  /// An origin that serves `capacity` calls at a time in `base` each; more of them share what there is.
  private func latency(_ running: Int, capacity: Int, base: Double) -> Duration {
    .nanoseconds(Int64(base * Swift.max(1, Double(running) / Double(capacity))))
  }

  @Test(arguments: [8, 20, 50, 100])
  func `it finds what the origin takes, and stays near it`(capacity: Int) {
    var adaptive = AdaptiveLimit(minimum: 2, maximum: 1_000)
    var sum = 0
    var highest = 0
    for step in 0..<40_000 {
      let running = adaptive.limit
      adaptive.add(latency: latency(running, capacity: capacity, base: 1e7), isFailure: false, running: running)
      if step > 20_000 {
        sum += running
        highest = Swift.max(highest, running)
      }
    }
    let mean = Double(sum) / 19_999
    #expect(mean > Double(capacity) * 0.7 && mean < Double(capacity) * 2)
    #expect(highest < capacity * 5 / 2)
  }

  @Test func `failures shrink it to the minimum, and it recovers`() {
    var adaptive = AdaptiveLimit(minimum: 3, maximum: 200)
    for _ in 0..<5_000 { adaptive.add(latency: .milliseconds(10), isFailure: false, running: adaptive.limit) }
    #expect(adaptive.limit == 200)
    for _ in 0..<5_000 { adaptive.add(latency: .milliseconds(10), isFailure: true, running: adaptive.limit) }
    #expect(adaptive.limit == 3)
    for _ in 0..<20_000 { adaptive.add(latency: .milliseconds(10), isFailure: false, running: adaptive.limit) }
    #expect(adaptive.limit > 100)
  }

  @Test func `what is not used does not grow`() {
    var adaptive = AdaptiveLimit(minimum: 10, maximum: 1_000)
    for _ in 0..<10_000 { adaptive.add(latency: .milliseconds(10), isFailure: false, running: 1) }
    #expect(adaptive.limit == 10)
  }

  @Test func `a long overload does not pass for normal`() {
    var adaptive = AdaptiveLimit(minimum: 2, maximum: 1_000)
    for _ in 0..<20_000 {
      adaptive.add(latency: latency(adaptive.limit, capacity: 40, base: 1e7), isFailure: false, running: adaptive.limit)
    }
    // The origin loses three quarters of what it could do.
    for _ in 0..<200_000 {
      adaptive.add(latency: latency(adaptive.limit, capacity: 10, base: 1e7), isFailure: false, running: adaptive.limit)
    }
    #expect(adaptive.limit < 25)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite struct EarlyRefreshTests {
  private let now = CacheInstant(nanoseconds: 1_000_000_000_000)

  private func isDue(remaining: Duration, cost: Duration, beta: Double = 1, random: Double) -> Bool {
    EarlyRefresh.isDue(
      freshUntil: now.advanced(by: remaining), cost: cost, beta: beta, at: now, random: random)
  }

  @Test(arguments: [
    // With u = 1/e the head start is the cost itself.
    (Duration.milliseconds(100), Duration.milliseconds(100), 1.0, 0.3678, true),
    (.milliseconds(101), .milliseconds(100), 1.0, 0.3679, false),
    (.milliseconds(199), .milliseconds(100), 2.0, 0.3678, true),
    (.seconds(1), .milliseconds(100), 1.0, 0.99, false),
    (.seconds(1), .milliseconds(100), 1.0, 0.000_04, true),
    (.zero, .milliseconds(100), 1.0, 1.0, true),
    (.nanoseconds(1), .milliseconds(100), 1.0, 1.0, false),
  ])
  func `the head start is cost times beta times an exponential variate`(
    remaining: Duration, cost: Duration, beta: Double, random: Double, expected: Bool
  ) {
    #expect(isDue(remaining: remaining, cost: cost, beta: beta, random: random) == expected)
  }

  @Test func `within reach is wherever the dice could say yes`() {
    for remaining in [Duration.milliseconds(1), .milliseconds(500), .milliseconds(1_900), .seconds(3), .seconds(60)] {
      let within = EarlyRefresh.isWithinReach(
        freshUntil: now.advanced(by: remaining), cost: .milliseconds(100), beta: 1, at: now)
      #expect(within || !isDue(remaining: remaining, cost: .milliseconds(100), random: 1e-8))
    }
  }

  @Test func `of many independent requests, about one refreshes early, and most often shortly before the end`() {
    var random = SplitMix64(seed: 7)
    var early = 0
    var heads: [Double] = []
    for _ in 0..<1_000 {
      // A request each 20 ms in the last two seconds; the origin takes 100 ms.
      for step in 0..<100 {
        let remaining = Duration.milliseconds(2_000 - step * 20)
        if isDue(remaining: remaining, cost: .milliseconds(100), random: .random(in: 1e-12...1, using: &random)) {
          early += 1
          heads.append(Double(2_000 - step * 20))
          break
        }
      }
    }
    #expect(early > 950)
    let mean = heads.reduce(0, +) / Double(heads.count)
    #expect(mean > 100 && mean < 400)
  }
}

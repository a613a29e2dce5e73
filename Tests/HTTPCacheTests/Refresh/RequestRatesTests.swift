//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct RequestRatesTests {
  private func digest(_ number: Int) -> KeyDigest { CacheKey(custom: "key \(number)").digest }
  private func at(_ seconds: Double) -> CacheInstant {
    CacheInstant(nanoseconds: 600_000_000_000 + Int64(seconds * 1e9))
  }

  @Test func `one request just after a minute has begun is one a minute`() {
    let rates = RequestRates(capacity: 1_024)
    #expect(rates.record(digest(1), at: at(0.001)).perMinute == 1)
  }

  @Test func `a steady rate is seen as it is, at any moment`() {
    let rates = RequestRates(capacity: 1_024)
    for second in stride(from: 0.0, to: 300, by: 2) {
      let observation = rates.record(digest(1), at: at(second))
      if second >= 60 { #expect((28...31).contains(observation.perMinute)) }
    }
  }

  @Test func `what is not asked for is forgotten within two minutes`() {
    let rates = RequestRates(capacity: 1_024)
    for _ in 0..<100 { _ = rates.record(digest(1), at: at(1)) }
    #expect(rates.perMinute(digest(1), at: at(59)) == 100)
    #expect(rates.perMinute(digest(1), at: at(90)) == 50)
    #expect(rates.perMinute(digest(1), at: at(121)) == 0)
    #expect(rates.perMinute(digest(2), at: at(1)) == 0)
  }

  @Test func `a flood of keys does not push out the frequent ones`() {
    let rates = RequestRates(capacity: 256)
    for number in 0..<16 { for _ in 0..<50 { _ = rates.record(digest(number), at: at(1)) } }
    for number in 1_000..<50_000 { _ = rates.record(digest(number), at: at(2)) }
    let kept = (0..<16).count { rates.perMinute(digest($0), at: at(2)) == 50 }
    #expect(kept == 16)
  }

  @Test func `what is looked after is known to be until it is not`() {
    let rates = RequestRates(capacity: 64)
    #expect(!rates.record(digest(1), at: at(0)).isTracked)
    rates.setTracked(digest(1), true)
    #expect(rates.record(digest(1), at: at(0)).isTracked)
    rates.setTracked(digest(1), false)
    #expect(!rates.record(digest(1), at: at(0)).isTracked)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct CircuitBreakerTests {
  private func breaker() -> CircuitBreaker {
    CircuitBreaker(
      threshold: 3, firstWait: .nanoseconds(10), longestWait: .nanoseconds(35), probeLimit: .nanoseconds(5))
  }

  private func at(_ nanoseconds: Int64) -> CacheInstant { CacheInstant(nanoseconds: nanoseconds) }

  @Test func `it opens after as many failures in a row as it takes`() {
    var breaker = breaker()
    breaker.failed(at: at(0))
    breaker.failed(at: at(0))
    breaker.succeeded()
    breaker.failed(at: at(1))
    breaker.failed(at: at(2))
    #expect(breaker.admits(at: at(2)) == true)
    breaker.failed(at: at(3))
    #expect(breaker.admits(at: at(3)) == false)
    #expect(breaker.admits(at: at(12)) == false)
  }

  @Test func `when it has been open long enough one call tries, and the others wait for its result`() {
    var breaker = breaker()
    for _ in 0..<3 { breaker.failed(at: at(0)) }
    #expect(breaker.admits(at: at(10)) == true)
    #expect(breaker.admits(at: at(10)) == false)
    #expect(breaker.admits(at: at(14)) == false)
    breaker.succeeded()
    #expect(breaker.admits(at: at(14)) == true)
    #expect(breaker.admits(at: at(14)) == true)
  }

  @Test func `a try that nobody reports about does not keep it closed for ever`() {
    var breaker = breaker()
    for _ in 0..<3 { breaker.failed(at: at(0)) }
    #expect(breaker.admits(at: at(10)) == true)
    #expect(breaker.admits(at: at(14)) == false)
    #expect(breaker.admits(at: at(15)) == true)
  }

  @Test func `every failed try doubles the wait, up to the longest, and a success resets it`() {
    var breaker = breaker()
    for _ in 0..<3 { breaker.failed(at: at(0)) }
    var now: Int64 = 0
    for wait: Int64 in [10, 20, 35, 35] {
      #expect(breaker.admits(at: at(now + wait - 1)) == false)
      #expect(breaker.admits(at: at(now + wait)) == true)
      now += wait
      breaker.failed(at: at(now))
    }
    #expect(breaker.admits(at: at(now + 35)) == true)
    breaker.succeeded()
    for _ in 0..<3 { breaker.failed(at: at(now)) }
    #expect(breaker.admits(at: at(now + 10)) == true)
  }

  @Test func `late failures of calls that were under way do not prolong the wait`() {
    var breaker = breaker()
    for time: Int64 in 0..<8 { breaker.failed(at: at(time)) }
    #expect(breaker.admits(at: at(12)) == true)
  }
}

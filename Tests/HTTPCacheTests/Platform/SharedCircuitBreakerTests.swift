//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite("Shared circuit breaker", .timeLimit(.minutes(5)))
struct SharedCircuitBreakerTests {
  private let start = CacheInstant(nanoseconds: 0)

  private func breaker(threshold: Int) -> SharedCircuitBreaker {
    SharedCircuitBreaker(
      CircuitBreaker(threshold: threshold, firstWait: .seconds(1), longestWait: .seconds(8), probeLimit: .seconds(1)))
  }

  @Test func theStateWithoutTheLockFollowsEachChange() {
    let breaker = breaker(threshold: 2)
    #expect(breaker.isFlawless && !breaker.isOpen)
    #expect(!breaker.failed(at: start))
    #expect(!breaker.isFlawless && !breaker.isOpen)
    #expect(!breaker.succeeded())
    #expect(breaker.isFlawless)
    breaker.failed(at: start)
    #expect(breaker.failed(at: start))
    #expect(breaker.isOpen && !breaker.admits(at: start))
    // The call that tries is admitted, and nobody else.
    let later = start.advanced(by: .seconds(1))
    #expect(breaker.admits(at: later) && breaker.isOpen && !breaker.admits(at: later))
    #expect(breaker.succeeded())
    #expect(breaker.isFlawless && breaker.admits(at: later))
  }

  @Test(arguments: [1, 2])
  func failuresThatRaceSuccessesLeaveTheStateThatCameLast(threshold: Int) async {
    for _ in 0..<500 {
      let breaker = breaker(threshold: threshold)
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<4 {
          group.addTask { @concurrent [start] in
            for _ in 0..<200 {
              if number % 2 == 0 { breaker.failed(at: start) } else { breaker.succeeded() }
            }
          }
        }
      }
      guard breaker.isOpen == (breaker.state != .closed(failures: 0) && breaker.state != .closed(failures: 1)),
        breaker.isFlawless == (breaker.state == .closed(failures: 0))
      else {
        Issue.record("the state is \(breaker.state), and isOpen says \(breaker.isOpen)")
        return
      }
      breaker.succeeded()
      #expect(breaker.isFlawless)
    }
  }
}

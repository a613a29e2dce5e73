//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite struct OriginShieldStateMachineTests {
  private let now = CacheInstant(nanoseconds: 1_000_000_000)

  @Test func `so many run at a time, the others wait in order, and beyond the queue they are turned away`() {
    var machine = OriginShieldStateMachine(.fixed(2, queueLimit: 2, queueDeadline: .seconds(1)))
    #expect(machine.request(mayWait: true, at: now) == .run)
    #expect(machine.request(mayWait: true, at: now) == .run)
    #expect(machine.request(mayWait: true, at: now) == .wait(1))
    #expect(machine.request(mayWait: true, at: now) == .wait(2))
    #expect(machine.request(mayWait: true, at: now) == .shed)
    #expect(machine.finished(latency: .milliseconds(1), isFailure: false) == [1])
    #expect(machine.request(mayWait: true, at: now) == .wait(3))
    #expect(machine.finished(latency: .milliseconds(1), isFailure: true) == [2])
    #expect(machine.finished(latency: .milliseconds(1), isFailure: false) == [3])
    #expect(machine.running == 2)
    #expect(machine.waiting == 0)
  }

  @Test func `a refresh does not wait, and does not pass those who do`() {
    var machine = OriginShieldStateMachine(.fixed(1))
    #expect(machine.request(mayWait: false, at: now) == .run)
    #expect(machine.request(mayWait: false, at: now) == .shed)
    #expect(machine.request(mayWait: true, at: now) == .wait(1))
    #expect(machine.finished(latency: .zero, isFailure: false) == [1])
    #expect(machine.request(mayWait: false, at: now) == .shed)
  }

  @Test func `whoever has waited too long is turned away, and who leaves gives up the place`() {
    var machine = OriginShieldStateMachine(.fixed(1, queueLimit: 10, queueDeadline: .seconds(1)))
    _ = machine.request(mayWait: true, at: now)
    #expect(machine.request(mayWait: true, at: now) == .wait(1))
    #expect(machine.request(mayWait: true, at: now.advanced(by: .milliseconds(500))) == .wait(2))
    #expect(machine.request(mayWait: true, at: now.advanced(by: .milliseconds(600))) == .wait(3))
    #expect(machine.nextDeadline == now.advanced(by: .seconds(1)))
    #expect(machine.leave(2) == true)
    #expect(machine.leave(2) == false)
    #expect(machine.deadlineReached(now.advanced(by: .seconds(1))) == [1])
    #expect(machine.waiting == 1)
    #expect(machine.finished(latency: .zero, isFailure: false) == [3])
    #expect(machine.leave(3) == false)
    #expect(machine.abandoned() == [])
    #expect(machine.running == 0)
  }

  @Test func `with no time to wait nobody waits`() {
    var machine = OriginShieldStateMachine(.fixed(1, queueLimit: 10, queueDeadline: .zero))
    _ = machine.request(mayWait: true, at: now)
    #expect(machine.request(mayWait: true, at: now) == .shed)
  }

  @Test(arguments: 0..<50)
  func `whatever happens, the numbers add up`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var machine = OriginShieldStateMachine(.fixed(3, queueLimit: 5, queueDeadline: .milliseconds(50)))
    var moment = now
    var running = 0
    var waiting: [Int] = []
    for _ in 0..<2_000 {
      switch random.next() % 5 {
      case 0, 1:
        switch machine.request(mayWait: true, at: moment) {
        case .run:
          #expect(running < 3 && waiting.isEmpty)
          running += 1
        case .wait(let id): waiting.append(id)
        case .shed: #expect(waiting.count == 5)
        }
      case 2 where running > 0:
        let admitted = machine.finished(latency: .zero, isFailure: false)
        #expect(Array(waiting.prefix(admitted.count)) == admitted)
        running += admitted.count - 1
        waiting.removeFirst(admitted.count)
      case 3:
        if let id = waiting.randomElement(using: &random) {
          #expect(machine.leave(id) == true)
          waiting.removeAll { $0 == id }
        }
      default:
        moment = moment.advanced(by: .milliseconds(10))
        let expired = machine.deadlineReached(moment)
        #expect(Array(waiting.prefix(expired.count)) == expired)
        waiting.removeFirst(expired.count)
      }
      #expect(machine.running == running && machine.waiting == waiting.count)
      #expect(running == 3 || waiting.isEmpty)
    }
  }
}

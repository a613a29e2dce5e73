//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct AutoRefreshStateMachineTests {
  private let start = CacheInstant(nanoseconds: 5_000_000_000)
  private func key(_ number: Int) -> CacheKey { CacheKey(custom: "key \(number)") }
  private func at(_ seconds: Double) -> CacheInstant { start.advanced(by: .milliseconds(Int64(seconds * 1000))) }

  @Test func `an entry is refreshed when its window begins, and not before`() {
    var machine = AutoRefreshStateMachine(AutoRefreshPolicy(window: .seconds(10)))
    #expect(machine.track(key(1), receivedAt: at(0), freshUntil: at(60)) == true)
    #expect(machine.nextMoment == at(50))
    #expect(machine.advance(to: at(49.9)) { _ in true }.start.isEmpty)
    #expect(machine.advance(to: at(50)) { _ in true }.start == [key(1)])
    #expect(machine.advance(to: at(55)) { _ in true }.start.isEmpty)
    machine.finished(key(1))
    #expect(machine.track(key(1), receivedAt: at(50), freshUntil: at(110)) == true)
    #expect(machine.nextMoment == at(100))
  }

  @Test func `the window is half of the lifetime at most`() {
    var machine = AutoRefreshStateMachine(AutoRefreshPolicy(window: .seconds(10)))
    _ = machine.track(key(1), receivedAt: at(0), freshUntil: at(4))
    #expect(machine.nextMoment == at(2))
  }

  @Test func `what is not asked for any more is forgotten, and so is what has expired`() {
    var machine = AutoRefreshStateMachine(AutoRefreshPolicy(window: .seconds(10)))
    _ = machine.track(key(1), receivedAt: at(0), freshUntil: at(60))
    _ = machine.track(key(2), receivedAt: at(0), freshUntil: at(60))
    let (started, forgotten) = machine.advance(to: at(50)) { $0 == key(2) }
    #expect(started == [key(2)] && forgotten == [key(1)])
    _ = machine.track(key(3), receivedAt: at(0), freshUntil: at(70))
    #expect(machine.advance(to: at(70)) { _ in true }.forgotten == [key(3)])
    #expect(machine.count == 1)
  }

  @Test func `never more at a time than allowed, and whose turn comes too late is left to the next request`() {
    var machine = AutoRefreshStateMachine(AutoRefreshPolicy(window: .seconds(10), maximumConcurrentRefreshes: 2))
    for number in 1...4 { _ = machine.track(key(number), receivedAt: at(0), freshUntil: at(60)) }
    let first = machine.advance(to: at(50)) { _ in true }.start
    #expect(first.count == 2 && machine.running == 2)
    machine.finished(first[0])
    #expect(machine.advance(to: at(51)) { _ in true }.start.count == 1)
    machine.finished(first[1])
    let (started, forgotten) = machine.advance(to: at(60)) { _ in true }
    #expect(started.isEmpty && forgotten.count == 1)
    #expect(machine.running == 1)
  }

  @Test func `after a failure it is tried again when it may be`() {
    var machine = AutoRefreshStateMachine(AutoRefreshPolicy(window: .seconds(10)))
    _ = machine.track(key(1), receivedAt: at(0), freshUntil: at(60))
    _ = machine.advance(to: at(50)) { _ in true }
    machine.finished(key(1))
    _ = machine.track(key(1), receivedAt: at(0), freshUntil: at(60), notBefore: at(55))
    #expect(machine.advance(to: at(54)) { _ in true }.start.isEmpty)
    #expect(machine.advance(to: at(55)) { _ in true }.start == [key(1)])
  }

  @Test func `no more are looked after than allowed, however often they are tracked anew`() {
    var machine = AutoRefreshStateMachine(AutoRefreshPolicy(maximumTrackedKeys: 3))
    for number in 1...3 { #expect(machine.track(key(number), receivedAt: at(0), freshUntil: at(60)) == true) }
    #expect(machine.track(key(4), receivedAt: at(0), freshUntil: at(60)) == false)
    for step in 0..<10_000 {
      #expect(machine.track(key(step % 3 + 1), receivedAt: at(0), freshUntil: at(60 + Double(step))) == true)
    }
    machine.forget(key(1))
    #expect(machine.track(key(4), receivedAt: at(0), freshUntil: at(60)) == true)
    #expect(machine.advance(to: at(50)) { _ in true }.start == [key(4)])
  }

  @Test func `a day of three entries with different lifetimes: each once in a lifetime`() {
    var machine = AutoRefreshStateMachine(AutoRefreshPolicy(window: .seconds(10)))
    let lifetimes = [30.0, 600, 3600]
    var counts = [0, 0, 0]
    for (number, lifetime) in lifetimes.enumerated() {
      _ = machine.track(key(number), receivedAt: at(0), freshUntil: at(lifetime))
    }
    let end = at(86_400)
    while let moment = machine.nextMoment, moment < end {
      for started in machine.advance(to: moment, isHot: { _ in true }).start {
        let number = (0..<3).first { key($0) == started } ?? 0
        counts[number] += 1
        machine.finished(started)
        _ = machine.track(
          started, receivedAt: moment, freshUntil: moment.advanced(by: .seconds(Int64(lifetimes[number]))))
      }
    }
    // Lifetimes less their windows; the predecessor would have made 8,640 calls for each.
    #expect(counts == [4_319, 146, 24])
  }
}

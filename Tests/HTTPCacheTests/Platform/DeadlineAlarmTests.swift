//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite("Deadline alarm", .timeLimit(.minutes(5)))
struct DeadlineAlarmTests {
  /// An owner as the real ones are: its deadlines and its alarm behind one lock.
  private final class Owner: Sendable {
    struct State {
      var alarm = DeadlineAlarm()
      var deadlines: [CacheInstant] = []
      var met: [CacheInstant] = []
      var wakeups = 0
    }

    let state = Locked(State())
    let clock: CacheClock

    init(_ clock: ManualClock) { self.clock = CacheClock(clock) }

    func add(_ deadlines: [CacheInstant]) {
      state.withLock { state in
        state.deadlines += deadlines
        state.alarm.set(for: state.deadlines.min(), clock) { [weak self] in self?.wake($0) }
      }
    }

    private func wake(_ now: CacheInstant) {
      state.withLock { state in
        state.wakeups += 1
        let due = state.alarm.take(at: now)
        state.met += state.deadlines.filter { $0 <= due }.sorted()
        state.deadlines.removeAll { $0 <= due }
        state.alarm.set(for: state.deadlines.min(), clock) { [weak self] in self?.wake($0) }
      }
    }
  }

  @Test func itGoesOffForEachDeadlineInTurnWithOneSleeper() async {
    let clock = ManualClock()
    let owner = Owner(clock)
    let start = clock.now
    let deadlines = [5, 3, 9, 3, 1].map { start.advanced(by: .seconds($0)) }
    for deadline in deadlines { owner.add([deadline]) }
    await advance(clock, by: .seconds(1)) { owner.state.withLock { $0.met.count } == 5 }
    #expect(owner.state.withLock { $0.met } == deadlines.sorted())
    #expect(owner.state.withLock { $0.alarm.moment } == nil)
    await eventually { clock.sleeperCount == 0 }
  }

  @Test func manyLaterDeadlinesTakeNoTaskEach() async {
    let clock = ManualClock()
    let owner = Owner(clock)
    owner.add([clock.now.advanced(by: .seconds(10))])
    await clock.waitForSleepers(1)
    for number in 0..<1000 { owner.add([clock.now.advanced(by: .seconds(20 + number))]) }
    #expect(clock.sleeperCount == 1)
    clock.advance(by: .seconds(2000))
    await eventually { owner.state.withLock { $0.met.count } == 1001 }
    #expect(owner.state.withLock { $0.wakeups } == 1)
  }

  @Test func aCancelledAlarmDoesNotGoOff() async {
    let clock = ManualClock()
    let owner = Owner(clock)
    owner.add([clock.now.advanced(by: .seconds(1))])
    await clock.waitForSleepers(1)
    owner.state.withLock { $0.alarm.cancel() }
    await eventually { clock.sleeperCount == 0 }
    clock.advance(by: .seconds(10))
    #expect(owner.state.withLock { $0.met.isEmpty })
  }
}

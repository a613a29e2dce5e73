//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite struct FlightStateMachineTests {
  private func machine(isKept: Bool = false, attempts: Int = 2, hardDeadline: Int64? = nil) -> FlightStateMachine<Void>
  {
    FlightStateMachine<Void>(
      isKept: isKept, attempts: attempts, hardDeadline: hardDeadline.map { CacheInstant(nanoseconds: $0) })
  }

  private func at(_ nanoseconds: Int64) -> CacheInstant { CacheInstant(nanoseconds: nanoseconds) }

  @Test func `the first to join leads, the others follow, and all get the answer`() {
    var machine = machine()
    #expect(machine.join(deadline: nil) == .wait(1))
    #expect(machine.join(deadline: nil) == .wait(2))
    #expect(machine.leader == 1)
    #expect(machine.answered(for: [1, 2], isShared: true) == [])
    #expect(machine.join(deadline: nil) == .attach)
    #expect(!machine.isCalling)
  }

  @Test func `when the answer is for the leader only, all others are released at once`() {
    var machine = machine()
    for _ in 0..<3 { _ = machine.join(deadline: nil) }
    #expect(machine.answered(for: [1], isShared: false) == [2, 3])
    #expect(machine.join(deadline: nil) == .refuse)
  }

  @Test func `a leader that leaves harms nobody`() {
    var machine = machine()
    _ = machine.join(deadline: nil)
    _ = machine.join(deadline: nil)
    #expect(machine.cancels(leave: 1) == false)
    #expect(machine.isCalling)
    #expect(machine.answered(for: [2], isShared: true) == [])
  }

  @Test func `when all have left, the call is cancelled and nobody can join`() {
    var machine = machine()
    _ = machine.join(deadline: nil)
    _ = machine.join(deadline: nil)
    #expect(machine.cancels(leave: 1) == false)
    #expect(machine.cancels(leave: 1) == false)
    #expect(machine.cancels(leave: 2) == true)
    #expect(machine.join(deadline: nil) == .refuse)
    #expect(machine.answered(for: [], isShared: true) == [])
  }

  @Test func `a flight that is kept goes on without anybody`() {
    var machine = machine(isKept: true)
    _ = machine.join(deadline: nil)
    #expect(machine.cancels(leave: 1) == false)
    #expect(machine.isCalling)
  }

  @Test func `a failure elects one successor, and the second failure is everybody's`() {
    var machine = machine()
    for _ in 0..<3 { _ = machine.join(deadline: nil) }
    #expect(machine.failure() == .retry(2))
    #expect(machine.leader == 2)
    #expect(machine.failure() == .fail([1, 2, 3]))
    #expect(machine.join(deadline: nil) == .refuse)
  }

  @Test func `nobody repeats a call on behalf of one who is alone`() {
    var machine = machine()
    _ = machine.join(deadline: nil)
    #expect(machine.failure() == .fail([1]))
  }

  @Test func `who joins a refresh does not lead it, and has a call of its own when it fails`() {
    var machine = FlightStateMachine<Void>(isKept: true, attempts: 2, hardDeadline: nil, isRefresh: true)
    #expect(machine.join(deadline: nil) == .wait(1))
    #expect(machine.leader == nil)
    #expect(machine.failure() == .retry(1))
    #expect(machine.leader == 1)
  }

  @Test func `a refresh that fails is not repeated for nobody`() {
    var machine = machine(isKept: true, attempts: 1)
    #expect(machine.failure() == .fail([]))
    #expect(machine.isClosed)
  }

  @Test func `waiting is bounded, and those who gave up do not cancel what they wanted`() {
    var machine = machine()
    _ = machine.join(deadline: nil)
    _ = machine.join(deadline: at(20))
    _ = machine.join(deadline: at(10))
    #expect(machine.nextDeadline == at(10))
    #expect(machine.due(at: at(9)) == .init())
    #expect(machine.due(at: at(10)) == .init(expired: [3]))
    #expect(machine.nextDeadline == at(20))
    #expect(machine.due(at: at(25)) == .init(expired: [2]))
    #expect(machine.nextDeadline == nil)
    #expect(machine.cancels(leave: 1) == false)
  }

  @Test func `the hard deadline ends the flight for everybody`() {
    var machine = machine(hardDeadline: 30)
    _ = machine.join(deadline: nil)
    _ = machine.join(deadline: at(40))
    #expect(machine.nextDeadline == at(30))
    #expect(machine.due(at: at(30)) == .init(timedOut: [1, 2], cancelsOrigin: true))
    #expect(machine.join(deadline: nil) == .refuse)
    #expect(machine.failure() == .fail([]))
  }

  @Test(arguments: 0..<200)
  func `whatever happens, everybody gets exactly one result`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var machine = machine(
      isKept: Bool.random(using: &random), attempts: Int.random(in: 1...3, using: &random),
      hardDeadline: Bool.random(using: &random) ? 50 : nil)
    var waiting: Set<Int> = []
    var isOriginCancelled = false
    func settle(_ ids: [Int]) {
      for id in ids { #expect(waiting.remove(id) != nil, "\(id) was settled twice") }
    }
    for step in 0..<60 {
      switch Int.random(in: 0..<8, using: &random) {
      case 0...3:
        let deadline = Bool.random(using: &random) ? at(Int64.random(in: 0...60, using: &random)) : nil
        if case .wait(let id) = machine.join(deadline: deadline) { #expect(waiting.insert(id).inserted) }
      case 4:
        guard let id = waiting.randomElement(using: &random) else { continue }
        waiting.remove(id)
        if machine.cancels(leave: id) {
          #expect(waiting.isEmpty)
          isOriginCancelled = true
        }
      case 5:
        let expiry = machine.due(at: at(Int64(step)))
        settle(expiry.expired + expiry.timedOut)
      case 6 where Int.random(in: 0..<4, using: &random) == 0:
        switch machine.failure() {
        case .retry(let id): #expect(waiting.contains(id))
        case .fail(let ids): settle(ids)
        }
      case 7 where Int.random(in: 0..<6, using: &random) == 0 && machine.isCalling:
        let receivers = waiting.filter { _ in Bool.random(using: &random) }
        let released = machine.answered(for: Array(receivers), isShared: Bool.random(using: &random))
        #expect(Set(released).isDisjoint(with: receivers))
        settle(Array(receivers) + released)
      default: break
      }
      #expect(machine.waiters.count == waiting.count)
      if !machine.isCalling { #expect(waiting.isEmpty) }
      if isOriginCancelled { #expect(machine.isClosed) }
    }
  }
}

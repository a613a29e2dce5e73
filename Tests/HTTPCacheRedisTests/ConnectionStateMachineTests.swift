//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCacheRedis

@Suite struct ConnectionStateMachineTests {
  private typealias Machine = ConnectionStateMachine<Int>

  private func machine(commands: Int = 100, bytes: Int = 1000) -> Machine {
    Machine(
      limits: .init(commands: commands, bytes: bytes, connectTimeout: 50, headTimeout: 500),
      backoff: ReconnectBackoff(minimum: 10, maximum: 100))
  }

  private func active(commands: Int = 100, bytes: Int = 1000) -> Machine {
    var machine = machine(commands: commands, bytes: bytes)
    #expect(machine.begin(now: 0) == true)
    machine.connected(signInCount: 0, now: 0)
    #expect(machine.isActive)
    return machine
  }

  private func delivery(_ action: Machine.ReplyAction) -> (waiter: Int, replies: [RedisReply])? {
    if case .deliver(let waiter, let replies) = action { (waiter, replies.array) } else { nil }
  }

  @Test func `nothing is queued before the connection is signed in`() {
    var machine = machine()
    #expect(machine.submit(1, commandCount: 1, byteCount: 1, now: 0, deadline: 9)?.code == .disconnected)
    #expect(machine.begin(now: 0) == true)
    #expect(machine.begin(now: 0) == false)
    #expect(machine.nextDeadline == 50)
    machine.connected(signInCount: 2, now: 0)
    #expect(machine.submit(1, commandCount: 1, byteCount: 1, now: 0, deadline: 9)?.code == .disconnected)
    guard case .signIn(index: 0, _) = machine.received(.status("OK")) else { return #expect(Bool(false)) }
    #expect(machine.signedIn(now: 0) == false)
    guard case .signIn(index: 1, _) = machine.received(.status("OK")) else { return #expect(Bool(false)) }
    #expect(machine.signedIn(now: 0) && machine.isActive)
    #expect(machine.submit(1, commandCount: 1, byteCount: 1, now: 0, deadline: 9) == nil)
  }

  @Test func `answers come in the order of the commands, and batches when they are complete`() throws {
    var machine = active()
    for (waiter, count) in [(1, 1), (2, 3), (3, 1)] {
      #expect(machine.submit(waiter, commandCount: count, byteCount: 10, now: 0, deadline: 100) == nil)
    }
    #expect(machine.queuedCommands == 5 && machine.queuedBytes == 30)
    #expect(try #require(delivery(machine.received(.integer(0)))).waiter == 1)
    #expect(delivery(machine.received(.integer(1))) == nil)
    #expect(delivery(machine.received(.integer(2))) == nil)
    let batch = try #require(delivery(machine.received(.integer(3))))
    #expect(batch.waiter == 2 && batch.replies == [.integer(1), .integer(2), .integer(3)])
    #expect(try #require(delivery(machine.received(.integer(4)))).waiter == 3)
    #expect(machine.queuedCommands == 0 && machine.queuedBytes == 0)
    guard case .unsolicited = machine.received(.integer(5)) else { return #expect(Bool(false)) }
  }

  @Test func `one who waits too long is let go, and the answer for it is dropped in its turn`() throws {
    var machine = active()
    _ = machine.submit(1, commandCount: 2, byteCount: 1, now: 0, deadline: 30)
    _ = machine.submit(2, commandCount: 1, byteCount: 1, now: 0, deadline: 20)
    _ = machine.submit(3, commandCount: 1, byteCount: 1, now: 0, deadline: 40)
    #expect(machine.nextDeadline == 20)
    #expect(machine.timePassed(now: 19).waiters == [])
    #expect(machine.timePassed(now: 20).waiters == [2])
    #expect(machine.nextDeadline == 30)
    #expect(delivery(machine.received(.integer(1))) == nil)
    #expect(machine.timePassed(now: 30).waiters == [1])
    #expect(machine.nextDeadline == 40 && machine.isActive)
    #expect(delivery(machine.received(.integer(1))) == nil)
    #expect(delivery(machine.received(.integer(2))) == nil)
    let last = try #require(delivery(machine.received(.integer(3))))
    #expect(last.waiter == 3 && last.replies == [.integer(3)])
  }

  @Test func `a peer that owes an answer and is silent is given up, one that is slow is not`() {
    var machine = active()
    _ = machine.submit(1, commandCount: 1, byteCount: 1, now: 100, deadline: 150)
    #expect(machine.timePassed(now: 150).waiters == [1])
    #expect(machine.nextDeadline == 600)
    #expect(machine.timePassed(now: 599).failure == nil)
    machine.sawSignOfLife(now: 550)
    #expect(machine.timePassed(now: 1049).failure == nil)
    #expect(machine.timePassed(now: 1050).failure?.code == .headOfLineTimedOut)
    machine.sawSignOfLife(now: 2000)
    _ = machine.received(.null)
    #expect(machine.nextDeadline == .max, "nothing is owed, so silence means nothing")
  }

  @Test func `queues are bounded, by commands and by bytes, but one alone may be large`() {
    var machine = active(commands: 3, bytes: 100)
    #expect(machine.submit(1, commandCount: 1, byteCount: 5000, now: 0, deadline: 9) == nil)
    #expect(machine.submit(2, commandCount: 1, byteCount: 1, now: 0, deadline: 9)?.code == .queueFull)
    _ = machine.received(.null)
    #expect(machine.submit(3, commandCount: 2, byteCount: 1, now: 0, deadline: 9) == nil)
    #expect(machine.submit(4, commandCount: 2, byteCount: 1, now: 0, deadline: 9)?.code == .queueFull)
    #expect(machine.submit(5, commandCount: 1, byteCount: 1, now: 0, deadline: 9) == nil)
  }

  @Test func `a failure is everybody's who still waits, and is followed by another attempt after a while`() {
    var machine = active()
    for waiter in 1...3 {
      _ = machine.submit(waiter, commandCount: 1, byteCount: 1, now: 0, deadline: Int64(waiter) * 10)
    }
    _ = machine.timePassed(now: 10)
    #expect(machine.failed(RedisError(.connectionLost, "x"), now: 15, random: 1) == [2, 3])
    #expect(machine.nextDeadline == 25)
    #expect(machine.submit(4, commandCount: 1, byteCount: 1, now: 15, deadline: 99)?.code == .disconnected)
    #expect(!machine.timePassed(now: 24).begins)
    #expect(machine.timePassed(now: 25).begins && machine.begin(now: 25))
    #expect(machine.timePassed(now: 74).failure == nil)
    #expect(machine.timePassed(now: 75).failure?.code == .connectTimedOut)
    #expect(machine.failed(RedisError(.authenticationFailed, "x"), now: 75, random: 1).isEmpty)
    #expect(machine.nextDeadline == 95, "twice as long as the first time")
    #expect(machine.submit(5, commandCount: 1, byteCount: 1, now: 80, deadline: 99)?.code == .authenticationFailed)
  }

  @Test func `a connection of large values is given up for one that is late, and takes commands while it is made`()
    throws
  {
    var machine = Machine(
      limits: .init(commands: 100, bytes: 1000, connectTimeout: 50, headTimeout: 500, replyTimeout: 100),
      backoff: ReconnectBackoff(minimum: 10, maximum: 100))
    for (waiter, deadline) in [(1, 30), (2, 90), (3, 90)] as [(Int, Int64)] {
      #expect(machine.submit(waiter, commandCount: 1, byteCount: 1, now: 0, deadline: deadline) == nil)
    }
    #expect(machine.begin(now: 0) == true)
    #expect(machine.nextDeadline == 30)
    #expect(machine.timePassed(now: 30).waiters == [1] && machine.current == nil)
    machine.connected(signInCount: 0, now: 40)
    let waiters = machine.allWaiters()
    #expect(waiters == [2, 3] && machine.queuedCommands == 2, "nobody waits for the first")
    // The one that is received has its time, whether anybody still waits for it or not.
    machine.sawSignOfLife(now: 50)
    #expect(try #require(delivery(machine.received(.integer(0)))).waiter == 2)
    #expect(machine.submit(4, commandCount: 1, byteCount: 1, now: 60, deadline: 160) == nil)
    #expect(machine.timePassed(now: 90).waiters == [3])
    #expect(machine.current == 3 && machine.nextDeadline == 150)
    let expiry = machine.timePassed(now: 150)
    #expect(expiry.waiters.isEmpty && expiry.isLate && expiry.failure?.code == .headOfLineTimedOut)
    #expect(machine.failed(try #require(expiry.failure), now: 150, random: nil) == [4])
    // It is made again at once, and those who come wait for it; after a failure they do not.
    #expect(machine.nextDeadline == 150)
    #expect(machine.submit(4, commandCount: 1, byteCount: 1, now: 150, deadline: 160) == nil)
    #expect(machine.begin(now: 150) == true)
    #expect(machine.failed(RedisError(.connectFailed, "x"), now: 155, random: 1) == [4])
    #expect(machine.submit(4, commandCount: 1, byteCount: 1, now: 156, deadline: 160)?.code == .connectFailed)
  }

  @Test func `what is closed stays closed`() {
    var machine = active()
    _ = machine.submit(1, commandCount: 1, byteCount: 1, now: 0, deadline: 9)
    #expect(machine.close() == [1])
    #expect(machine.begin(now: 1) == false)
    #expect(machine.submit(2, commandCount: 1, byteCount: 1, now: 0, deadline: 9)?.code == .shutDown)
    #expect(machine.failed(RedisError(.connectionLost, "x"), now: 1, random: 1).isEmpty && machine.phase == .closed)
    #expect(machine.nextDeadline == .max)
  }

  @Test(arguments: 0..<100)
  func `whatever happens, everybody gets exactly one outcome, and the right one`(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var machine = machine(commands: 20, bytes: 200)
    var now: Int64 = 0
    var next = 0
    var waiting: Set<Int> = []
    /// What the peer has been sent: one number for every command.
    var owed: [Int] = []
    func settle(_ waiters: [Int]) { for waiter in waiters { #expect(waiting.remove(waiter) != nil) } }
    for _ in 0..<400 {
      now += Int64.random(in: 0...8, using: &random)
      switch Int.random(in: 0..<10, using: &random) {
      case 0...4:
        next += 1
        let count = Int.random(in: 1...3, using: &random)
        let deadline = now + Int64.random(in: 5...60, using: &random)
        if machine.submit(next, commandCount: count, byteCount: 9, now: now, deadline: deadline) == nil {
          waiting.insert(next)
          owed += repeatElement(next, count: count)
        }
      case 5...7 where !owed.isEmpty && machine.isActive:
        let number = owed.removeFirst()
        machine.sawSignOfLife(now: now)
        if let delivery = delivery(machine.received(.integer(Int64(number)))) {
          #expect(delivery.replies.allSatisfy { $0 == .integer(Int64(delivery.waiter)) })
          settle([delivery.waiter])
        }
      case 8 where Int.random(in: 0..<5, using: &random) == 0:
        settle(machine.failed(RedisError(.connectionLost, "x"), now: now, random: 0.5))
        owed = []
        #expect(waiting.isEmpty)
      default:
        let expiry = machine.timePassed(now: now)
        settle(expiry.waiters)
        if let failure = expiry.failure {
          settle(machine.failed(failure, now: now, random: 0.5))
          owed = []
        }
      }
      if machine.begin(now: now) { machine.connected(signInCount: 0, now: 0) }
      #expect(machine.queuedCommands >= 0 && machine.queuedCommands <= 20)
    }
    settle(machine.close())
    #expect(waiting.isEmpty)
  }
}

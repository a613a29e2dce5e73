//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCacheRedis

/// Who reads a connection's answers, as a state machine.
struct ReadingTurnTests {
  /// One whose callers have been alone for long enough, and nobody waits.
  private static func callersTurn() -> ReadingTurn {
    var turn = ReadingTurn()
    for _ in 0..<ReadingTurn.patience { turn.loopAnswered(1, waiting: 0) }
    _ = turn.loopReads(waiting: 0, isActive: true)
    return turn
  }

  @Test func `callers read when so many in a row have been alone, and not before`() {
    var turn = ReadingTurn()
    for _ in 1..<ReadingTurn.patience {
      turn.loopAnswered(1, waiting: 0)
      #expect(turn.loopReads(waiting: 0, isActive: true) == true)
    }
    turn.loopAnswered(2, waiting: 0)
    for _ in 1..<ReadingTurn.patience {
      turn.loopAnswered(1, waiting: 0)
      #expect(turn.loopReads(waiting: 0, isActive: true) == true)
    }
    turn.loopAnswered(1, waiting: 0)
    #expect(turn.loopReads(waiting: 1, isActive: true) == true, "somebody has asked already, and does not read")
    #expect(turn.loopReads(waiting: 0, isActive: false) == true, "what comes while signing in is for the loop")
    #expect(turn.loopReads(waiting: 0, isActive: true) == false)
  }

  @Test func `a sole caller reads, and so does the next`() {
    var turn = Self.callersTurn()
    for number in 1...100 {
      #expect(turn.submitted(waiting: 1, canRead: true) == .read(number))
      #expect(turn.loopReads(waiting: 1, isActive: true) == false)
      #expect(turn.finished(number, waiting: 0, isAnswered: true) == false)
      #expect(turn.loopReads(waiting: 0, isActive: true) == false)
    }
  }

  @Test func `who cannot read wakes the loop`() {
    var turn = Self.callersTurn()
    #expect(turn.submitted(waiting: 1, canRead: false) == .wakeLoop)
    #expect(turn.loopReads(waiting: 1, isActive: true) == true)
    #expect(turn.submitted(waiting: 2, canRead: true) == .none)
  }

  @Test func `who joins a caller that reads waits for the loop, which the caller wakes`() {
    var turn = Self.callersTurn()
    #expect(turn.submitted(waiting: 1, canRead: true) == .read(1))
    #expect(turn.submitted(waiting: 2, canRead: true) == .none)
    #expect(turn.finished(1, waiting: 1, isAnswered: true) == true)
    #expect(turn.loopReads(waiting: 0, isActive: true) == true, "they are not alone any more")
  }

  @Test func `who joins and is answered as well needs no loop`() {
    var turn = Self.callersTurn()
    #expect(turn.submitted(waiting: 1, canRead: true) == .read(1))
    #expect(turn.submitted(waiting: 2, canRead: true) == .none)
    #expect(turn.finished(1, waiting: 0, isAnswered: true) == false)
    #expect(turn.submitted(waiting: 1, canRead: true) == .read(2))
  }

  @Test func `after one has waited in vain nobody does for long`() {
    var turn = Self.callersTurn()
    #expect(turn.submitted(waiting: 1, canRead: true) == .read(1))
    #expect(turn.finished(1, waiting: 1, isAnswered: false) == true)
    for _ in 1..<(ReadingTurn.penalty + ReadingTurn.patience) {
      turn.loopAnswered(1, waiting: 0)
      #expect(turn.loopReads(waiting: 0, isActive: true) == true)
    }
    turn.loopAnswered(3, waiting: 0)
    #expect(turn.loopReads(waiting: 0, isActive: true) == true, "and others that come by do not shorten it")
  }

  @Test func `a caller of a connection that is gone changes nothing for the new one`() {
    var turn = Self.callersTurn()
    #expect(turn.submitted(waiting: 1, canRead: true) == .read(1))
    turn = ReadingTurn()
    #expect(turn.finished(1, waiting: 3, isAnswered: false) == false)
    #expect(turn.submitted(waiting: 1, canRead: true) == .none)
  }
}

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

  /// How many sole answers it takes until callers read again.
  private static func pause(of turn: inout ReadingTurn) -> Int {
    var count = 0
    while turn.loopReads(waiting: 0, isActive: true), count < 100_000 {
      turn.loopAnswered(1, waiting: 0)
      count += 1
    }
    return count
  }

  @Test func `after one has waited in vain nobody does for a while, and longer each time it happens again`() {
    var turn = Self.callersTurn()
    var pauses: [Int] = []
    for number in 1...12 {
      #expect(turn.submitted(waiting: 1, canRead: true) == .read(number))
      #expect(turn.finished(number, waiting: 1, isAnswered: false) == true)
      // Others that come by do not shorten it.
      turn.loopAnswered(3, waiting: 0)
      pauses.append(Self.pause(of: &turn) - ReadingTurn.patience)
    }
    #expect(pauses == [16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096, 4096])
  }

  @Test func `who waits in vain once in a while is forgiven`() {
    var turn = Self.callersTurn()
    var number = 0
    for _ in 0..<5 {
      for isLast in [Bool](repeating: false, count: ReadingTurn.trust) + [true] {
        number += 1
        #expect(turn.submitted(waiting: 1, canRead: true) == .read(number))
        #expect(turn.finished(number, waiting: isLast ? 1 : 0, isAnswered: !isLast) == isLast)
      }
      #expect(Self.pause(of: &turn) == ReadingTurn.shortestPenalty + ReadingTurn.patience)
    }
  }

  @Test func `a caller of a connection that is gone changes nothing for the new one`() {
    var turn = Self.callersTurn()
    #expect(turn.submitted(waiting: 1, canRead: true) == .read(1))
    turn = ReadingTurn()
    #expect(turn.finished(1, waiting: 3, isAnswered: false) == false)
    #expect(turn.submitted(waiting: 1, canRead: true) == .none)
  }
}

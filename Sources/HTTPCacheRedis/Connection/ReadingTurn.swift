//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Who reads the answers of a connection whose callers may wait in their own threads: the loop, or a caller who is alone.
/// Pure; ``RedisConnection`` performs it.
///
///     loop ──many answers in a row, each to a sole caller; nobody waits──▶ nobody ──a sole caller asks──▶ caller
///      ▲                                                                     │  ▲                          │ │
///      ├─────────────────── somebody asks who cannot read ───────────────────┘  └───── has its answer ─────┘ │
///      └──────────────────────────── has waited too long, or is not alone any more ──────────────────────────┘
struct ReadingTurn {
  private enum Reader: Equatable {
    case loop
    /// The loop does not look for answers, because nobody waits for any.
    case nobody
    /// The caller with this number.
    case caller(Int)
  }

  /// What whoever has submitted something has to do.
  enum Duty: Equatable {
    case none
    /// To read the answer itself, and to say so under this number when it has it or has given up.
    case read(Int)
    /// To wake the loop, which has not been looking.
    case wakeLoop
  }

  /// So many answers in a row went to a sole caller before callers are trusted to stay alone.
  static let patience = 16
  /// So many more after one has waited in vain, and twice as many each time that happens again before callers have been
  /// answered `trust` times; at most `longestPenalty`. A server that is often too slow holds up one command of some thousand.
  static let shortestPenalty = 16
  static let longestPenalty = 4096
  static let trust = 64

  private var reader = Reader.loop
  private var soleAnswers = 0
  /// How many callers have had their answers since one had waited in vain.
  private var successes = ReadingTurn.trust
  private var penalty = 0
  private var lastNumber = 0

  /// Whether callers read, should they come.
  var isCallers: Bool { reader != .loop }

  /// Something has been submitted.
  ///
  /// - Parameters:
  ///   - waiting: How many calls wait now, this one included.
  ///   - canRead: Whether the one who has submitted it also sends it at once, and may wait.
  mutating func submitted(waiting: Int, canRead: Bool) -> Duty {
    guard reader == .nobody else { return .none }
    guard canRead, waiting == 1 else {
      reader = .loop
      soleAnswers = 0
      return .wakeLoop
    }
    lastNumber &+= 1
    reader = .caller(lastNumber)
    return .read(lastNumber)
  }

  /// A caller does not read any more.
  ///
  /// - Parameters:
  ///   - waiting: How many calls wait still.
  ///   - isAnswered: Whether it has its answer.
  /// - Returns: Whether the loop has to be woken, to read what is to come.
  mutating func finished(_ number: Int, waiting: Int, isAnswered: Bool) -> Bool {
    // The connection may have been lost meanwhile, and all has begun anew.
    guard reader == .caller(number) else { return false }
    if isAnswered {
      successes += 1
      reader = waiting == 0 ? .nobody : .loop
      soleAnswers = 0
      return waiting > 0
    }
    penalty = successes >= Self.trust ? Self.shortestPenalty : min(2 * penalty, Self.longestPenalty)
    successes = 0
    reader = .loop
    soleAnswers = -penalty
    return true
  }

  /// The loop has read `answers` answers.
  mutating func loopAnswered(_ answers: Int, waiting: Int) {
    if answers == 1, waiting == 0 { soleAnswers += 1 } else if answers > 0 { soleAnswers = min(soleAnswers, 0) }
  }

  /// The loop is about to sleep.
  ///
  /// - Returns: Whether it has to look for answers.
  mutating func loopReads(waiting: Int, isActive: Bool) -> Bool {
    if reader == .loop, waiting == 0, isActive, soleAnswers >= Self.patience { reader = .nobody }
    return reader == .loop
  }
}

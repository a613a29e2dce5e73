//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import Synchronization

/// Commands that go to one connection together, and the one who waits for their answers.
///
/// Whoever finishes it first decides: the connection, the deadline, or the caller's task being cancelled. What comes later
/// is dropped.
final class RedisCall: @unchecked Sendable {
  // @unchecked: `settled` is written by the one that has claimed the call, before it says so in `phase` or resumes the one
  // who waits, and read after that; `waiter` is written by the one who waits, before it says so in `phase`, and read by the
  // one that settles after that.

  typealias Outcome = Result<OneOrMore<RedisReply>, RedisError>

  /// Who has been here: nobody, the one who waits, or the one that settles.
  private enum Phase {
    static let pending: UInt8 = 0
    static let awaited: UInt8 = 1
    static let settled: UInt8 = 2
  }

  let commands: OneOrMore<RedisCommand>
  /// Of the commands, roughly.
  let byteCount: Int
  /// Whether one of the replies may be a large value.
  let hasLargeReply: Bool
  /// In nanoseconds of the monotonic clock.
  let deadline: Int64
  private let isClaimed = Atomic<Bool>(false)
  private let phase = Atomic<UInt8>(Phase.pending)
  private var settled: Outcome?
  /// Resumed without the outcome, which need not be moved there and back for it.
  private var waiter: UnsafeContinuation<Void, Never>?

  init(_ commands: OneOrMore<RedisCommand>, deadline: Int64) {
    self.deadline = deadline
    switch commands {
    case .one(let command):
      byteCount = command.byteCount
      hasLargeReply = command.hasLargeReply
    case .more(let commands):
      byteCount = commands.reduce(0) { $0 + $1.byteCount }
      hasLargeReply = commands.contains(where: \.hasLargeReply)
    }
    self.commands = commands
  }

  /// Whether there is an outcome. Not to be asked once somebody waits.
  var isSettled: Bool { phase.load(ordering: .acquiring) == Phase.settled }

  /// Settles the call, unless it is settled.
  func finish(_ outcome: Outcome) { settle(outcome)?.resume() }

  /// The same, but for resuming the one who waits, which whoever calls this has to see to.
  func settle(_ outcome: consuming Outcome) -> UnsafeContinuation<Void, Never>? {
    guard !isClaimed.exchange(true, ordering: .relaxed) else { return nil }
    settled = outcome
    if phase.load(ordering: .acquiring) == Phase.awaited {
      // Resuming orders this before what the one who waits does next, and so does this, which sanitizers see.
      phase.store(Phase.settled, ordering: .releasing)
      return waiter
    }
    let isAwaited = phase.exchange(Phase.settled, ordering: .acquiringAndReleasing) == Phase.awaited
    return isAwaited ? waiter : nil
  }

  /// The outcome, when there is one. To be asked for once only.
  @inline(__always)
  func outcome() async -> Outcome {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        waiter = continuation
        let (isAwaited, _) = phase.compareExchange(
          expected: Phase.pending, desired: Phase.awaited, ordering: .acquiringAndReleasing)
        if !isAwaited { continuation.resume() }
      }
    } onCancel: {
      finish(.failure(RedisError(.cancelled, "the caller was cancelled while it waited for Redis")))
    }
    _ = phase.load(ordering: .acquiring)
    guard let outcome = settled.take() else { preconditionFailure("the outcome was asked for twice") }
    return outcome
  }
}

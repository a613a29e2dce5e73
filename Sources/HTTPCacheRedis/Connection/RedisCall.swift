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
  // @unchecked: `settled` is written by the one that has claimed the call, before it says so in `phase`, and read after
  // that was seen; `waiter` is written by the one who waits, before it says so, and read by the one that settles after that.

  typealias Outcome = Result<[RedisReply], RedisError>

  /// Who has been here: nobody, the one who waits, or the one that settles.
  private enum Phase {
    static let pending: UInt8 = 0
    static let awaited: UInt8 = 1
    static let settled: UInt8 = 2
  }

  let commands: [RedisCommand]
  /// Of the commands, roughly.
  let byteCount: Int
  /// In nanoseconds of the monotonic clock.
  let deadline: Int64
  private let isClaimed = Atomic<Bool>(false)
  private let phase = Atomic<UInt8>(Phase.pending)
  private var settled: Outcome?
  private var waiter: UnsafeContinuation<Outcome, Never>?

  init(_ commands: [RedisCommand], deadline: Int64) {
    self.commands = commands
    self.deadline = deadline
    self.byteCount = commands.reduce(0) { $0 + $1.byteCount }
  }

  /// Settles the call, unless it is settled.
  func finish(_ outcome: Outcome) {
    guard !isClaimed.exchange(true, ordering: .relaxed) else { return }
    if phase.load(ordering: .acquiring) == Phase.awaited {
      waiter.take()?.resume(returning: outcome)
      return
    }
    settled = outcome
    guard phase.exchange(Phase.settled, ordering: .acquiringAndReleasing) == Phase.awaited else { return }
    waiter.take()?.resume(returning: outcome)
  }

  /// The outcome, when there is one. To be asked for by one task only.
  func outcome() async -> Outcome {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        waiter = continuation
        let (isAwaited, _) = phase.compareExchange(
          expected: Phase.pending, desired: Phase.awaited, ordering: .acquiringAndReleasing)
        if !isAwaited, let settled {
          waiter = nil
          continuation.resume(returning: settled)
        }
      }
    } onCancel: {
      finish(.failure(RedisError(.cancelled, "the caller was cancelled while it waited for Redis")))
    }
  }
}

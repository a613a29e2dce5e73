//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// Commands that go to one connection together, and the one who waits for their answers.
///
/// Whoever finishes it first decides: the connection, the deadline, or the caller's task being cancelled. What comes later
/// is dropped.
final class RedisCall: Sendable {
  typealias Outcome = Result<[RedisReply], RedisError>

  private struct State {
    var outcome: Outcome?
    var waiter: UnsafeContinuation<Outcome, Never>?
  }

  let commands: [RedisCommand]
  /// Of the commands, roughly.
  let byteCount: Int
  /// In nanoseconds of the monotonic clock.
  let deadline: Int64
  private let state = Locked(State())

  init(_ commands: [RedisCommand], deadline: Int64) {
    self.commands = commands
    self.deadline = deadline
    self.byteCount = commands.reduce(0) { $0 + $1.byteCount }
  }

  /// Settles the call, unless it is settled.
  func finish(_ outcome: Outcome) {
    let waiter = state.withLock { state -> UnsafeContinuation<Outcome, Never>? in
      guard state.outcome == nil else { return nil }
      state.outcome = outcome
      return state.waiter.take()
    }
    waiter?.resume(returning: outcome)
  }

  /// The outcome, when there is one. To be asked for by one task only.
  func outcome() async -> Outcome {
    await withTaskCancellationHandler {
      await withUnsafeContinuation { continuation in
        let settled = state.withLock { state -> Outcome? in
          if state.outcome == nil { state.waiter = continuation }
          return state.outcome
        }
        if let settled { continuation.resume(returning: settled) }
      }
    } onCancel: {
      finish(.failure(RedisError(.cancelled, "the caller was cancelled while it waited for Redis")))
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Synchronization

/// One command on its way to a server and back.
///
/// It is finished exactly once, by whoever comes first: the worker with the answer, the watchdog at the deadline, or the
/// caller who is cancelled. The others find that out and do nothing: a job that its caller has abandoned holds nobody up.
final class MemcachedJob: @unchecked Sendable {
  // @unchecked: `continuation` is written before `phase` says so, and read by the one who takes `phase` to finished.

  private enum Phase {
    static let new = 0
    static let awaited = 1
    static let finished = 2
  }

  let command: MemcachedCommand
  let deadline: CacheInstant
  /// Set for a job whose result is one of several that are awaited together.
  private let gathering: (Gathering, index: Int)?
  private let phase: Atomic<Int>
  private var continuation: UnsafeContinuation<MemcachedReply, any Error>?

  /// A job whose result is awaited with ``attach(_:)``.
  init(_ command: MemcachedCommand, deadline: CacheInstant) {
    self.command = command
    self.deadline = deadline
    gathering = nil
    phase = Atomic(Phase.new)
  }

  /// A job whose result goes to `gathering`.
  init(_ command: MemcachedCommand, deadline: CacheInstant, part index: Int, of gathering: Gathering) {
    self.command = command
    self.deadline = deadline
    self.gathering = (gathering, index)
    phase = Atomic(Phase.awaited)
  }

  /// Says who waits for the result.
  ///
  /// - Returns: Whether the job is to be done; it is not when it was cancelled before.
  func attach(_ continuation: UnsafeContinuation<MemcachedReply, any Error>) -> Bool {
    self.continuation = continuation
    if phase.compareExchange(expected: Phase.new, desired: Phase.awaited, ordering: .acquiringAndReleasing).exchanged {
      return true
    }
    continuation.resume(throwing: CancellationError())
    return false
  }

  /// Hands the result to whoever waits, unless there has been one.
  ///
  /// - Returns: Whether this was the first.
  @discardableResult
  func finish(_ result: Result<MemcachedReply, any Error>) -> Bool {
    guard phase.exchange(Phase.finished, ordering: .acquiringAndReleasing) == Phase.awaited else { return false }
    if let gathering {
      gathering.0.finish(gathering.index, result)
    } else {
      continuation?.resume(with: result)
    }
    return true
  }

  var isFinished: Bool { phase.load(ordering: .acquiring) == Phase.finished }
}

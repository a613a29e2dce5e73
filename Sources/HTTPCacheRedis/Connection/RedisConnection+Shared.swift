//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RedisConnection {
  /// The state of a connection that its callers and the loop share, under a lock.
  struct Shared {
    var machine: ConnectionStateMachine<RedisCall>
    /// Commands that have been submitted and not been sent.
    var output = OutputBuffer()
    /// Whether somebody has undertaken to send what is in `output`, and looks here again when that is done.
    var hasSender = false
    var callers = CallerEstimate()
    /// Whether the loop looks here within a millisecond: see `endGathering(now:isIdle:)`.
    var isWatched = false
    var turn = ReadingTurn()

    /// Sends what was submitted while the connection was made.
    mutating func sendWaiting() {
      for call in machine.allWaiters() { output.append(call.commands) }
    }

    var areCallersMany: Bool { callers.areMany || machine.callCount >= 2 * CallerEstimate.threshold }
  }
}

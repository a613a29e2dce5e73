//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

extension RedisConnection {
  struct Settings: Sendable {
    var limits: ConnectionStateMachine<RedisCall>.Limits
    var reconnect: RedisConfiguration.Reconnect
    var keepAlive: Duration?
    var signIn: SignIn
    var counters: RedisCounters
    /// How long a caller may wait in its own thread, in nanoseconds; 0 for connections whose callers do not.
    var callerWait: Int64 = 0
  }

  /// What its owner wants to know. All on the loop's thread.
  struct Observer: Sendable {
    /// Signed in.
    var becameActive: @Sendable () -> Void = {}
    /// Gone, or not made.
    var failed: @Sendable (RedisError) -> Void = { _ in }
    /// Nobody asked for it. Nil for connections on which that is an error.
    var received: (@Sendable (RedisReply) -> Void)?
    /// The call whose large value was being received or sent when the connection was given up or broke.
    var late: @Sendable (RedisCall) -> Void = { _ in }
  }

  struct Shared {
    var machine: ConnectionStateMachine<RedisCall>
    /// What has been submitted and not been sent.
    var output = OutputBuffer()
    /// Somebody has undertaken to send what is in `output`, and looks here again when that is done.
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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RedisConnection {
  /// Limits and ways of a connection.
  struct Settings: Sendable {
    var limits: ConnectionStateMachine<RedisCall>.Limits
    var reconnect: RedisConfiguration.Reconnect
    var keepAlive: Duration?
    var signIn: SignIn
    var counters: RedisCounters
    /// How long a caller may wait in its own thread, in nanoseconds; 0 for connections whose callers do not.
    var callerWait: Int64 = 0
  }
}

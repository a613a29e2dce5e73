//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

extension RedisConnection {
  /// The events that the owner of a connection is told of, on the loop's thread.
  struct Observer: Sendable {
    /// Called when it has signed in.
    var becameActive: @Sendable () -> Void = {}
    /// Called when it is gone, or could not be made.
    var failed: @Sendable (RedisError) -> Void = { _ in }
    /// Called with what nobody has asked for. Nil for connections on which that is an error.
    var received: (@Sendable (RedisReply) -> Void)?
    /// Called with the call whose large value was being received or sent when the connection was given up or broke.
    var late: @Sendable (RedisCall) -> Void = { _ in }
  }
}

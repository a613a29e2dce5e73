//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RedisClient {
  /// Listens to channels, or to what happens to keys, on a connection of its own.
  ///
  /// In a cluster one node is enough for channels: a message is passed on to all of them. What happens to keys only their own
  /// node tells, so that `tracking` is of use with one server and with sentinels.
  ///
  /// - Parameter handler: Called on the client's own thread, which it must not hold up.
  package func subscribe(
    channels: [String] = [], patterns: [String] = [], tracking: RedisSubscriber.Tracking? = nil,
    handler: @escaping @Sendable (RedisSubscriber.Event) -> Void
  ) -> RedisSubscriber {
    let (router, dispatcher) = (router, dispatcher)
    return RedisSubscriber(
      endpoint: { router.listeningEndpoint },
      send: { command throws(RedisError) in
        let replies = try await router.send([command], deadline: dispatcher.deadline)
        guard let reply = replies.first else { throw RedisError(.unexpectedReply, "there is no reply") }
        return try reply.checked()
      },
      configuration: configuration, channels: channels, patterns: patterns,
      tracking: tracking, loop: dispatcher.loops[0], counters: counters, handler: handler)
  }
}

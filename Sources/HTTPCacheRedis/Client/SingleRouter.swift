//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One server.
final class SingleRouter: Router {
  private let node: RedisNode
  private let dispatcher: Dispatcher

  init(_ endpoint: RedisEndpoint, dispatcher: Dispatcher) {
    self.dispatcher = dispatcher
    node = dispatcher.node(endpoint)
  }

  var soleNode: RedisNode? { node }
  var isReady: Bool { node.isActive }
  var listeningEndpoint: RedisEndpoint? { node.endpoint }
  var problem: RedisError? { node.lastFailure }

  func send(_ commands: [RedisCommand], deadline: Int64) async throws(RedisError) -> [RedisReply] {
    try await dispatcher.send(.more(commands), to: node, deadline: deadline).get().array
  }

  func shutdown() { node.shutdown() }
}

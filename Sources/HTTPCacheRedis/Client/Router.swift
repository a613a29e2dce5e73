//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Which server gets which command.
protocol Router: Sendable {
  /// Sends `commands` to where they belong, and returns their answers in their order.
  ///
  /// - Throws: When nothing of it was answered. Where only some of the servers failed, their errors stand among the replies.
  func send(_ commands: [RedisCommand], deadline: Int64) async throws(RedisError) -> [RedisReply]

  /// The one server that gets everything, if there is nothing to be decided before, and nothing to be learnt from an answer.
  var soleNode: RedisNode? { get }

  /// Whether commands can be sent.
  var isReady: Bool { get }
  /// Why they cannot.
  var problem: RedisError? { get }

  /// Where to listen to channels; nil while that is not known.
  var listeningEndpoint: RedisEndpoint? { get }

  func shutdown()
}

extension Router {
  var soleNode: RedisNode? { nil }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Makes servers' nodes, and takes commands to them: what all modes have in common.
final class Dispatcher: Sendable {
  let configuration: RedisConfiguration
  let loops: [RedisEventLoop]
  let counters: RedisCounters
  private let largeKeys = LargeKeyMemory()
  private let commandTimeout: Int64

  init(_ configuration: RedisConfiguration, counters: RedisCounters) throws(RedisError) {
    self.configuration = configuration
    self.counters = counters
    commandTimeout = configuration.commandTimeout.inNanoseconds
    var loops: [RedisEventLoop] = []
    for _ in 0..<configuration.eventLoopCount {
      loops.append(try RedisEventLoop(commandTimeout: configuration.commandTimeout.inNanoseconds))
    }
    self.loops = loops
  }

  func node(
    _ endpoint: RedisEndpoint, demandsMaster: Bool = false,
    observer: RedisConnection.Observer = RedisConnection.Observer()
  ) -> RedisNode {
    RedisNode(
      endpoint, configuration: configuration,
      signIn: SignIn(
        credentials: configuration.credentials, database: configuration.database, clientName: configuration.clientName,
        demandsMaster: demandsMaster),
      loops: loops, counters: counters, observer: observer)
  }

  func send(_ commands: [RedisCommand], to node: RedisNode, deadline: Int64) async -> RedisCall.Outcome {
    await outcome(of: submit(commands, to: node, deadline: deadline), from: node)
  }

  /// Sends, and does not wait.
  func submit(_ commands: [RedisCommand], to node: RedisNode, deadline: Int64) -> RedisCall {
    let call = RedisCall(commands, deadline: deadline)
    let isLarge =
      call.byteCount >= configuration.largeValueThreshold
      || commands.contains { command in command.key.map { largeKeys.contains($0) } ?? false }
    counters.sent(commands.count)
    node.submit(call, isLarge: isLarge)
    return call
  }

  func outcome(of call: RedisCall, from node: RedisNode) async -> RedisCall.Outcome {
    let outcome = await call.outcome()
    node.report(outcome)
    if case .success(let replies) = outcome {
      for (command, reply) in zip(call.commands, replies) {
        guard case .bulk(let bytes) = reply, let key = command.key else { continue }
        largeKeys.note(key, isLarge: bytes.count >= configuration.largeValueThreshold)
      }
    }
    return outcome
  }

  /// When a command that is sent now must have been answered.
  var deadline: Int64 { MonotonicTime.now + commandTimeout }

  func stop() { for loop in loops { loop.stop() } }
}

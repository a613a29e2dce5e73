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
  private let largeValueThreshold: Int

  init(_ configuration: RedisConfiguration, counters: RedisCounters) throws(RedisError) {
    self.configuration = configuration
    self.counters = counters
    commandTimeout = configuration.commandTimeout.inNanoseconds
    largeValueThreshold = configuration.largeValueThreshold
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

  func send(_ commands: OneOrMore<RedisCommand>, to node: RedisNode, deadline: Int64) async -> RedisCall.Outcome {
    await outcome(of: submit(commands, to: node, deadline: deadline), from: node)
  }

  /// Sends, and does not wait.
  func submit(
    _ commands: OneOrMore<RedisCommand>, to node: RedisNode, deadline: Int64, now: Int64 = MonotonicTime.now
  ) -> RedisCall {
    let call = RedisCall(commands, deadline: deadline)
    let isLarge =
      call.byteCount >= largeValueThreshold
      || largeKeys.isInUse && commands.contains { command in command.key.map { largeKeys.contains($0) } ?? false }
    counters.sent(commands.count)
    node.submit(call, isLarge: isLarge, now: now)
    return call
  }

  func outcome(of call: RedisCall, from node: RedisNode) async -> RedisCall.Outcome {
    let outcome = await call.outcome()
    learn(from: outcome, of: call, from: node)
    return outcome
  }

  /// Notes how the node is doing, and which values are large.
  func learn(from outcome: RedisCall.Outcome, of call: RedisCall, from node: RedisNode) {
    // Nearly always there is nothing to be learnt.
    if case .success(.one(.bulk(let bytes))) = outcome, bytes.count < largeValueThreshold, node.isPristine,
      !largeKeys.isInUse
    {
      return
    }
    node.report(outcome)
    guard case .success(let replies) = outcome, largeKeys.isInUse || replies.contains(where: isLarge) else { return }
    for (command, reply) in zip(call.commands, replies) {
      guard case .bulk = reply, let key = command.key else { continue }
      largeKeys.note(key, isLarge: isLarge(reply))
    }
  }

  private func isLarge(_ reply: RedisReply) -> Bool {
    if case .bulk(let bytes) = reply { bytes.count >= largeValueThreshold } else { false }
  }

  /// When a command that is sent now must have been answered.
  var deadline: Int64 { deadline(from: MonotonicTime.now) }

  func deadline(from now: Int64) -> Int64 { now + commandTimeout }

  func stop() { for loop in loops { loop.stop() } }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Makes servers' nodes, and takes commands to them: what all modes have in common.
final class Dispatcher: Sendable {
  let configuration: RedisConfiguration
  let loops: [RedisEventLoop]
  let counters: RedisCounters
  let largeValues: LargeValues
  private let commandTimeout: Int64

  init(_ configuration: RedisConfiguration, counters: RedisCounters) throws(RedisError) {
    self.configuration = configuration
    self.counters = counters
    commandTimeout = configuration.commandTimeout.inNanoseconds
    largeValues = LargeValues(threshold: configuration.largeValueThreshold, rest: configuration.largeValueRest)
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
    let largeValues = largeValues
    return RedisNode(
      endpoint, configuration: configuration,
      signIn: SignIn(
        credentials: configuration.credentials, database: configuration.database, clientName: configuration.clientName,
        demandsMaster: demandsMaster),
      loops: loops, counters: counters, observer: observer
    ) { call in
      if let key = call.commands.first?.key { largeValues.rest(key, now: MonotonicTime.now) }
    }
  }

  func send(_ commands: OneOrMore<RedisCommand>, to node: RedisNode, deadline: Int64) async -> RedisCall.Outcome {
    await outcome(of: submit(commands, to: node, deadline: deadline), from: node)
  }

  /// Sends, and does not wait.
  func submit(
    _ commands: OneOrMore<RedisCommand>, to node: RedisNode, deadline: Int64, now: Int64 = MonotonicTime.now
  ) -> RedisCall {
    let call = RedisCall(commands, deadline: deadline)
    counters.sent(commands.count)
    node.submit(call, isLarge: isLarge(call), now: now)
    return call
  }

  func outcome(of call: RedisCall, from node: RedisNode) async -> RedisCall.Outcome {
    let outcome = await call.outcome()
    learn(from: outcome, of: call, from: node)
    return outcome
  }

  /// Notes how the node is doing. A large value that is late says nothing about that: the small ones may be in time.
  func learn(from outcome: RedisCall.Outcome, of call: RedisCall, from node: RedisNode) {
    // Nearly always there is nothing to be learnt.
    if case .success(.one(.bulk)) = outcome, node.isPristine { return }
    if !isLarge(call) { node.report(outcome) }
  }

  private func isLarge(_ call: RedisCall) -> Bool { call.hasLargeReply || call.byteCount >= largeValues.threshold }

  /// When a command that is sent now must have been answered.
  var deadline: Int64 { deadline(from: MonotonicTime.now) }

  func deadline(from now: Int64) -> Int64 { now + commandTimeout }

  func stop() { for loop in loops { loop.stop() } }
}

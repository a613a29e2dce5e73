//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache
internal import Synchronization

/// A client for one server, a cluster, or a master watched by sentinels.
///
/// All callers share few connections, on which their commands are pipelined. A caller waits for its answer no longer than
/// the command timeout; while there is no connection it does not wait at all.
package final class RedisClient: Sendable {
  package let configuration: RedisConfiguration
  let dispatcher: Dispatcher
  let router: any Router
  private let soleNode: RedisNode?
  let counters = RedisCounters()
  private let isShutDown = Atomic<Bool>(false)

  /// Begins to connect.
  ///
  /// - Throws: ``CacheConfigurationError``, or a ``RedisError`` when the system has no thread or descriptor left.
  package init(_ configuration: RedisConfiguration) throws {
    try configuration.validate()
    self.configuration = configuration
    dispatcher = try Dispatcher(configuration, counters: counters)
    router =
      switch configuration.mode.kind {
      case .single(let endpoint): SingleRouter(endpoint, dispatcher: dispatcher)
      case .cluster(let seeds): ClusterRouter(seeds: seeds, dispatcher: dispatcher)
      case .sentinel(let master, let sentinels, let credentials):
        SentinelRouter(master: master, sentinels: sentinels, credentials: credentials, dispatcher: dispatcher)
      }
    soleNode = router.soleNode
  }

  deinit {
    // Without waiting: whoever cares calls `shutdown()`.
    router.shutdown()
    dispatcher.stop()
  }

  /// What is known of the sizes of values.
  var largeValues: LargeValues { dispatcher.largeValues }

  /// What has happened so far.
  package var statistics: RedisStatistics { counters.statistics }

  /// Sends one command.
  ///
  /// - Throws: ``RedisError``, also for an error that is the server's answer.
  package func send(_ command: RedisCommand) async throws(RedisError) -> RedisReply {
    let replies = try await transmit(.one(command))
    if case .one(let reply) = replies, case .bulk = reply { return reply }
    guard let reply = replies.first else { throw RedisError(.unexpectedReply, "there is no reply") }
    return try counted { () throws(RedisError) in try reply.checked() }
  }

  /// Sends several commands in one go, each to the server that has its key.
  ///
  /// - Parameter deadline: The end of the wait, by the monotonic clock; nil for the command timeout.
  /// - Returns: The answers in the order of the commands; errors of the servers are among them.
  /// - Throws: ``RedisError``, when there is no answer to any of them.
  package func send(_ commands: [RedisCommand], deadline: Int64? = nil) async throws(RedisError) -> [RedisReply] {
    guard !commands.isEmpty else { return [] }
    let replies = try await transmit(.more(commands), deadline: deadline).array
    for case .error(let error) in replies { counters.count(error.code) }
    return replies
  }

  /// Runs a script. The server gets its text only if it does not have it.
  ///
  /// - Parameter commands: Commands that are sent behind the script in the same go, and whose answers do not matter.
  package func evaluate(
    _ script: RedisScript, keys: [RedisCommand.Argument], arguments: [RedisCommand.Argument] = [],
    isIdempotent: Bool = true, followedBy commands: [RedisCommand] = []
  ) async throws(RedisError) -> RedisReply {
    func command(_ isKnown: Bool) -> RedisCommand {
      script.command(isKnown: isKnown, keys: keys, arguments: arguments, isIdempotent: isIdempotent)
    }
    let replies = try await transmit(commands.isEmpty ? .one(command(true)) : .more([command(true)] + commands))
    if let reply = replies.first, reply.error?.code != .noScript {
      return try counted { () throws(RedisError) in try reply.checked() }
    }
    return try await send(command(false))
  }

  @inline(__always)
  private func transmit(
    _ commands: OneOrMore<RedisCommand>, deadline: Int64? = nil
  ) async throws(RedisError) -> OneOrMore<RedisReply> {
    do throws(RedisError) {
      guard let soleNode else {
        return .more(try await router.send(commands.array, deadline: deadline ?? dispatcher.deadline))
      }
      // The same without the way through the router: each function on it costs something when the answer comes.
      let now = MonotonicTime.now
      let call = dispatcher.submit(
        commands, to: soleNode, deadline: deadline ?? dispatcher.deadline(from: now), now: now)
      let outcome = await call.outcome()
      dispatcher.learn(from: outcome, of: call, from: soleNode)
      return try outcome.get()
    } catch {
      counters.count(error.code)
      throw error
    }
  }

  private func counted(_ body: () throws(RedisError) -> RedisReply) throws(RedisError) -> RedisReply {
    do throws(RedisError) {
      return try body()
    } catch {
      counters.count(error.code)
      throw error
    }
  }

  /// Returns when commands can be sent.
  ///
  /// - Throws: Why they cannot, when that has taken longer than `limit`.
  package func waitUntilReady(within limit: Duration) async throws(RedisError) {
    let deadline = MonotonicTime.now + limit.inNanoseconds
    while !router.isReady {
      guard !isShutDown.load(ordering: .relaxed) else { throw RedisError(.shutDown, "the client was shut down") }
      guard MonotonicTime.now < deadline, (try? await Task.sleep(for: .milliseconds(2))) != nil else {
        throw router.problem ?? RedisError(.disconnected, "there is no connection yet")
      }
    }
  }

  /// Closes all connections, and returns when the threads have ended. Those who still wait get ``RedisError/Code/shutDown``.
  package func shutdown() async {
    isShutDown.store(true, ordering: .relaxed)
    router.shutdown()
    dispatcher.stop()
    for loop in dispatcher.loops { await loop.waitUntilStopped() }
  }
}

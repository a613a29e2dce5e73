//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// A Redis Cluster: every command goes to the node that has its key's slot.
///
/// What is known of the slots comes from `CLUSTER SLOTS`, and is corrected by every node that refers to another one. A node
/// that fails is a reason to ask the others who has its slots now.
final class ClusterRouter: Router {
  private struct State {
    var topology = ClusterTopology()
    var nodes: [RedisEndpoint: RedisNode] = [:]
    var isShutDown = false
    var problem: RedisError?
  }

  /// A command that is still to be answered.
  private struct Pending {
    var index: Int
    /// Where it is sent regardless of its slot, after a node has said so.
    var target: RedisEndpoint?
    var isAsking = false
  }

  /// How often one command follows what nodes say.
  private static let redirectionLimit = 5
  private let seeds: [RedisEndpoint]
  private let dispatcher: Dispatcher
  private let state = Locked(State())
  /// The topology is asked for ten times a second at most.
  private let refreshes = RefreshScheduler(interval: 100_000_000)

  init(seeds: [RedisEndpoint], dispatcher: Dispatcher) {
    self.seeds = seeds
    self.dispatcher = dispatcher
    for seed in seeds { _ = node(seed) }
    refresh()
  }

  var isReady: Bool {
    state.withLock { state in
      !state.topology.isEmpty && state.topology.nodes.allSatisfy { state.nodes[$0]?.isActive ?? false }
    }
  }

  var listeningEndpoint: RedisEndpoint? {
    let nodes = state.withLock { Array($0.nodes.values) }
    return (nodes.first { $0.isActive } ?? nodes.first)?.endpoint
  }

  var problem: RedisError? {
    let (nodes, problem) = state.withLock { ($0.nodes.values.map { $0 }, $0.problem) }
    return problem ?? nodes.lazy.compactMap(\.lastFailure).first
  }

  func shutdown() {
    refreshes.stop()
    let nodes = state.withLock { state in
      state.isShutDown = true
      return Array(state.nodes.values)
    }
    for node in nodes { node.shutdown() }
  }

  // MARK: Sending

  func send(_ commands: [RedisCommand], deadline: Int64) async throws(RedisError) -> [RedisReply] {
    var replies = [RedisReply](repeating: .null, count: commands.count)
    var pending = commands.indices.map { Pending(index: $0) }
    var pause: Int64 = 5_000_000
    var failures = 0
    var redirections = 0
    while !pending.isEmpty {
      var again: [Pending] = []
      var mustPause = false
      for (part, outcome) in try await exchange(pending, commands, deadline: deadline) {
        guard case .success(let answers) = outcome.result else {
          guard case .failure(let error) = outcome.result else { continue }
          refresh()
          failures += part.count
          for item in part { replies[item.index] = .error(error) }
          continue
        }
        for (item, reply) in zip(part, answers) {
          switch reply {
          case .redirection(let redirection) where redirections < Self.redirectionLimit:
            again.append(follow(redirection, item, from: outcome.endpoint))
          case .redirection:
            replies[item.index] = .error(
              RedisError(.tooManyRedirections, "the nodes of the cluster refer to each other: \(outcome.endpoint) last")
            )
          case .error(let error) where error.code == .clusterDown && MonotonicTime.now + pause < deadline:
            // A failover, or a slot that is on its way: soon over.
            refresh()
            mustPause = true
            again.append(Pending(index: item.index))
          default:
            replies[item.index] = reply
          }
        }
      }
      if !again.isEmpty { redirections += 1 }
      if mustPause {
        guard (try? await Task.sleep(for: .nanoseconds(pause))) != nil else {
          throw RedisError(.cancelled, "the caller was cancelled while it waited for Redis")
        }
        pause *= 2
        redirections -= 1
      }
      pending = again
    }
    if failures == commands.count, let error = replies.first?.error { throw error }
    return replies
  }

  private struct Answer {
    var endpoint: RedisEndpoint
    var result: RedisCall.Outcome
  }

  /// Sends every command to its node, all nodes at once.
  private func exchange(
    _ pending: [Pending], _ commands: [RedisCommand], deadline: Int64
  ) async throws(RedisError) -> [([Pending], Answer)] {
    var parts: [(node: RedisNode, items: [Pending])] = []
    for item in pending {
      let node = try await target(of: item, commands[item.index], deadline: deadline)
      if let place = parts.firstIndex(where: { $0.node === node }) {
        parts[place].items.append(item)
      } else {
        parts.append((node, [item]))
      }
    }
    let calls = parts.map { part in
      var batch: [RedisCommand] = []
      for item in part.items {
        if item.isAsking { batch.append(RedisCommand("ASKING")) }
        batch.append(commands[item.index])
      }
      return dispatcher.submit(.more(batch), to: part.node, deadline: deadline)
    }
    var answers: [([Pending], Answer)] = []
    for (part, call) in zip(parts, calls) {
      var outcome = await dispatcher.outcome(of: call, from: part.node)
      if case .success(let replies) = outcome, part.items.contains(where: \.isAsking) {
        outcome = .success(.more(zip(call.commands, replies).filter { "\($0.0.name)" != "ASKING" }.map(\.1)))
      }
      answers.append((part.items, Answer(endpoint: part.node.endpoint, result: outcome)))
    }
    return answers
  }

  private func target(
    of item: Pending, _ command: RedisCommand, deadline: Int64
  ) async throws(RedisError) -> RedisNode {
    if let target = item.target {
      let node = node(target)
      // A node that nobody has referred to before has no connection yet; what is asked of it need not fail for that.
      while !node.isActive, MonotonicTime.now < deadline, node.lastFailure == nil {
        guard (try? await Task.sleep(for: .milliseconds(1))) != nil else { break }
      }
      return node
    }
    let found = state.withLock { state -> RedisNode? in
      guard let slot = HashSlot.of(command) else { return state.nodes.values.first { $0.isActive } }
      return state.topology.owner(of: slot).flatMap { state.nodes[$0] }
    }
    guard let found else {
      refresh()
      throw problem ?? RedisError(.clusterDown, "no node of the cluster is known to have the slot of the key")
    }
    return found
  }

  private func follow(_ redirection: Redirection, _ item: Pending, from asked: RedisEndpoint) -> Pending {
    dispatcher.counters.redirected()
    let target = redirection.endpoint(askedAt: asked)
    guard redirection.kind == .moved else { return Pending(index: item.index, target: target, isAsking: true) }
    state.withLock { $0.topology.assign(redirection.slot, to: target) }
    refresh()
    return Pending(index: item.index, target: target)
  }

  private func node(_ endpoint: RedisEndpoint) -> RedisNode {
    state.withLock { state in
      if let node = state.nodes[endpoint] { return node }
      let node = dispatcher.node(
        endpoint, observer: RedisConnection.Observer(failed: { [weak self] _ in self?.refresh() }))
      if state.isShutDown { node.shutdown() }
      state.nodes[endpoint] = node
      return node
    }
  }

  // MARK: The topology

  /// Asks for the topology, unless somebody is doing so already.
  private func refresh() {
    refreshes.request { [weak self] in await self?.refreshOnce() }
  }

  private func refreshOnce() async {
    // Those that answer first, and among them in no order: no node shall be asked by everybody.
    let nodes = state.withLock { Array($0.nodes.values) }.shuffled()
    var best: ClusterTopology?
    for node in nodes.filter(\.isActive) + (nodes.contains(where: \.isActive) ? [] : nodes) {
      let outcome = await dispatcher.send(
        [RedisCommand("CLUSTER", ["SLOTS"])], to: node, deadline: dispatcher.deadline)
      guard case .success(let replies) = outcome, let reply = replies.first else { continue }
      if let error = reply.error {
        state.withLock { $0.problem = error }
      } else if let topology = ClusterTopology(slots: reply, asked: node.endpoint), !topology.isEmpty {
        best = topology
        if topology.isComplete { break }
      }
    }
    guard let best else {
      // Nobody knows. The seeds are tried again, as they connect.
      if state.withLock({ $0.topology.isEmpty }) { refresh() }
      return
    }
    adopt(best)
  }

  private func adopt(_ topology: ClusterTopology) {
    let (gone, changed) = state.withLock { state -> ([RedisNode], Bool) in
      let changed = state.topology != topology
      state.topology = topology
      state.problem = nil
      let needed = Set(topology.nodes).union(seeds)
      let gone = state.nodes.filter { !needed.contains($0.key) }
      for endpoint in gone.keys { state.nodes[endpoint] = nil }
      return (Array(gone.values), changed)
    }
    for node in gone { node.shutdown() }
    for endpoint in topology.nodes { _ = node(endpoint) }
    if changed { dispatcher.counters.topologyChanged() }
  }
}

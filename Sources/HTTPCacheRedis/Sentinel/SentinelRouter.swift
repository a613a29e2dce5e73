//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache

/// A master that sentinels watch: commands go to whom the sentinels name, once that server itself has said that it is one.
///
/// The sentinels are asked at the beginning, when they announce a new master (`+switch-master`), when the connection to the
/// master fails, and when what was the master refuses to write.
final class SentinelRouter: Router {
  private struct State {
    var master: RedisNode?
    /// What the sentinels name and has not yet said that it is a master.
    var candidate: RedisNode?
    var problem: RedisError?
    var subscribers: [RedisSubscriber] = []
    var isShutDown = false
  }

  private let name: String
  private let dispatcher: Dispatcher
  private let sentinels: [RedisNode]
  private let state = Locked(State())
  private let resolutions = RefreshScheduler(interval: 100_000_000)

  init(master name: String, sentinels: [RedisEndpoint], credentials: RedisCredentials?, dispatcher: Dispatcher) {
    self.name = name
    self.dispatcher = dispatcher
    var configuration = dispatcher.configuration
    configuration.credentials = credentials
    configuration.connectionsPerHost = 1
    configuration.circuitBreaker.failureThreshold = nil
    let signIn = SignIn(credentials: credentials, clientName: configuration.clientName)
    let (loops, counters) = (dispatcher.loops, dispatcher.counters)
    self.sentinels = sentinels.map {
      RedisNode($0, configuration: configuration, signIn: signIn, loops: loops, counters: counters)
    }
    let subscribers = sentinels.map { endpoint in
      RedisSubscriber(
        endpoint: { endpoint }, configuration: configuration, channels: ["+switch-master"], loop: loops[0],
        counters: counters
      ) { [weak self] event in
        switch event {
        // What was announced while nobody listened has to be asked for.
        case .ready: self?.resolve()
        case .message(_, let payload, _) where payload.description.split(separator: " ").first == name[...]:
          self?.resolve()
        default: break
        }
      }
    }
    state.withLock { $0.subscribers = subscribers }
    resolve()
  }

  var isReady: Bool { state.withLock { $0.master }?.isActive ?? false }
  var problem: RedisError? {
    let (master, problem) = state.withLock { ($0.master, $0.problem) }
    return problem ?? master?.lastFailure
  }
  var listeningEndpoint: RedisEndpoint? { state.withLock { $0.master?.endpoint } }

  func shutdown() {
    resolutions.stop()
    let (nodes, subscribers) = state.withLock { state in
      state.isShutDown = true
      return ([state.master, state.candidate].compactMap { $0 }, state.subscribers)
    }
    for node in nodes + sentinels { node.shutdown() }
    for subscriber in subscribers { subscriber.close() }
  }

  func send(_ commands: [RedisCommand], deadline: Int64) async throws(RedisError) -> [RedisReply] {
    guard let master = state.withLock({ $0.master }) else {
      resolve()
      throw problem ?? RedisError(.noMaster, "no sentinel has named the master \(name) yet")
    }
    let outcome = await dispatcher.send(.more(commands), to: master, deadline: deadline)
    switch outcome {
    case .success(let replies):
      // It has become a replica, and nobody has told us.
      if replies.contains(where: { $0.error?.code == .readOnlyReplica }) { resolve() }
    case .failure(let error) where error.code != .cancelled && error.code != .queueFull: resolve()
    case .failure: break
    }
    return try outcome.get().array
  }

  // MARK: Who is the master

  private func resolve() {
    resolutions.request { [weak self] in await self?.resolveOnce() }
  }

  private func resolveOnce() async {
    let endpoints = await namedMasters()
    guard !endpoints.isEmpty else {
      state.withLock {
        $0.problem = RedisError(.noMaster, "no sentinel of \(sentinels.map(\.endpoint)) knows the master \(name)")
      }
      // Without a master there is nothing that would ask again.
      if state.withLock({ $0.master == nil }) { resolve() }
      return
    }
    for endpoint in endpoints where await adopt(endpoint) { return }
    resolve()
  }

  /// Whom the sentinels name, those first whom most of them name.
  private func namedMasters() async -> [RedisEndpoint] {
    let command = RedisCommand("SENTINEL", ["get-master-addr-by-name", .text(name)])
    let calls = sentinels.map { ($0, dispatcher.submit([command], to: $0, deadline: dispatcher.deadline)) }
    var votes: [RedisEndpoint: Int] = [:]
    for (sentinel, call) in calls {
      guard case .success(let replies) = await dispatcher.outcome(of: call, from: sentinel),
        let parts = replies.first?.array, parts.count == 2, let host = parts[0].text, let port = parts[1].integer,
        (1...65535).contains(port)
      else { continue }
      votes[sentinel.endpoint.neighbour(host: host, port: Int(port)), default: 0] += 1
    }
    return votes.sorted { ($0.value, $0.key.description) > ($1.value, $1.key.description) }.map(\.key)
  }

  /// Makes the server at `endpoint` the one that gets the commands, if it says that it is a master.
  private func adopt(_ endpoint: RedisEndpoint) async -> Bool {
    let (current, isShutDown) = state.withLock { ($0.master, $0.isShutDown) }
    if isShutDown { return true }
    // A connection that is made again asks for the role again.
    if let current, current.endpoint == endpoint, current.lastFailure == nil { return true }
    let node = dispatcher.node(
      endpoint, demandsMaster: true,
      observer: RedisConnection.Observer(failed: { [weak self] _ in self?.resolve() }))
    let mayTry = state.withLock { state in
      if !state.isShutDown { state.candidate = node }
      return !state.isShutDown
    }
    let deadline = MonotonicTime.now + dispatcher.configuration.connectTimeout.inNanoseconds
    while mayTry, !node.isActive, node.lastFailure == nil, MonotonicTime.now < deadline {
      guard (try? await Task.sleep(for: .milliseconds(1))) != nil else { break }
    }
    let isGood = node.isActive
    let (useless, changed) = state.withLock { state -> (RedisNode?, Bool) in
      state.candidate = nil
      guard isGood, !state.isShutDown else {
        state.problem = node.lastFailure
        return (node, false)
      }
      state.problem = nil
      let old = state.master
      state.master = node
      return (old, old?.endpoint != endpoint)
    }
    useless?.shutdown()
    if changed { dispatcher.counters.topologyChanged() }
    return isGood
  }
}

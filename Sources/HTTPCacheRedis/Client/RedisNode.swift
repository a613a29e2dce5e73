//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

internal import HTTPCache
internal import Synchronization

/// One server: the connections to it, and whether it is worth asking.
final class RedisNode: Sendable {
  let endpoint: RedisEndpoint
  private let connections: [RedisConnection]
  /// For large values, which no other connection carries. Made when there first is one.
  private let largeConnection = Locked<RedisConnection?>(nil)
  private let makeLargeConnection: @Sendable () -> RedisConnection
  private let turn = Atomic<Int>(0)
  private let breaker: SharedCircuitBreaker
  private let counters: RedisCounters

  /// Begins to connect.
  ///
  /// - Parameter late: Called on a loop's thread with a call for a large value that did not arrive in time.
  init(
    _ endpoint: RedisEndpoint, configuration: RedisConfiguration, signIn: SignIn, loops: [RedisEventLoop],
    counters: RedisCounters, observer: RedisConnection.Observer = RedisConnection.Observer(),
    late: @escaping @Sendable (RedisCall) -> Void = { _ in }
  ) {
    self.endpoint = endpoint
    self.counters = counters
    let settings = RedisConnection.Settings(
      configuration, signIn: signIn, counters: counters, callerWait: configuration.callerWaitLimit)
    let nextLoop = Locked(0)
    let make = { @Sendable (settings: RedisConnection.Settings, observer: RedisConnection.Observer) in
      let loop = nextLoop.withLock { next in
        next += 1
        return loops[next % loops.count]
      }
      let connection = RedisConnection(endpoint, settings: settings, loop: loop, observer: observer)
      loop.add(connection)
      return connection
    }
    connections = (0..<configuration.connectionsPerHost).map { _ in make(settings, observer) }
    makeLargeConnection = {
      var settings = settings
      settings.limits.replyTimeout = configuration.commandTimeout.inNanoseconds
      return make(settings, RedisConnection.Observer(late: late))
    }
    let circuit = configuration.circuitBreaker
    breaker = SharedCircuitBreaker(
      CircuitBreaker(
        threshold: circuit.failureThreshold ?? .max, firstWait: circuit.openDuration,
        longestWait: circuit.maximumOpenDuration, probeLimit: circuit.openDuration))
  }

  /// Whether there is a connection that takes commands.
  var isActive: Bool { connections.contains { $0.isActive } }
  /// Why there is none.
  var lastFailure: RedisError? { connections.first { !$0.isActive }?.lastFailure }
  /// Whether nothing is wrong, so that neither asking nor a success changes anything.
  var isPristine: Bool { breaker.isFlawless }

  /// Sends the commands of `call`. Whatever happens, `call` is finished in the end.
  func submit(_ call: RedisCall, isLarge: Bool, now: Int64) {
    // Nobody learns from a large value whether the server is back.
    guard isLarge ? !breaker.isOpen : breaker.admits(at: CacheInstant(nanoseconds: now)) else {
      return call.finish(
        .failure(RedisError(.circuitOpen, "\(endpoint) has failed repeatedly and is left alone for a moment")))
    }
    if isLarge {
      if let error = connectionForLargeValues().submit(call, now: now) { call.finish(.failure(error)) }
      return
    }
    var failure: RedisError?
    let start = connections.count == 1 ? 0 : turn.wrappingAdd(1, ordering: .relaxed).newValue
    for offset in connections.indices {
      let connection = connections[Int(UInt(bitPattern: start &+ offset) % UInt(connections.count))]
      guard let error = connection.submit(call, now: now) else { return }
      failure = error
    }
    call.finish(.failure(failure ?? RedisError(.disconnected, "there is no connection to \(endpoint)")))
  }

  private func connectionForLargeValues() -> RedisConnection {
    largeConnection.withLock { connection in
      if let connection { return connection }
      let made = makeLargeConnection()
      connection = made
      return made
    }
  }

  /// Learns from what became of a call.
  func report(_ outcome: RedisCall.Outcome) {
    switch outcome {
    case .success(let replies):
      if let error = replies.first?.error, error.isServersFailure {
        noteFailure()
      } else {
        breaker.succeeded()
      }
    case .failure(let error) where error.isServersFailure:
      noteFailure()
    case .failure: break
    }
  }

  private func noteFailure() {
    if breaker.failed(at: CacheInstant(nanoseconds: MonotonicTime.now)) { counters.circuitOpened() }
  }

  func shutdown() {
    for connection in connections { connection.remove() }
    largeConnection.withLock { $0 }?.remove()
  }
}

extension RedisConnection.Settings {
  /// - Parameter callerWait: How long callers may wait in their own threads. Those of a subscriber do not: what comes there
  ///   is for nobody in particular.
  init(
    _ configuration: RedisConfiguration, signIn: SignIn, counters: RedisCounters, callerWait: Duration = .zero
  ) {
    self.init(
      limits: .init(
        commands: configuration.maximumQueuedCommands, bytes: configuration.maximumQueuedBytes,
        connectTimeout: configuration.connectTimeout.inNanoseconds,
        headTimeout: configuration.headOfLineTimeout.inNanoseconds),
      reconnect: configuration.reconnect, keepAlive: configuration.keepAlive, signIn: signIn, counters: counters,
      callerWait: callerWait.inNanoseconds)
  }
}

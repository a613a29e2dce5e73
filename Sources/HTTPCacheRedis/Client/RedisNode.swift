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
  /// For large values. Made when there first is one.
  private let largeConnection: Locked<RedisConnection?>
  private let makeConnection: @Sendable () -> RedisConnection
  private let turn = Atomic<Int>(0)
  private let circuit: Locked<CircuitState>
  /// Saves taking the lock while nothing is wrong.
  private let isFlawless = Atomic<Bool>(true)
  private let loops: [RedisEventLoop]
  private let counters: RedisCounters

  init(
    _ endpoint: RedisEndpoint, configuration: RedisConfiguration, signIn: SignIn, loops: [RedisEventLoop],
    counters: RedisCounters, observer: RedisConnection.Observer = RedisConnection.Observer()
  ) {
    self.endpoint = endpoint
    self.loops = loops
    self.counters = counters
    let settings = RedisConnection.Settings(
      configuration, signIn: signIn, counters: counters, callerWait: configuration.callerWaitLimit)
    let nextLoop = Locked(0)
    makeConnection = {
      let loop = nextLoop.withLock { next in
        next += 1
        return loops[next % loops.count]
      }
      let connection = RedisConnection(endpoint, settings: settings, loop: loop, observer: observer)
      loop.add(connection)
      return connection
    }
    let make = makeConnection
    connections = (0..<configuration.connectionsPerHost).map { _ in make() }
    largeConnection = Locked(nil)
    let breaker = configuration.circuitBreaker
    circuit = Locked(
      CircuitState(
        threshold: breaker.failureThreshold, openDuration: breaker.openDuration.inNanoseconds,
        maximumOpenDuration: breaker.maximumOpenDuration.inNanoseconds))
  }

  /// Whether there is a connection that takes commands.
  var isActive: Bool { connections.contains { $0.isActive } }
  /// Why there is none.
  var lastFailure: RedisError? { connections.first { !$0.isActive }?.lastFailure }
  /// Whether nothing is wrong, so that neither asking nor a success changes anything.
  var isPristine: Bool { isFlawless.load(ordering: .relaxed) }
  var circuitPhase: CircuitState.Phase { circuit.withLock { $0.phase } }

  /// Sends the commands of `call`. Whatever happens, `call` is finished in the end.
  func submit(_ call: RedisCall, isLarge: Bool, now: Int64) {
    if !isPristine, circuit.withLock({ $0.admit(now: now) }) == .refused {
      return call.finish(
        .failure(RedisError(.circuitOpen, "\(endpoint) has failed repeatedly and is left alone for a moment")))
    }
    var failure: RedisError?
    if isLarge, connectionForLargeValues().submit(call, now: now) == nil { return }
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
      let made = makeConnection()
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
      } else if !isPristine {
        circuit.withLock { circuit in
          circuit.succeeded()
          isFlawless.store(true, ordering: .relaxed)
        }
      }
    case .failure(let error) where error.isServersFailure:
      noteFailure()
    case .failure: break
    }
  }

  private func noteFailure() {
    let opens = circuit.withLock { circuit in
      isFlawless.store(false, ordering: .relaxed)
      return circuit.failed(now: MonotonicTime.now)
    }
    if opens { counters.circuitOpened() }
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

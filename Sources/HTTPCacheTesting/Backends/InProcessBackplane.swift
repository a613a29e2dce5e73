//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// Connects the caches of one process as a real backplane connects processes, for tests, which can lose messages and
/// interrupt it.
///
/// ```swift
/// let hub = InProcessBackplane.Hub()
/// let first = try MultiTierBackend(near: InMemoryBackend(), far: store, backplane: hub.makeNode())
/// let second = try MultiTierBackend(near: InMemoryBackend(), far: store, backplane: hub.makeNode())
/// ```
public final class InProcessBackplane: Backplane {
  /// What the nodes are connected by.
  public final class Hub: Sendable {
    private struct Member {
      weak var node: InProcessBackplane?
    }

    private struct State {
      var members: [Member] = []
      var published: [BackplaneMessage] = []
    }

    private let state = Locked(State())

    /// A hub without nodes.
    public init() {}

    /// A new node.
    public func makeNode() -> InProcessBackplane {
      let node = InProcessBackplane(self)
      state.withLock { $0.members.append(Member(node: node)) }
      return node
    }

    /// All messages so far, those that were lost too.
    public var published: [BackplaneMessage] { state.withLock { $0.published } }

    fileprivate func publish(_ message: BackplaneMessage) {
      let nodes = state.withLock { state in
        state.published.append(message)
        return state.members.compactMap(\.node)
      }
      for node in nodes { node.receive(message) }
    }
  }

  private struct State {
    var listeners: [Int: AsyncStream<BackplaneEvent>.Continuation] = [:]
    var nextListener = 0
    var isConnected = true
    var lossCount = 0
  }

  private let hub: Hub
  private let state = Locked(State())

  fileprivate init(_ hub: Hub) { self.hub = hub }

  /// Loses the next messages to this node.
  public func lose(_ count: Int) { state.withLock { $0.lossCount += count } }

  /// From now on nothing arrives here, and nothing can be sent.
  public func disconnect() { state.withLock { $0.isConnected = false } }

  /// It does again.
  public func reconnect() {
    let listeners = state.withLock { state in
      state.isConnected = true
      return state.listeners.values
    }
    for listener in listeners { listener.yield(.joined) }
  }

  /// How many listen here.
  public var listenerCount: Int { state.withLock { $0.listeners.count } }

  /// Sends a message to all nodes.
  public func publish(_ message: BackplaneMessage) async throws {
    guard state.withLock({ $0.isConnected }) else {
      throw CacheError(.unavailable, "the backplane is interrupted")
    }
    hub.publish(message)
  }

  /// What happens from now on.
  public func events() -> AsyncStream<BackplaneEvent> {
    AsyncStream { continuation in
      let id = state.withLock { state in
        state.nextListener += 1
        state.listeners[state.nextListener] = continuation
        if state.isConnected { continuation.yield(.joined) }
        return state.nextListener
      }
      continuation.onTermination = { [weak self] _ in
        self?.state.withLock { $0.listeners[id] = nil }
      }
    }
  }

  fileprivate func receive(_ message: BackplaneMessage) {
    let listeners = state.withLock { state -> [AsyncStream<BackplaneEvent>.Continuation] in
      guard state.isConnected else { return [] }
      guard state.lossCount == 0 else {
        state.lossCount -= 1
        return []
      }
      return Array(state.listeners.values)
    }
    for listener in listeners { listener.yield(.message(message)) }
  }
}

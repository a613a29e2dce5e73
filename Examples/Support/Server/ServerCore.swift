//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import HTTPCache

  /// What all connections of a server share.
  final class ServerCore: Sendable {
    typealias Handle = @Sendable (CacheRequest) async throws -> CacheResponse

    private struct State {
      var connections: [ObjectIdentifier: ServerConnection] = [:]
      var countsByClient: [ClientAddress: Int] = [:]
      var isDraining = false
      var whenEmpty: [CheckedContinuation<Void, Never>] = []
    }

    let configuration: HTTPServer.Configuration
    let times: ServerTimes
    let files: MemoryFiles
    let memory: RequestMemory
    let handle: Handle
    let immediate: (@Sendable (CacheRequest) -> CacheResponse?)?
    /// Whom a request without `Host` is meant for.
    let defaultAuthority: String
    private let state = Guarded(State())

    init(
      configuration: HTTPServer.Configuration, defaultAuthority: String,
      immediate: (@Sendable (CacheRequest) -> CacheResponse?)?, handle: @escaping Handle
    ) {
      self.configuration = configuration
      self.times = ServerTimes(configuration)
      self.files = MemoryFiles(limit: configuration.sendFileSize)
      memory = RequestMemory(limit: configuration.requestMemory, clientLimit: configuration.requestMemoryPerClient)
      self.defaultAuthority = defaultAuthority
      self.immediate = immediate
      self.handle = handle
    }

    /// The client of a request with `fields`, which came from `peer`: the address that stands first in `X-Forwarded-For` if the server
    /// puts it there (``CacheRequest/clientAddress``), otherwise the peer.
    func client(of fields: HeaderFields, from peer: ClientAddress) -> ClientAddress {
      guard configuration.forwardedFor != .off, let address = fields.clientAddress else { return peer }
      return ClientAddress(address)
    }

    var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Takes a connection in; false when there are too many, of all clients or of this one, or the server is shutting down.
    func add(_ connection: ServerConnection) -> Bool {
      state.withLock { state in
        guard !state.isDraining, state.connections.count < configuration.maximumConnections else { return false }
        let count = state.countsByClient[connection.peerAddress] ?? 0
        guard
          count < configuration.maximumConnectionsPerClient || configuration.forwardedFor.trusts(connection.peerHost)
        else { return false }
        state.countsByClient[connection.peerAddress] = count + 1
        state.connections[ObjectIdentifier(connection)] = connection
        return true
      }
    }

    func remove(_ connection: ServerConnection) {
      let waiting = state.withLock { state in
        guard state.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else {
          return [CheckedContinuation<Void, Never>]()
        }
        let count = (state.countsByClient[connection.peerAddress] ?? 1) - 1
        state.countsByClient[connection.peerAddress] = count == 0 ? nil : count
        guard state.connections.isEmpty else { return [CheckedContinuation<Void, Never>]() }
        defer { state.whenEmpty = [] }
        return state.whenEmpty
      }
      for continuation in waiting { continuation.resume() }
    }

    /// Accepts no more, and has every connection end with the request it is busy with.
    func drain() {
      let connections = state.withLock { state in
        state.isDraining = true
        return Array(state.connections.values)
      }
      for connection in connections { connection.perform { $0.drain() } }
    }

    /// Ends every connection, whatever it is doing.
    func abortAll() {
      for connection in state.withLock({ Array($0.connections.values) }) { connection.perform { $0.abort() } }
    }

    /// Returns when there are no connections.
    func becomesEmpty() async {
      await withCheckedContinuation { continuation in
        let isEmpty = state.withLock { state in
          if !state.connections.isEmpty { state.whenEmpty.append(continuation) }
          return state.connections.isEmpty
        }
        if isEmpty { continuation.resume() }
      }
    }
  }
#endif

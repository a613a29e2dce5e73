//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import HTTPCache

/// A backend that has been opened, with all that its program must know about it.
public struct OpenedBackend: Sendable {
  /// A server that the backend talks to.
  struct Server: Sendable {
    let name: String
    /// Throws when it cannot be used.
    let check: @Sendable () async throws -> Void
  }

  /// The backend.
  public let backend: any CacheBackend
  let servers: [Server]
  private let closing: @Sendable () async -> Void

  init(_ backend: any CacheBackend, servers: [Server] = [], closing: @escaping @Sendable () async -> Void = {}) {
    self.backend = backend
    self.servers = servers
    self.closing = closing
  }

  /// Which servers cannot be used at the moment, and why: for the person who has mistyped a URL. Takes about a second at
  /// most for each.
  public func problems() async -> [String] {
    var problems: [String] = []
    for server in servers {
      do {
        try await server.check()
      } catch {
        // Not also what led to a cache's error, which says the same once more.
        let reason = (error as? CacheError)?.message ?? "\(error)"
        problems.append("\(server.name) cannot be used now (\(reason)); until it can, it has nothing")
      }
    }
    return problems
  }

  /// Writes what waits to be written and ends the connections. From then on everything is a miss.
  public func shutdown() async { await closing() }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  public import HTTPCache

  /// A client for one HTTP/1.1 server, with a pool of connections. It may be called from any task on any executor.
  ///
  /// ```swift
  /// let client = UpstreamClient(origin: try OriginURL("http://127.0.0.1:8000"))
  /// let response = try await client.call(CacheRequest(target: "/products"))
  /// ```
  ///
  /// Responses are streamed: while nobody reads a body, the server has to wait. A body that is let go before its end ends
  /// its connection. Cancelling the calling task does so at once.
  ///
  /// A request that meets a connection which the server has just closed is sent again on a new one, provided that it has no
  /// content and is idempotent (RFC 9110 §9.2.2), or that nothing of it was sent.
  public final class UpstreamClient: Service {
    /// The server.
    public let origin: OriginURL
    private let configuration: Configuration
    private let pool: UpstreamPool
    private let loops: EventLoopGroup

    /// A client for `origin`. Connects when there is something to ask.
    public init(origin: OriginURL, configuration: Configuration = Configuration()) {
      self.origin = origin
      self.configuration = configuration
      pool = UpstreamPool(
        limit: max(1, configuration.maximumConnections), timeout: configuration.poolTimeout, origin: origin.authority)
      loops = configuration.loops ?? .shared
    }

    deinit { for connection in pool.takeAllIdle() { connection.perform { $0.close() } } }

    /// The number of connections that wait for a request, and of all.
    public var connectionCounts: (idle: Int, total: Int) { pool.counts }

    /// Sends `request` to the origin, whatever its authority is: `Host` is what the fields say, or the origin's authority.
    ///
    /// - Throws: ``UpstreamError``; `CancellationError`; what the request's body throws.
    public func call(_ request: CacheRequest) async throws -> CacheResponse {
      do {
        let (connection, isReused) = try await connection(isFresh: false)
        do {
          return try await connection.exchange(request)
        } catch let error as StaleConnectionError {
          guard isReused, error.hasSentNothing || Self.mayRepeat(request) else { throw error.underlying }
        }
        let fresh = try await self.connection(isFresh: true)
        do {
          return try await fresh.connection.exchange(request)
        } catch let error as StaleConnectionError {
          throw error.underlying
        }
      } catch {
        request.body.cancel()
        throw error
      }
    }

    private static func mayRepeat(_ request: CacheRequest) -> Bool {
      request.body.isEmpty
        && ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"].contains(request.method.rawValue)
    }

    private func connection(isFresh: Bool) async throws -> (connection: UpstreamConnection, isReused: Bool) {
      switch try await pool.lease(preferring: EventLoop.current, isFresh: isFresh) {
      case .reused(let connection):
        return (connection, true)
      case .slot:
        do {
          return (try await connect(), false)
        } catch {
          pool.giveBackSlot()
          throw error
        }
      }
    }

    private func connect() async throws -> UpstreamConnection {
      let deadline = cel_monotonic_nanoseconds() + configuration.connectTimeout.nanoseconds
      let addresses: [SocketAddress]
      do {
        addresses = try await Resolver.shared.resolve(origin.host, port: origin.port)
      } catch {
        throw UpstreamError(.cannotConnect, origin: origin.authority, "\(error)")
      }
      var lastError: (any Error)?
      for (index, address) in addresses.enumerated() {
        try Task.checkCancellation()
        // What is left is shared by the addresses that are left, so that a dead one does not take it all.
        let rest = deadline - cel_monotonic_nanoseconds()
        guard rest > 0 else { break }
        let connection = UpstreamConnection(
          loop: loops.preferred(), pool: pool, configuration: configuration, origin: origin.authority)
        do {
          try await connection.connect(to: address, within: rest / Int64(addresses.count - index))
          return connection
        } catch is CancellationError {
          throw CancellationError()
        } catch {
          lastError = error
        }
      }
      if let error = lastError as? UpstreamError { throw error }
      if let error = lastError as? SocketError {
        throw UpstreamError(.cannotConnect, origin: origin.authority, "\(error)")
      }
      throw UpstreamError(.timedOut, origin: origin.authority, "it did not accept the connection in time")
    }
  }
#endif

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
        limit: max(1, configuration.maximumConnections), reserve: max(0, configuration.reservedConnections),
        spare: max(0, configuration.spareConnections), timeout: configuration.poolTimeout,
        shareTimeout: configuration.shareTimeout, origin: origin.authority)
      loops = configuration.loops ?? .shared
    }

    deinit { for connection in pool.takeAllIdle() { connection.perform { $0.close() } } }

    /// The number of connections that wait for a request, and of all.
    public var connectionCounts: (idle: Int, total: Int) { pool.counts }

    /// The number of requests that wait for a connection.
    var waitingCount: Int { pool.waitingCount }
    /// The number of requests that wait for the response to another request.
    var followerCount: Int { pool.followerCount }

    /// Sends `request` to the origin, whatever its authority is: `Host` is what the fields say, or the origin's authority.
    ///
    /// A connection is asked for once all of the content is there, or the first ``Configuration/contentPrefix`` octets. So
    /// clients that send slowly, or wait for 100 (Continue), keep none from others.
    ///
    /// - Throws: ``UpstreamError``; `CancellationError`; what the request's body throws.
    public func call(_ request: CacheRequest) async throws -> CacheResponse {
      var request = request
      do {
        guard request.method != .trace || request.body.isEmpty else {
          throw UpstreamError(.invalidRequest, origin: origin.authority, "TRACE has no content (RFC 9110 §9.3.8)")
        }
        if request.body.bytes == nil, !request.body.isEmpty {
          request.body = try await ContentPrefix.read(configuration.contentPrefix, of: request.body)
        }
        do {
          return try await exchange(request, isFresh: false)
        } catch let error as StaleConnectionError {
          guard error.isReused, error.hasSentNothing || Self.mayRepeat(request) else { throw error.underlying }
        }
        do {
          return try await exchange(request, isFresh: true)
        } catch let error as StaleConnectionError {
          throw error.underlying
        }
      } catch {
        request.body.cancel()
        throw error
      }
    }

    /// The current request's interest in the response to another request, once it has begun; nil when no client is known. The
    /// exchange of that other request may use this one's share.
    func interest() -> ResponseInterest? { RequestClient.current.map { ResponseInterest(of: $0, pool) } }

    private static func mayRepeat(_ request: CacheRequest) -> Bool {
      request.body.isEmpty
        && ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "QUERY"].contains(request.method.rawValue)
    }

    private func exchange(_ request: CacheRequest, isFresh: Bool) async throws -> CacheResponse {
      let grant = try await pool.lease(
        preferring: EventLoop.current, isFresh: isFresh, hasContent: !request.body.isEmpty)
      switch grant {
      case .reused(let connection, let lease):
        do {
          return try await connection.exchange(request, lease)
        } catch var error as StaleConnectionError {
          pool.end(lease)
          error.isReused = true
          throw error
        }
      case .slot(let lease):
        let connection: UpstreamConnection
        do {
          connection = try await connect()
        } catch {
          pool.didClose(after: lease)
          throw error
        }
        do {
          return try await connection.exchange(request, lease)
        } catch {
          pool.end(lease)
          throw error
        }
      }
    }

    private func connect() async throws -> UpstreamConnection {
      let deadline = cel_monotonic_nanoseconds() + configuration.connectTimeout.nanoseconds
      let addresses: [SocketAddress]
      do {
        addresses = try await HostResolver.shared.resolve(origin.host, port: origin.port)
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

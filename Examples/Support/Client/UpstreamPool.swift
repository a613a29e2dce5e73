//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop

  /// The connections of one upstream client: those that wait for a request, and how the others are shared among clients.
  final class UpstreamPool: Sendable {
    enum Grant: Sendable {
      case reused(UpstreamConnection, OriginLease)
      /// A new connection may be opened.
      case slot(OriginLease)
    }

    private struct Waiter {
      let request: RequestClient?
      /// The client whose share is used.
      var client: ClientAddress
      /// What is asked for, if others may have the response too.
      let resource: String?
      let continuation: CheckedContinuation<Grant, any Error>
    }

    private struct State {
      /// The one used last is at the end, and is used first: the others may then grow old and go.
      var idle: [UpstreamConnection] = []
      var openCount = 0
      var shares: ConnectionShares<ClientAddress>
      var waiters: [Int: Waiter] = [:]
      var leases: [ObjectIdentifier: OriginLease] = [:]
      /// How many of them are about to be taken away.
      var endingCount = 0
      /// The waiting requests for each resource, and the clients that want its response.
      var waitersByResource: [String: [Int]] = [:]
      var interests: [String: [ClientAddress: Int]] = [:]
      var nextID = 0
    }

    /// How often a waiting request looks whether it may have a connection that is held up by its client.
    private static let reclaimInterval = Duration.milliseconds(250)

    private let limit: Int
    private let timeout: Duration
    private let shareTimeout: Duration
    private let origin: String
    private let state: Guarded<State>

    /// - Parameters:
    ///   - limit: The most connections at a time.
    ///   - reserve: Those that requests with content leave to others; half at most.
    ///   - spare: Those that only a client with less than its share gets; an eighth at most.
    ///   - timeout: How long a request waits.
    ///   - shareTimeout: How long a client with less than its share waits before an exchange is ended for it.
    ///   - origin: The server's host and port.
    init(limit: Int, reserve: Int, spare: Int = 0, timeout: Duration, shareTimeout: Duration, origin: String) {
      self.limit = limit
      self.timeout = timeout
      self.shareTimeout = shareTimeout
      self.origin = origin
      state = Guarded(
        State(shares: ConnectionShares(limit: limit, reserve: min(reserve, limit / 2), spare: min(spare, limit / 8))))
    }

    /// Idle connections, and all of them.
    var counts: (idle: Int, total: Int) { state.withLock { ($0.idle.count, $0.openCount) } }

    /// The number of requests that wait for a connection.
    var waitingCount: Int { state.withLock { $0.waiters.count } }

    /// The number of those who want the response for `resource` without having asked for a connection.
    func interestCount(in resource: String) -> Int {
      state.withLock { $0.interests[resource]?.values.reduce(0, +) ?? 0 }
    }

    // MARK: Leasing

    /// A connection, or leave to open one. Waits when the client has its share.
    ///
    /// - Parameters:
    ///   - loop: Whose connections are preferred.
    ///   - isFresh: Whether a new one is wanted.
    ///   - hasContent: Whether the request has content.
    ///   - resource: The request's target, if its response may be that of other requests too.
    func lease(
      preferring loop: EventLoop?, isFresh: Bool, hasContent: Bool, resource: String?
    ) async throws -> Grant {
      let client = RequestClient.current
      let address = client?.address ?? .none
      let grant = state.withLock { state -> Grant? in
        guard state.shares.take(address, hasContent: hasContent) else { return nil }
        return Self.grant(
          &state, client, address, hasContent, resource, preferring: loop, isFresh: isFresh, limit: limit)
      }
      if let grant { return grant }
      return try await wait(client, hasContent, resource)
    }

    private func wait(_ client: RequestClient?, _ hasContent: Bool, _ resource: String?) async throws -> Grant {
      let address = client?.address ?? .none
      let id = state.withLock { state in
        state.nextID += 1
        return state.nextID
      }
      var timer: Task<Void, any Error>?
      defer { timer?.cancel() }
      return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let granted = state.withLock { state -> [(Waiter, Grant)]? in
            // Read behind the lock: a cancellation that comes later finds the waiter.
            guard !Task.isCancelled else { return nil }
            state.waiters[id] = Waiter(
              request: client, client: address, resource: resource, continuation: continuation)
            state.shares.wait(id, address, hasContent: hasContent)
            if let resource {
              state.waitersByResource[resource, default: []].append(id)
              for other in state.interests[resource]?.keys ?? [:].keys { Self.pass(id, to: other, &state) }
            }
            return Self.grantWaiting(&state, limit: limit)
          }
          guard let granted else {
            continuation.resume(throwing: CancellationError())
            return
          }
          // Begun only now: the end of its time is for a waiter that is there.
          timer = Task.detached { [self] in try await watch(id, hasContent: hasContent) }
          Self.resume(granted)
        }
      } onCancel: {
        fail(id, CancellationError())
      }
    }

    /// Looks now and then for a connection that a waiting request may have, and ends its waiting when its time is over.
    private func watch(_ id: Int, hasContent: Bool) async throws {
      var rest = timeout
      while rest > .zero {
        reclaimOne(for: id, hasContent: hasContent, anyExchange: timeout - rest >= shareTimeout)
        let step = min(rest, Self.reclaimInterval)
        try await Task.sleep(for: step)
        rest -= step
      }
      fail(id, UpstreamError(.overloaded, origin: origin, "all \(limit) connections were busy for \(timeout)"))
    }

    private func fail(_ id: Int, _ error: any Error) {
      let (waiter, granted) = state.withLock { state -> (Waiter?, [(Waiter, Grant)]) in
        guard let waiter = Self.removeWaiter(id, &state) else { return (nil, []) }
        _ = state.shares.remove(id, of: waiter.client)
        // With one client less, the others have larger shares.
        return (waiter, Self.grantWaiting(&state, limit: limit))
      }
      waiter?.continuation.resume(throwing: error)
      Self.resume(granted)
    }

    private static func removeWaiter(_ id: Int, _ state: inout State) -> Waiter? {
      guard let waiter = state.waiters.removeValue(forKey: id) else { return nil }
      if let resource = waiter.resource, var ids = state.waitersByResource.removeValue(forKey: resource) {
        ids.removeAll { $0 == id }
        if !ids.isEmpty { state.waitersByResource[resource] = ids }
      }
      return waiter
    }

    /// A lease for a connection that the shares have counted.
    private static func grant(
      _ state: inout State, _ request: RequestClient?, _ client: ClientAddress, _ hasContent: Bool,
      _ resource: String?, preferring loop: EventLoop?, isFresh: Bool, limit: Int
    ) -> Grant {
      let lease = OriginLease(client: client, hasContent: hasContent, resource: resource, request: request)
      state.leases[ObjectIdentifier(lease)] = lease
      let mayOpen = state.openCount < limit
      if !(isFresh && mayOpen), let index = state.idle.lastIndex(where: { $0.loop === loop }) ?? state.idle.indices.last
      {
        return .reused(state.idle.remove(at: index), lease)
      }
      // There are never more leases than the limit, and every open connection that is not idle has one or has just been
      // closed. Its owner counts it down at once.
      state.openCount += 1
      return .slot(lease)
    }

    private static func grantWaiting(_ state: inout State, limit: Int) -> [(Waiter, Grant)] {
      var granted: [(Waiter, Grant)] = []
      while let next = state.shares.takeNext() {
        guard let waiter = removeWaiter(next.id, &state) else {
          preconditionFailure("whoever waits for a share has a continuation")
        }
        let grant = grant(
          &state, waiter.request, next.client, next.hasContent, waiter.resource, preferring: nil, isFresh: false,
          limit: limit)
        granted.append((waiter, grant))
      }
      return granted
    }

    private static func resume(_ granted: [(Waiter, Grant)]) {
      for (waiter, grant) in granted { waiter.continuation.resume(returning: grant) }
    }

    // MARK: Giving back

    /// `connection` has finished its request cleanly, and is free for the next.
    func put(_ connection: UpstreamConnection, after lease: OriginLease?) {
      Self.resume(
        state.withLock { state in
          state.idle.append(connection)
          return Self.end(lease, &state, limit: limit)
        })
    }

    /// A connection is closed, or was never made. Another may take its place.
    func didClose(after lease: OriginLease?) {
      Self.resume(
        state.withLock { state in
          state.openCount -= 1
          return Self.end(lease, &state, limit: limit)
        })
    }

    /// The request does not need its connection, which has been closed.
    func end(_ lease: OriginLease) {
      Self.resume(state.withLock { state in Self.end(lease, &state, limit: limit) })
    }

    private static func end(_ lease: OriginLease?, _ state: inout State, limit: Int) -> [(Waiter, Grant)] {
      guard let lease, lease.end() else { return [] }
      state.leases[ObjectIdentifier(lease)] = nil
      if lease.isReclaimed { state.endingCount -= 1 }
      state.shares.giveBack(lease.client, hasContent: lease.hasContent)
      return state.shares.waitingCount > 0 ? grantWaiting(&state, limit: limit) : []
    }

    // MARK: Reclaiming

    /// Ends an exchange for a waiting request whose client has less than its share, of a client that has more.
    ///
    /// - Parameter anyExchange: Whether the request has waited long enough for that although no client is at fault.
    private func reclaimOne(for id: Int, hasContent: Bool, anyExchange: Bool) {
      let now = cel_monotonic_nanoseconds()
      let lease = state.withLock { state -> OriginLease? in
        while let lease = Self.reclaimable(for: id, hasContent, anyExchange, at: now, state) {
          guard let other = Self.otherClient(for: lease, state) else {
            if lease.beginReclaiming() { state.endingCount += 1 }
            return lease
          }
          // The response is for a client that has less, too: the connection is that client's from now on.
          state.shares.transfer(from: lease.client, to: other, hasContent: lease.hasContent)
          lease.client = other
        }
        return nil
      }
      lease?.reclaim()
    }

    private static func reclaimable(
      for id: Int, _ hasContent: Bool, _ anyExchange: Bool, at now: Int64, _ state: State
    ) -> OriginLease? {
      // One exchange is ended for each that waits: a connection that is slow to come back is still on its way.
      guard state.endingCount < state.waiters.count, let client = state.waiters[id]?.client else { return nil }
      let (held, isForContent) = state.shares.holdersAboveShare(
        for: client, hasContent: hasContent, awaiting: state.endingCount)
      guard !held.isEmpty else { return nil }
      let most = held.values.max() ?? 0
      var best: (lease: OriginLease, rank: Reclaimability)?
      for lease in state.leases.values {
        guard let count = held[lease.client], !isForContent || lease.hasContent,
          let rank = lease.reclaimability(at: now), best.map({ $0.rank < rank }) ?? true,
          rank.kind == .clientsFault || anyExchange && count == most
        else { continue }
        best = (lease, rank)
      }
      return best?.lease
    }

    /// Another client that wants the response of `lease`, the one that holds the fewest connections, if it has less than its
    /// share.
    private static func otherClient(for lease: OriginLease, _ state: State) -> ClientAddress? {
      guard let resource = lease.resource, let clients = state.interests[resource]?.keys else { return nil }
      let client = clients.filter { $0 != lease.client }.min {
        state.shares.heldCount(of: $0) < state.shares.heldCount(of: $1)
      }
      return client.flatMap { state.shares.heldCount(of: $0) < state.shares.share ? $0 : nil }
    }

    // MARK: Shared responses

    /// From now on `client` wants the response for `resource`: a waiting request for that may use its share.
    func beginInterest(in resource: String, of client: ClientAddress) {
      state.withLock { state in
        state.interests[resource, default: [:]][client, default: 0] += 1
        for id in state.waitersByResource[resource] ?? [] { Self.pass(id, to: client, &state) }
      }
    }

    func endInterest(in resource: String, of client: ClientAddress) {
      state.withLock { state in
        guard var clients = state.interests.removeValue(forKey: resource), let count = clients[client] else { return }
        clients[client] = count > 1 ? count - 1 : nil
        if !clients.isEmpty { state.interests[resource] = clients }
      }
    }

    private static func pass(_ id: Int, to client: ClientAddress, _ state: inout State) {
      guard let waiter = state.waiters[id], state.shares.pass(id, of: waiter.client, to: client) else { return }
      state.waiters[id]?.client = client
    }

    // MARK: Idle connections

    /// Takes an idle connection out, to close it; false when somebody has just taken it to use it.
    func takeOut(_ connection: UpstreamConnection) -> Bool {
      state.withLock { state in
        guard let index = state.idle.firstIndex(where: { $0 === connection }) else { return false }
        state.idle.remove(at: index)
        return true
      }
    }

    /// The idle connections, which are no longer to be used.
    func takeAllIdle() -> [UpstreamConnection] {
      state.withLock { state in
        defer { state.idle = [] }
        return state.idle
      }
    }
  }
#endif

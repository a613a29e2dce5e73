//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import HTTPCache

  /// The connections of one upstream client: those that wait for a request, and how the others are shared among clients.
  final class UpstreamPool: Sendable {
    enum Grant: Sendable {
      case reused(UpstreamConnection, ConnectionLease)
      /// A new connection may be opened.
      case slot(ConnectionLease)
    }

    /// A request that asks for a connection.
    private struct Request {
      /// The client's request for whose sake the origin is asked.
      let client: RequestClient?
      let hasContent: Bool
      /// The cache's call that other requests may wait for, too.
      let call: OriginCall?

      var address: ClientAddress { client?.address ?? .none }
    }

    private struct Waiter {
      let request: Request
      /// The time that it may still wait.
      var rest: Duration
      let continuation: CheckedContinuation<Grant, any Error>
    }

    private struct State {
      /// The one used last is at the end, and is used first: the others may then grow old and go.
      var idle: [UpstreamConnection] = []
      var openCount = 0
      var shares: ConnectionShares<ClientAddress>
      var waiters: [Int: Waiter] = [:]
      var leases: [Int: ConnectionLease] = [:]
      /// The last exchange of each call, waiting or under way.
      var exchanges: [OriginCall: Int] = [:]
      /// The clients that wait for the response to each call, with the number of their requests; and the call that each of
      /// these requests waits for.
      var followers: [OriginCall: [ClientAddress: Int]] = [:]
      var followed: [ObjectIdentifier: OriginCall] = [:]
      var lastID = 0

      func followers(of request: Request) -> [ClientAddress: Int] {
        guard let call = request.call, var followers = followers[call] else { return [:] }
        followers[request.address] = nil
        return followers
      }
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
    ///   - spare: Those that only clients with few get; an eighth at most.
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

    /// The number of requests that wait for another's response.
    var followerCount: Int { state.withLock { $0.followed.count } }

    // MARK: Leasing

    /// A connection, or leave to open one. Waits when the client has its share.
    ///
    /// - Parameters:
    ///   - loop: Whose connections are preferred.
    ///   - isFresh: Whether a new one is wanted.
    ///   - hasContent: Whether the request has content.
    func lease(preferring loop: EventLoop?, isFresh: Bool, hasContent: Bool) async throws -> Grant {
      let request = Request(client: .current, hasContent: hasContent, call: .current)
      let (id, grant, others) = state.withLock { state -> (Int, Grant?, [(Waiter, Grant)]) in
        // A client's request with an exchange of its own waits for no other's.
        let others = Self.unfollow(request.client, &state, limit: limit)
        state.lastID += 1
        let id = state.lastID
        let isTaken = state.shares.take(
          id, of: request.address, hasContent: hasContent, followers: state.followers(of: request))
        guard isTaken else { return (id, nil, others) }
        Self.begin(id, request, &state)
        return (id, Self.grant(id, request, &state, preferring: loop, isFresh: isFresh, limit: limit), others)
      }
      Self.resume(others)
      if let grant { return grant }
      return try await wait(id, request)
    }

    private func wait(_ id: Int, _ request: Request) async throws -> Grant {
      var timer: Task<Void, any Error>?
      defer { timer?.cancel() }
      return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let granted = state.withLock { state -> [(Waiter, Grant)]? in
            // Read behind the lock: a cancellation that comes later finds the waiter.
            guard !Task.isCancelled else { return nil }
            state.waiters[id] = Waiter(request: request, rest: timeout, continuation: continuation)
            state.shares.wait(
              id, of: request.address, hasContent: request.hasContent, followers: state.followers(of: request))
            Self.begin(id, request, &state)
            return Self.grantWaiting(&state, limit: limit)
          }
          guard let granted else {
            continuation.resume(throwing: CancellationError())
            return
          }
          // Begun only now: the end of its time is for a waiter that is there.
          timer = Task.detached { [self] in try await watch(id) }
          Self.resume(granted)
        }
      } onCancel: {
        fail(id, CancellationError())
      }
    }

    /// Looks now and then for a connection that a waiting request may have, and ends its waiting when its time is over.
    private func watch(_ id: Int) async throws {
      var waited = Duration.zero
      while let rest = state.withLock({ $0.waiters[id]?.rest }), rest > .zero {
        reclaimOne(for: id, anyExchange: waited >= shareTimeout)
        let step = min(rest, Self.reclaimInterval)
        try await Task.sleep(for: step)
        waited += step
        state.withLock { $0.waiters[id]?.rest -= step }
      }
      fail(id, UpstreamError(.overloaded, origin: origin, "all \(limit) connections were busy for \(timeout)"))
    }

    private func fail(_ id: Int, _ error: any Error) {
      let (waiter, granted) = state.withLock { state -> (Waiter?, [(Waiter, Grant)]) in
        guard let waiter = state.waiters.removeValue(forKey: id) else { return (nil, []) }
        _ = state.shares.remove(id)
        Self.end(id, waiter.request.call, &state)
        // With one client less, the others have larger shares.
        return (waiter, Self.grantWaiting(&state, limit: limit))
      }
      waiter?.continuation.resume(throwing: error)
      Self.resume(granted)
    }

    /// A call has one exchange after the other, and others wait for the response to the last.
    private static func begin(_ id: Int, _ request: Request, _ state: inout State) {
      guard let call = request.call, let previous = state.exchanges.updateValue(id, forKey: call) else { return }
      state.shares.loseFollowers(previous)
    }

    private static func end(_ id: Int, _ call: OriginCall?, _ state: inout State) {
      if let call, state.exchanges[call] == id { state.exchanges[call] = nil }
    }

    /// A lease for a connection that the shares have counted.
    private static func grant(
      _ id: Int, _ request: Request, _ state: inout State, preferring loop: EventLoop?, isFresh: Bool, limit: Int
    ) -> Grant {
      let lease = ConnectionLease(
        exchange: id, call: request.call, hasContent: request.hasContent, request: request.client)
      state.leases[id] = lease
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
      while let id = state.shares.takeNext() {
        guard let waiter = state.waiters.removeValue(forKey: id) else {
          preconditionFailure("whoever waits for a share has a continuation")
        }
        granted.append(
          (waiter, grant(id, waiter.request, &state, preferring: nil, isFresh: false, limit: limit)))
      }
      return granted
    }

    private static func resume(_ granted: [(Waiter, Grant)]) {
      for (waiter, grant) in granted { waiter.continuation.resume(returning: grant) }
    }

    // MARK: Giving back

    /// `connection` has finished its request cleanly, and is free for the next.
    func put(_ connection: UpstreamConnection, after lease: ConnectionLease?) {
      Self.resume(
        state.withLock { state in
          state.idle.append(connection)
          return Self.end(lease, &state, limit: limit)
        })
    }

    /// A connection is closed, or was never made. Another may take its place.
    func didClose(after lease: ConnectionLease?) {
      Self.resume(
        state.withLock { state in
          state.openCount -= 1
          return Self.end(lease, &state, limit: limit)
        })
    }

    /// The request does not need its connection, which has been closed.
    func end(_ lease: ConnectionLease) {
      Self.resume(state.withLock { state in Self.end(lease, &state, limit: limit) })
    }

    private static func end(_ lease: ConnectionLease?, _ state: inout State, limit: Int) -> [(Waiter, Grant)] {
      guard let lease, lease.end() else { return [] }
      state.leases[lease.exchange] = nil
      state.shares.giveBack(lease.exchange)
      end(lease.exchange, lease.call, &state)
      return grantWaiting(&state, limit: limit)
    }

    // MARK: Reclaiming

    /// Ends an exchange of a client with more than its share, if the request `id` waits for one with less.
    ///
    /// - Parameter anyExchange: Whether the request has waited long enough for that although no client is at fault.
    private func reclaimOne(for id: Int, anyExchange: Bool) {
      let now = cel_monotonic_nanoseconds()
      let lease = state.withLock { state -> ConnectionLease? in
        guard state.shares.reclaim(for: id) != nil else { return nil }
        // A response that is for a client with less, too, is not ended.
        state.shares.chargeToThoseWithLess()
        guard let reclaim = state.shares.reclaim(for: id),
          let lease = Self.mostReclaimable(of: reclaim, anyExchange, at: now, state), lease.beginReclaiming()
        else { return nil }
        state.shares.willEnd(lease.exchange, for: reclaim.client)
        return lease
      }
      lease?.reclaim()
    }

    /// The exchange that is ended with the least harm; nil when none may be.
    private static func mostReclaimable(
      of reclaim: ConnectionShares<ClientAddress>.Reclaim, _ anyExchange: Bool, at now: Int64, _ state: State
    ) -> ConnectionLease? {
      let most = reclaim.holders.values.max() ?? 0
      var best: (lease: ConnectionLease, rank: Reclaimability)?
      for (id, lease) in state.leases {
        guard let holder = state.shares.holder(of: id), let count = reclaim.holders[holder],
          !reclaim.isForContent || lease.hasContent,
          let rank = lease.reclaimability(at: now), best.map({ $0.rank < rank }) ?? true,
          rank.kind == .clientsFault || anyExchange && count == most
        else { continue }
        best = (lease, rank)
      }
      return best?.lease
    }

    // MARK: Followers

    /// From now on `request` waits for the response to `call`, which another request has caused: its exchange may use the
    /// share of this request's client, too.
    func follow(_ call: OriginCall, for request: RequestClient) {
      Self.resume(
        state.withLock { state in
          let granted = Self.unfollow(request, &state, limit: limit)
          state.followed[ObjectIdentifier(request)] = call
          state.followers[call, default: [:]][request.address, default: 0] += 1
          guard let id = state.exchanges[call] else { return granted }
          state.shares.follow(id, by: request.address)
          if state.waiters[id]?.request.address != request.address { state.waiters[id]?.rest = timeout }
          return granted + Self.grantWaiting(&state, limit: limit)
        })
    }

    /// The request has its response, or has given up waiting for it.
    func unfollow(_ request: RequestClient) {
      Self.resume(state.withLock { state in Self.unfollow(request, &state, limit: limit) })
    }

    private static func unfollow(
      _ request: RequestClient?, _ state: inout State, limit: Int
    ) -> [(Waiter, Grant)] {
      guard !state.followed.isEmpty, let request,
        let call = state.followed.removeValue(forKey: ObjectIdentifier(request)),
        var clients = state.followers.removeValue(forKey: call), let count = clients[request.address]
      else { return [] }
      clients[request.address] = count > 1 ? count - 1 : nil
      if !clients.isEmpty { state.followers[call] = clients }
      guard let id = state.exchanges[call] else { return [] }
      state.shares.unfollow(id, by: request.address)
      return grantWaiting(&state, limit: limit)
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

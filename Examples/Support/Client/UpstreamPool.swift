//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  /// The connections of one client: those that wait for a request, and how many there may be.
  final class UpstreamPool: Sendable {
    enum Lease: Sendable {
      case reused(UpstreamConnection)
      /// A new connection may be opened.
      case slot
    }

    private struct Waiter {
      let id: Int
      let continuation: CheckedContinuation<Lease, any Error>
    }

    private struct State {
      /// The one used last is at the end, and is used first: the others may then grow old and go.
      var idle: [UpstreamConnection] = []
      var count = 0
      var waiters: [Waiter] = []
      var nextID = 0
    }

    private let limit: Int
    private let timeout: Duration
    private let origin: String
    private let state = Guarded(State())

    init(limit: Int, timeout: Duration, origin: String) {
      self.limit = limit
      self.timeout = timeout
      self.origin = origin
    }

    /// Idle connections, and all of them.
    var counts: (idle: Int, total: Int) { state.withLock { ($0.idle.count, $0.count) } }

    /// A connection, or leave to open one. Waits in line when there are too many.
    ///
    /// - Parameters:
    ///   - loop: Whose connections are preferred.
    ///   - isFresh: Whether a new one is wanted.
    func lease(preferring loop: EventLoop?, isFresh: Bool) async throws -> Lease {
      if let lease = leaseNow(preferring: loop, isFresh: isFresh) { return lease }
      let id = state.withLock { state in
        state.nextID += 1
        return state.nextID
      }
      let timer = Task.detached { [self] in
        try await Task.sleep(for: timeout)
        fail(id, UpstreamError(.overloaded, origin: origin, "all \(limit) connections were busy for \(timeout)"))
      }
      defer { timer.cancel() }
      return try await withTaskCancellationHandler {
        try await withCheckedThrowingContinuation { continuation in
          let isCancelled = Task.isCancelled
          let lease = state.withLock { state -> Lease? in
            if let lease = Self.take(&state, limit: limit, preferring: loop, isFresh: isFresh) { return lease }
            if !isCancelled { state.waiters.append(Waiter(id: id, continuation: continuation)) }
            return nil
          }
          if let lease {
            continuation.resume(returning: lease)
          } else if isCancelled {
            continuation.resume(throwing: CancellationError())
          }
        }
      } onCancel: {
        fail(id, CancellationError())
      }
    }

    private func leaseNow(preferring loop: EventLoop?, isFresh: Bool) -> Lease? {
      state.withLock { Self.take(&$0, limit: limit, preferring: loop, isFresh: isFresh) }
    }

    private static func take(_ state: inout State, limit: Int, preferring loop: EventLoop?, isFresh: Bool) -> Lease? {
      if isFresh, state.count < limit {
        state.count += 1
        return .slot
      }
      if let index = state.idle.lastIndex(where: { $0.loop === loop }) ?? state.idle.indices.last {
        return .reused(state.idle.remove(at: index))
      }
      guard state.count < limit else { return nil }
      state.count += 1
      return .slot
    }

    private func fail(_ id: Int, _ error: any Error) {
      let waiter = state.withLock { state -> Waiter? in
        guard let index = state.waiters.firstIndex(where: { $0.id == id }) else { return nil }
        return state.waiters.remove(at: index)
      }
      waiter?.continuation.resume(throwing: error)
    }

    /// `connection` has finished its request cleanly. It goes to whoever waits longest.
    func put(_ connection: UpstreamConnection) {
      let waiter = state.withLock { state -> Waiter? in
        guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
        state.idle.append(connection)
        return nil
      }
      waiter?.continuation.resume(returning: .reused(connection))
    }

    /// Takes an idle connection out, to close it; false when somebody has just taken it to use it.
    func takeOut(_ connection: UpstreamConnection) -> Bool {
      state.withLock { state in
        guard let index = state.idle.firstIndex(where: { $0 === connection }) else { return false }
        state.idle.remove(at: index)
        return true
      }
    }

    /// A connection is closed, or was never made: another may take its place.
    func giveBackSlot() {
      let waiter = state.withLock { state -> Waiter? in
        guard state.waiters.isEmpty else { return state.waiters.removeFirst() }
        state.count -= 1
        return nil
      }
      waiter?.continuation.resume(returning: .slot)
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

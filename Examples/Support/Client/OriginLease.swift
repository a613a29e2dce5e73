//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop

  /// The use of one connection for one request.
  final class OriginLease: Sendable {
    private struct State {
      var holdUp: HoldUp
      var connection: UpstreamConnection?
      var isOver = false
    }

    let client: ClientAddress
    let hasContent: Bool
    private let request: RequestClient?
    private let state: Guarded<State>

    init(client: ClientAddress, hasContent: Bool, request: RequestClient?) {
      self.client = client
      self.hasContent = hasContent
      self.request = request
      state = Guarded(State(holdUp: HoldUp(at: cel_monotonic_nanoseconds())))
      request?.didLease()
    }

    /// The request is under way on `connection`.
    func begin(on connection: UpstreamConnection) { state.withLock { $0.connection = connection } }

    /// Ends the lease; false when it has ended before.
    func end() -> Bool {
      let wasOver = state.withLock { state in
        defer { state.isOver = true }
        state.connection = nil
        return state.isOver
      }
      guard !wasOver else { return false }
      request?.didRelease()
      return true
    }

    func clientHasNextStep(at now: Int64) { state.withLock { $0.holdUp.begin(at: now) } }
    func clientHasGoneOn(at now: Int64) { state.withLock { $0.holdUp.end(at: now) } }

    /// The time the client has taken, if the connection may be taken away for that.
    func reclaimableTime(at now: Int64) -> Int64? {
      state.withLock { state in
        guard state.connection != nil, state.holdUp.isMostlyTheClients(at: now) else { return nil }
        return state.holdUp.time(at: now)
      }
    }

    /// Ends the exchange, so that another client gets the connection's place.
    func reclaim() {
      guard let connection = state.withLock({ $0.connection }) else { return }
      connection.perform { $0.reclaim(self) }
    }
  }
#endif

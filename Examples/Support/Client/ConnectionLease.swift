//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import HTTPCache

  /// The use of one connection for one request.
  final class ConnectionLease: Sendable {
    private struct State {
      var holdUp: HoldUp
      var connection: UpstreamConnection?
      var hasAnswer = false
      var isReclaimed = false
      var isOver = false
    }

    /// The number of the exchange among those of the pool.
    let exchange: Int
    /// The cache's call that the exchange is for.
    let call: OriginCall?
    let hasContent: Bool
    private let request: RequestClient?
    private let state: Guarded<State>

    init(exchange: Int, call: OriginCall?, hasContent: Bool, request: RequestClient?) {
      self.exchange = exchange
      self.call = call
      self.hasContent = hasContent
      self.request = request
      state = Guarded(State(holdUp: HoldUp(at: cel_monotonic_nanoseconds())))
      request?.didLease()
    }

    /// The request is under way on `connection`.
    func begin(on connection: UpstreamConnection) { state.withLock { $0.connection = connection } }

    /// The head of the final response has arrived.
    func didAnswer() { state.withLock { $0.hasAnswer = true } }

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

    /// Whether the connection is about to be taken away.
    var isReclaimed: Bool { state.withLock { $0.isReclaimed } }

    /// The reasons to take the connection away; nil when it cannot be.
    func reclaimability(at now: Int64) -> Reclaimability? {
      state.withLock { state in
        guard state.connection != nil, !state.isReclaimed else { return nil }
        if request?.hasLeft == true || state.holdUp.isMostlyTheClients(at: now) {
          return Reclaimability(kind: .clientsFault, time: state.holdUp.age(at: now))
        }
        let kind: Reclaimability.Kind = state.hasAnswer ? .answered : hasContent ? .unansweredContent : .unanswered
        return Reclaimability(kind: kind, time: state.holdUp.age(at: now))
      }
    }

    /// Notes that the connection is about to be taken away; false when that is known. The pool alone calls it.
    func beginReclaiming() -> Bool {
      state.withLock { state in
        defer { state.isReclaimed = true }
        return !state.isReclaimed
      }
    }

    /// Ends the exchange, so that another client gets the connection's place.
    func reclaim() {
      guard let connection = state.withLock({ $0.connection }) else { return }
      connection.perform { $0.reclaim(self) }
    }
  }
#endif

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension Flight {
  /// A request that waits, or whose result is there.
  struct Waiter {
    let id: WaiterID
    /// Nil once its result is there, or it has gone.
    var plan: FetchPlan?
    var continuation: Continuation?
    /// Its result, when that came before it began to wait.
    var result: FlightResult?
  }

  /// The state behind the flight's lock.
  struct Guarded {
    var machine: FlightStateMachine
    /// In the order in which they have come.
    var waiters = FewList<Waiter>()
    var replay: Replay?
    /// The body that those who join later read, if it is a stream.
    var body: BodyLog?
    var origin: Task<Void, Never>?
    var alarm = DeadlineAlarm()
    /// Something has been stored.
    var hasStored = false
    /// The result of the client whose call has failed, if it gets no other.
    var failure: (id: WaiterID, result: FlightResult)?
    /// The flight that is found in its place.
    var successor: Flight?
    /// Whether the first call is made with a neutral request, and the second, if that fails, with a client's own.
    var beginsNeutrally = false
    /// Nobody wants the origin's answer any more.
    var isCancelled = false
    /// The keys of this flight have been invalidated since it began.
    var isInvalidated = false

    /// Tells the state machine how long the body has been silent. To be called before that decides by it.
    mutating func noteSilence() {
      if let body { machine.bodyIsSilent(since: body.silentSince) }
    }

    func position(of id: WaiterID) -> Int? { waiters.position(of: id) { $0.id } }

    /// The result of `id`, which may be the client whose call has failed: that makes no second one.
    func final(_ result: FlightResult, for id: WaiterID) -> FlightResult {
      guard let failure, failure.id == id else { return result }
      return switch result {
      case .released(.needsValidation), .released(.uncacheable): failure.result
      default: result
      }
    }

    /// Gives `id` its result, unless it has one or has gone.
    ///
    /// - Returns: Whom to resume with it, outside the lock.
    mutating func settle(_ id: WaiterID, _ result: FlightResult) -> Continuation? {
      guard let position = position(of: id), waiters[position].plan != nil else { return nil }
      if let continuation = waiters[position].continuation {
        waiters.remove(at: position)
        return continuation
      }
      waiters[position].plan = nil
      waiters[position].result = result
      return nil
    }
  }
}

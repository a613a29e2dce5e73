//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The origin's side of a flight: calls the origin until there is an answer for those who wait. What becomes of the answer
/// is for ``CacheFill`` to decide.
struct OriginFetch {
  let cache: CacheLayer
  let flight: Flight

  /// Calls the origin with the request of `first`, and ends the flight.
  ///
  /// In a task that has been made in the flight's scope (``TagScope/enter(_:)``). Inlined, as what it calls: each
  /// asynchronous function takes memory of its own from its task.
  @inline(__always)
  func run(_ first: FetchPlan) async {
    let permit = first.policy.policy.originLease == nil ? nil : await permit(for: first)
    var next: FetchPlan? = first
    if let permit {
      switch permit {
      case .answered: next = nil
      case .granted: if !cache.isShielded(first.policy) { flight.originAsked(at: cache.clock.now) }
      }
    }
    while let plan = next {
      next = await call(plan)
      if next != nil { flight.scope.restart() }
    }
    if let permit { await giveBack(permit) }
    end(first)
    if flight.isRefresh, flight.hasStored, let stored = first.stored { await reopenGate(of: stored, first) }
  }

  /// One call to the origin.
  ///
  /// Holds little while the handler is at work: every task has to allocate memory for that.
  ///
  /// - Returns: Whose request is to be sent next, if the call failed and somebody else still waits.
  private func call(_ plan: FetchPlan) async -> FetchPlan? {
    if cache.isShielded(plan.policy) { return await shieldedCall(plan) }
    let (requestedAt, askedAt) = (cache.clock.nowAtTheEarliest, cache.clock.preciseNow)
    do {
      let response: CacheResponse
      if let request = changedRequest(plan) {
        response = try await plan.next.call(request)
      } else {
        // Most requests go to the origin as they are, and need not be copied.
        response = try await plan.next.call(plan.request)
      }
      let fill = CacheFill(cache, flight, plan, consume response, requestedAt: requestedAt, askedAt: askedAt)
      return fill.storeAtOnce() ? nil : await fill.receive()
    } catch {
      return threw(error, plan, askedAt: askedAt)
    }
  }

  /// The same where the origin takes only so many calls at a time.
  private func shieldedCall(_ plan: FetchPlan) async -> FetchPlan? {
    let turn: OriginTurn
    do {
      guard let granted = try await cache.originTurn(plan.policy, mayWait: !flight.isRefresh) else {
        return flight.originFailed(mayRetry: false) { _ in .saturated }
      }
      turn = granted
    } catch {
      return flight.originFailed(mayRetry: false) { _ in .failed(error) }
    }
    flight.originAsked(at: cache.clock.now)
    let (requestedAt, askedAt) = (cache.clock.nowAtTheEarliest, cache.clock.preciseNow)
    do {
      let response = turn.ending(with: try await plan.next.call(changedRequest(plan) ?? plan.request))
      return await CacheFill(cache, flight, plan, response, requestedAt: requestedAt, askedAt: askedAt).receive()
    } catch {
      if flight.isAbandoned { turn.giveBack() } else { turn.failed() }
      return threw(error, plan, askedAt: askedAt)
    }
  }

  private func threw(_ error: any Error, _ plan: FetchPlan, askedAt: CacheInstant) -> FetchPlan? {
    cache.counters.timeOrigin(.failure, since: askedAt, cache.clock)
    flight.scope.failed()
    // A client that has left says nothing about the origin.
    if !flight.isAbandoned, cache.restAfterFailure(plan) { flight.leaveDoubt() }
    return flight.originFailed { _ in .failed(error) }
  }

  /// The request as it goes to the origin, if that is another than the plan's: without the client's own conditions where the
  /// cache asks for the whole response (or for a confirmation of what it has) in everybody's name.
  private func changedRequest(_ plan: FetchPlan) -> CacheRequest? {
    let isForwardedAsIs =
      plan.stored == nil && plan.partial == nil && RFC9111.isForwardedAsIs(plan.request.fields)
    // Informational responses are for this request's client, if that wants any.
    if isForwardedAsIs, plan.request.onInformational == nil { return nil }
    var request = plan.request
    if !isForwardedAsIs {
      request.fields =
        plan.partial.flatMap { cache.completionFields(for: plan.request, completing: $0, plan.policy) }
        ?? RFC9111.conditionalFields(
          for: plan.request.fields, validating: plan.isStoredForOthers ? [] : plan.stored.map { [$0.fields] } ?? [],
          forwardsRange: plan.stored == nil)
    }
    if request.onInformational != nil { request.onInformational = { [flight] in flight.inform($0) } }
    return request
  }

  // MARK: The end

  /// Ends the flight, whatever has come of it. Not asynchronous: what it needs takes no memory of the task.
  @inline(never)
  private func end(_ first: FetchPlan) {
    let successor = flight.successor
    flight.close()
    flight.scope.close()
    if flight.isRefresh, !flight.hasStored {
      _ = cache.restAfterFailure(first)
      cache.report(.refreshFailed, key: first.key)
    }
    cache.flights.remove(flight)
    if let successor { passOn(to: successor) }
    if flight.leavesDoubt { cache.refreshInBackground(first) }
  }

  /// Has an entry that is still there after a refresh of it has stored something validated by each request: the new response
  /// has another `Vary`, and the refresh, which had none of the fields that it names, was not for the entry's requests.
  private func reopenGate(of stored: CacheEntry, _ plan: FetchPlan) async {
    let now = cache.clock.now
    guard case .found(let entry) = cache.backend.peek(stored.key, at: now), entry === stored else { return }
    stored.refreshGate.failed(retryAt: now)
    await CacheFill(cache, flight, plan, CacheResponse(), requestedAt: now).put(stored.doubted(since: now))
  }

  /// Releases those who wait for the flight that has taken the place of one which is over, as far as that one has brought
  /// what they wait for, or has shown that they need not wait for each other.
  private func passOn(to successor: Flight) {
    let now = cache.clock.now
    var outcomes = Flight.Outcomes()
    let leader = successor.leader
    // Whose request is being answered waits for that.
    for (id, plan) in successor.waiting where id != leader {
      switch cache.uncoalescedReason(successor.key, plan, at: now) {
      case .uncacheable?: outcomes.append((id, .uncacheable))
      case .needsValidation?: outcomes.append((id, .needsValidation))
      case nil:
        if case .found(let entry) = cache.peek(plan.key, for: plan.request, at: now), entry !== plan.stored,
          plan.mayReuse(entry, at: now)
        {
          outcomes.append((id, .stored))
        }
      }
    }
    successor.release(outcomes)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One origin call for all nodes that share a store (``CachePolicy/originLease``).
extension OriginFetch {
  /// Whether a flight may ask the origin.
  enum Permit {
    /// The origin may be called. The lease, if there is one, is to be given back afterwards.
    case granted(CacheLease?)
    /// The origin need not be called: those who wait have been answered with what another node has stored, or wait no longer.
    case answered
  }

  /// Waits for the right to ask the origin, if the policy wants that and the store has leases. Whatever goes wrong, the
  /// origin is asked without. (Nobody who may have something stale waits here: it is served before, or at the soft timeout.)
  func permit(for plan: FetchPlan) async -> Permit {
    // Who authenticates, or shares with nobody, asks for himself. A store that has not answered is not asked again: nothing will be stored there.
    guard let duration = plan.policy.policy.originLease, let store = cache.backend as? any LeasingBackend,
      plan.stamp != nil, !flight.isAlone, !plan.request.fields.contains(KnownHeader.authorization)
    else { return .granted(nil) }
    let clock = cache.clock
    var machine = OriginLease(duration: duration, waitLimit: plan.policy.policy.waitLimit, now: clock.now)
    let key = flight.key
    // A store that takes longer to say who holds the lease than a lease lasts has nothing to say.
    let limit = min(duration, plan.policy.policy.waitLimit)
    while flight.isCalling, !Task.isCancelled {
      let lease: CacheLease?
      do {
        lease = try await withDeadline(limit, clock) {
          try await store.acquireLease(for: key, duration: duration)
        }
      } catch {
        guard flight.isCalling, !Task.isCancelled else { break }
        cache.report(.backendFailed, key: key, error: error)
        return .granted(nil)
      }
      // Also with the lease: its last holder may have stored something since this flight looked.
      if let entry = try? await withDeadline(limit, clock, { await storedByOthers(plan) }) {
        if let lease { await store.releaseLease(lease) }
        answer(with: entry)
        return .answered
      }
      if let lease {
        if machine.granted(at: clock.now) == .go { return .granted(lease) }
        await store.releaseLease(lease)
        return .granted(nil)
      }
      guard case .wait(let moment) = machine.held(at: clock.now, jitter: .random(in: 0...1)) else { break }
      guard (try? await clock.sleep(until: moment)) != nil else { break }
    }
    // Nobody waits any more, or all have waited long enough.
    return flight.isCalling ? .granted(nil) : .answered
  }

  /// Gives the lease back.
  func giveBack(_ permit: Permit) async {
    guard case .granted(let lease?) = permit, let store = cache.backend as? any LeasingBackend else { return }
    await store.releaseLease(lease)
  }

  /// What another node has stored since the plan's own lookup, if it will do.
  private func storedByOthers(_ plan: FetchPlan) async -> CacheEntry? {
    let now = cache.clock.now
    guard case .found(let entry) = await cache.lookup(plan.key, for: plan.request, at: now).0, entry !== plan.stored,
      !entry.traits.contains(.partial)
    else { return nil }
    // Another copy of what was there before is nothing new.
    if let stored = plan.stored, entry.isSame(as: stored) { return nil }
    switch RFC9111.verdict(
      times: entry.times, traits: entry.traits, directives: .none, now: now, rules: plan.policy.rules)
    {
    case .serve, .serveAndRefresh: return entry
    default: return nil
    }
  }

  /// Gives `entry` to everybody who waits and whom it is for; the others look for themselves.
  private func answer(with entry: CacheEntry) {
    let now = cache.clock.now
    let response = FlightResponse(
      entry, outcome: .collapsed, originStatus: entry.status, storing: .none,
      exchange: ExchangeTimes(requestedAt: now, receivedAt: now, receivedUnix: cache.clock.unixTime))
    var outcomes = Flight.Outcomes()
    for (id, plan) in flight.waiting where entry.key == plan.key && plan.mayReuse(entry, at: now) {
      outcomes.append((id, .response(response)))
    }
    flight.noteStored()
    flight.answered(outcomes, rest: .stored)
  }
}

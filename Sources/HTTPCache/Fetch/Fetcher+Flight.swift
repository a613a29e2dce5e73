//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension Fetcher {
  /// A request's place at a flight.
  enum Place {
    /// The request waits.
    case waiting(Flight, Flight.WaiterID)
    /// The request has its outcome.
    case settled(FlightOutcome)
  }

  /// Joins the flight for the request, or begins it.
  ///
  /// - Returns: The place, and whether the flight was begun with it.
  /// - Throws: `CancellationError`, as ``Flight/wait(_:)`` does.
  func joined() throws -> (Place, isLeader: Bool) {
    let now = cache.clock.now
    var isAlone = isAlone
    switch cache.uncoalescedReason(flightKey, plan, at: now) {
    case .uncacheable?: return (.settled(.uncacheable), false)
    case .needsValidation?: isAlone = true
    case nil: break
    }
    let policy = plan.policy
    let softDeadline = policy.policy.softTimeout.flatMap { softTimeout in
      plan.mayServeUnvalidated(at: now) ? now.advanced(by: softTimeout) : nil
    }
    while !isAlone {
      let (found, endedCount) = cache.flights.flight(for: flightKey ?? plan.key)
      var hasEnded = false
      var neutral: FetchPlan?
      if let found {
        // What others are waiting for will not do.
        if plan.directives.demandValidation { break }
        switch found.join(plan, deadline: softDeadline, waitLimit: policy.policy.waitLimit, at: now) {
        case .waiting(let id):
          OriginCall.noteWait(for: found)
          return (.waiting(found, id), false)
        case .settled(let outcome):
          if case .response = outcome { OriginCall.noteWait(for: found) }
          return (.settled(outcome), false)
        case .refused(let isOverdue):
          hasEnded = true
          if isOverdue { neutral = plan.neutral() }
        }
      }
      if mayBeStored(hasEnded: hasEnded, at: now) { return (.settled(.stored), false) }
      let flight = cache.makeFlight(
        plan, flightKey, isForRequest: true, isNeutral: neutral != nil, deadline: softDeadline, now: now)
      guard cache.flights.insert(flight, replacing: found, endedCount: endedCount) else {
        // Another was faster, or one has ended since and may have stored what is wanted.
        flight.close()
        continue
      }
      found?.replaced(waitLimit: policy.policy.waitLimit, at: now)
      return (try place(cache.start(flight, neutral ?? plan), flight), true)
    }
    let flight = cache.makeFlight(plan, flightKey, isForRequest: true, isAlone: true, deadline: softDeadline, now: now)
    cache.flights.add(flight)
    return (try place(cache.start(flight, plan), flight), true)
  }

  /// The leader's place at a flight that has begun, and is over already if it has an outcome.
  private func place(_ outcome: FlightOutcome?, _ flight: Flight) throws -> Place {
    try outcome.map { .settled(try Flight.checked($0)) } ?? .waiting(flight, Flight.leaderID)
  }

  /// Whether a response may have been stored since the request's own lookup.
  ///
  /// A flight stores its response before it leaves the table. So a request that saw neither the entry nor the flight looked
  /// for the entry first: what is in memory is looked for again, unless no flight has ended since. A store that takes waiting
  /// is asked again only if there was a flight for the same.
  private func mayBeStored(hasEnded: Bool, at now: CacheInstant) -> Bool {
    let count = plan.endedFlightCount
    if hasEnded || cache.memory == nil || count != cache.flights.endedCount, isStored(at: now) { return true }
    guard cache.memory == nil, let count else { return false }
    return hasEnded || cache.flights.hasEnded(flightKey ?? plan.key, since: count)
  }

  /// Whether something that will do is there, and was not when the request looked.
  private func isStored(at now: CacheInstant) -> Bool {
    guard case .found(let entry) = cache.peek(plan.key, for: plan.request, at: now), entry !== plan.stored,
      entry !== plan.partial
    else { return false }
    return plan.mayReuse(entry, at: now) && !entry.traits.contains(.partial)
  }
}

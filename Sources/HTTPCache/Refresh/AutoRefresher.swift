//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Refreshes hot entries before they expire. Performs what ``AutoRefreshStateMachine`` decides.
///
/// One task sleeps until the next entry's time has come. It is there only while entries are looked after, and does not keep
/// the cache alive.
final class AutoRefresher: Sendable {
  /// Refreshes what is stored for a plan's request, and says what is stored then; nil when nothing is.
  typealias Refresh = @Sendable (FetchPlan) async -> CacheEntry?

  private struct State {
    var machine: AutoRefreshStateMachine
    /// The requests that made the entries hot, by the entries' keys.
    var plans: [CacheKey: FetchPlan] = [:]
    var refresh: Refresh?
    var alarm = DeadlineAlarm()
    var refreshes: [CacheKey: Task<Void, Never>] = [:]
    var isStopped = false
  }

  /// How long after a refresh that has renewed nothing the next one of the same entry is at the earliest, whatever the
  /// policy's retry interval is: that may be zero, which is for requests, and here nobody asks.
  private static let minimumRetryInterval = Duration.seconds(1)

  let policy: AutoRefreshPolicy
  private let clock: CacheClock
  let rates: RequestRates
  private let state: Locked<State>

  init(_ policy: AutoRefreshPolicy, clock: CacheClock) {
    self.policy = policy
    self.clock = clock
    rates = RequestRates(capacity: policy.maximumTrackedKeys * 4)
    state = Locked(State(machine: AutoRefreshStateMachine(policy)))
  }

  deinit {
    let tasks = state.withLock { state in
      state.alarm.cancel()
      return Array(state.refreshes.values)
    }
    for task in tasks { task.cancel() }
  }

  /// Says how an entry is refreshed.
  func use(_ refresh: @escaping Refresh) { state.withLock { $0.refresh = refresh } }

  /// How many entries are looked after, and how many are being refreshed.
  var load: (tracked: Int, running: Int) { state.withLock { ($0.machine.count, $0.machine.running) } }

  /// The requests that made the entries hot, the most frequent first.
  func hotRequests(at now: CacheInstant) -> [CacheRequest] {
    let plans = state.withLock { Array($0.plans) }
    return plans.map { (rates.perMinute($0.key.digest, at: now), $0.value.request) }
      .sorted { $0.0 > $1.0 }.map(\.1)
  }

  /// Counts a request that was answered from the entry whose key has this digest.
  ///
  /// - Returns: Whether the entry has become hot, and is to be tracked.
  func noteRequest(_ digest: KeyDigest, at now: CacheInstant) -> Bool {
    let observation = rates.record(digest, at: now)
    return observation.perMinute >= policy.minimumRequestsPerMinute && !observation.isTracked
  }

  /// Looks after an entry from now on.
  ///
  /// - Parameter notBefore: When it may be refreshed at the earliest.
  func track(_ entry: CacheEntry, _ plan: FetchPlan, notBefore: CacheInstant) {
    let isTracked = state.withLock { state in
      guard !state.isStopped,
        state.machine.track(
          entry.key, receivedAt: entry.times.receivedAt, freshUntil: entry.times.freshUntil, notBefore: notBefore)
      else { return false }
      state.plans[entry.key] = plan
      return true
    }
    // Also when there was no room: it is asked again when the frequency has been counted anew.
    rates.setTracked(entry.key.digest, true)
    if isTracked { watch() }
  }

  /// Begins no refresh any more.
  func stop() {
    state.withLock { state in
      state.isStopped = true
      state.alarm.cancel()
    }
  }

  /// Begins no refresh any more, and returns when those under way have ended. At the limit they are cancelled, and nobody
  /// waits for them any longer.
  func stop(within limit: Duration) async {
    stop()
    let refreshes = state.withLock { Array($0.refreshes.values) }
    guard !refreshes.isEmpty else { return }
    // In a task of its own: the caller's may have been cancelled, and the refreshes are to end all the same.
    await Task { [clock] in
      try? await withDeadline(limit, clock) { for refresh in refreshes { await refresh.value } }
    }.value
    for refresh in refreshes { refresh.cancel() }
  }

  // MARK: The schedule

  private func watch() {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.alarm.set(for: state.machine.nextMoment, clock) { [weak self] in self?.momentReached($0) }
    }
  }

  private func momentReached(_ now: CacheInstant) {
    advance(to: state.withLock { $0.alarm.take(at: now) })
    watch()
  }

  private func advance(to now: CacheInstant) {
    let forgotten = state.withLock { state -> [CacheKey] in
      guard !state.isStopped, let refresh = state.refresh else { return [] }
      let (started, forgotten) = state.machine.advance(to: now) { key in
        rates.perMinute(key.digest, at: now) >= policy.minimumRequestsPerMinute
      }
      for key in forgotten { state.plans[key] = nil }
      // Behind the lock under which they were chosen: nothing that was chosen before `stop` is begun after it.
      for key in started {
        guard let plan = state.plans[key] else {
          state.machine.finished(key)
          continue
        }
        state.refreshes[key] = Task { @concurrent [weak self] in
          let entry = await refresh(plan)
          self?.finished(key, plan, entry)
        }
      }
      return forgotten
    }
    for key in forgotten { rates.setTracked(key.digest, false) }
  }

  private func finished(_ key: CacheKey, _ plan: FetchPlan, _ entry: CacheEntry?) {
    state.withLock { state in
      state.refreshes[key] = nil
      state.machine.finished(key)
      state.plans[key] = nil
    }
    let now = clock.now
    if let entry, now < entry.times.freshUntil,
      rates.perMinute(entry.key.digest, at: now) >= policy.minimumRequestsPerMinute
    {
      // What is not renewed - the refresh failed, was not due, or somebody else's is under way - is not tried again at once.
      let isRenewed = plan.stored.map { $0.times.receivedAt < entry.times.receivedAt } ?? true
      let pause = Swift.max(plan.policy.policy.retryInterval, Self.minimumRetryInterval)
      track(entry, plan.storing(entry), notBefore: isRenewed ? .distantPast : now.advanced(by: pause))
    } else {
      rates.setTracked(key.digest, false)
    }
    // A slot has become free.
    advance(to: now)
    watch()
  }
}

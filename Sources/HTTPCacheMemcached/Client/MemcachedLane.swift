//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// What waits for one host, and whether the host may be called. Each host has its own, so that one that hangs keeps only
/// its own workers busy.
final class MemcachedLane: Sendable {
  /// What one worker is doing.
  private struct Attempt {
    var jobs: [MemcachedJob]
    /// Set when the watchdog has already held it against the host.
    var isOverdue = false
  }

  private struct State {
    var reads = RingQueue<MemcachedJob>()
    var writes = RingQueue<MemcachedJob>()
    /// Whether writes come next when both wait.
    var isWriteTurn = false
    var queuedBytes = 0
    var idleWorkers = 0
    var attempts: [Attempt?]
    var isShutDown = false
    var statistics = MemcachedHostStatistics.Counters()
  }

  let host: MemcachedHost
  let name: String
  private let configuration: MemcachedConfiguration
  private let clock: CacheClock
  private let state: Monitor<State>
  private let breaker: SharedCircuitBreaker
  /// The large values that did not arrive in time.
  let slowValues = MemcachedSlowValues()

  init(host: MemcachedHost, configuration: MemcachedConfiguration, clock: CacheClock) {
    self.host = host
    name = host.description
    self.configuration = configuration
    self.clock = clock
    state = Monitor(
      State(
        attempts: Array(repeating: nil, count: configuration.workersPerHost)))
    breaker = SharedCircuitBreaker(
      CircuitBreaker(
        threshold: configuration.failureThreshold, firstWait: configuration.retryTimeout,
        longestWait: configuration.deadTimeout, probeLimit: configuration.timeout))
  }

  // MARK: For those who ask

  /// Queues `job`, or finishes it with an error at once.
  func submit(_ job: MemcachedJob, at now: CacheInstant) {
    var wakesWorker = false
    let error = state.withLock { state -> MemcachedError? in
      if state.isShutDown { return MemcachedError(.shutDown, host: name, "the client has been shut down") }
      let bytes = job.command.queuedBytes
      guard state.reads.count + state.writes.count < configuration.maximumQueueLength,
        state.queuedBytes + bytes <= configuration.maximumQueuedBytes
      else {
        state.statistics.overflows += 1
        return MemcachedError(.queueFull, host: name, "too many calls wait for it already")
      }
      guard breaker.admits(at: now) else {
        state.statistics.refusals += 1
        return MemcachedError(.hostDown, host: name, "has failed lately and is left alone for a while")
      }
      if job.command.isRead { state.reads.append(job) } else { state.writes.append(job) }
      state.queuedBytes += bytes
      wakesWorker = state.idleWorkers > 0
      return nil
    }
    // Not while the lock is held: whoever is woken would have to wait for it.
    if wakesWorker { state.signal() }
    if let error { job.finish(.failure(error)) }
  }

  /// Lets nobody in any more, and ends the workers when they are done with what they are doing.
  func shutdown() {
    let waiting = state.withLock { state -> [MemcachedJob] in
      state.isShutDown = true
      state.queuedBytes = 0
      self.state.broadcast()
      var waiting: [MemcachedJob] = []
      while let job = state.reads.popFirst() ?? state.writes.popFirst() { waiting.append(job) }
      return waiting
    }
    for job in waiting {
      job.finish(.failure(MemcachedError(.shutDown, host: name, "the client has been shut down")))
    }
  }

  var statistics: MemcachedHostStatistics {
    state.withLock { state in
      MemcachedHostStatistics(
        host: host, counters: state.statistics, breaker: breaker.state,
        waiting: state.reads.count + state.writes.count)
    }
  }

  // MARK: For the workers

  /// Waits for the next jobs of the worker with this number: several reads, or several writes.
  ///
  /// - Returns: No jobs when the worker is to end.
  func nextJobs(for worker: Int) -> [MemcachedJob] {
    let (jobs, wakesAnother) = state.wait({ $0.idleWorkers += $1 ? 1 : -1 }) { state -> ([MemcachedJob], Bool)? in
      if state.isShutDown { return ([], false) }
      let jobs = takeJobs(&state)
      guard !jobs.isEmpty else { return nil }
      state.attempts[worker] = Attempt(jobs: jobs)
      state.statistics.roundTrips += 1
      // This worker was signalled for all that came while nobody was idle; the others may have work too.
      return (jobs, state.idleWorkers > 0 && !(state.reads.isEmpty && state.writes.isEmpty))
    }
    if wakesAnother { state.signal() }
    return jobs
  }

  private func takeJobs(_ state: inout State) -> [MemcachedJob] {
    var jobs: [MemcachedJob] = []
    if state.isWriteTurn || state.reads.isEmpty {
      var bytes = 0
      while jobs.count < configuration.batchSize, let job = state.writes.first,
        jobs.isEmpty || bytes + job.command.queuedBytes <= Self.writeBatchBytes
      {
        _ = state.writes.popFirst()
        state.queuedBytes -= job.command.queuedBytes
        guard !job.isFinished else { continue }
        jobs.append(job)
        bytes += job.command.queuedBytes
      }
    }
    var keyCount = 0
    while jobs.isEmpty || keyCount > 0, let job = state.reads.first {
      guard case .get(let keys) = job.command, keyCount == 0 || keyCount + keys.count <= configuration.batchSize else {
        break
      }
      _ = state.reads.popFirst()
      guard !job.isFinished else { continue }
      jobs.append(job)
      keyCount += keys.count
    }
    state.isWriteTurn = keyCount > 0
    return jobs
  }

  /// How much is sent at once, so that it fits into the buffers of sockets while the server cannot get rid of its answers.
  private static let writeBatchBytes = 16 << 10

  /// The host has answered. Said before anybody is given the answer: who has it finds the host up.
  func answered() { breaker.succeeded() }

  /// What the worker with this number was doing is over.
  ///
  /// - Parameter failure: What went wrong with the host, if something did.
  func finished(_ worker: Int, failure: MemcachedError?) {
    let now = clock.now
    state.withLock { state in
      let attempt = state.attempts[worker]
      state.attempts[worker] = nil
      guard let failure else {
        breaker.succeeded()
        return
      }
      state.statistics.failures += 1
      if failure.code == .timedOut { state.statistics.timeouts += 1 }
      if attempt?.isOverdue != true { breaker.failed(at: now) }
    }
  }

  /// A job was done only at the second attempt.
  func repeated() { state.withLock { $0.statistics.reconnections += 1 } }

  // MARK: For the watchdog

  /// Finishes what has waited for too long.
  ///
  /// - Returns: When to look again; nil when nothing waits.
  func expire(at now: CacheInstant) -> CacheInstant? {
    let (overdue, next) = state.withLock { state -> ([MemcachedJob], CacheInstant?) in
      var overdue: [MemcachedJob] = []
      while let job = state.reads.first, job.isFinished || job.deadline <= now {
        _ = state.reads.popFirst()
        overdue.append(job)
      }
      while let job = state.writes.first, job.isFinished || job.deadline <= now {
        _ = state.writes.popFirst()
        state.queuedBytes -= job.command.queuedBytes
        overdue.append(job)
      }
      let hasWaitedInVain = overdue.contains { !$0.isFinished }
      var deadlines = [state.reads.first?.deadline, state.writes.first?.deadline].compactMap(\.self)
      for worker in state.attempts.indices {
        guard let attempt = state.attempts[worker], !attempt.isOverdue, let first = attempt.jobs.first else { continue }
        if first.deadline <= now {
          overdue += attempt.jobs
          // A batch may hold jobs that came later; they are in the same answer, which is overdue.
          state.attempts[worker]?.isOverdue = true
          breaker.failed(at: now)
          state.statistics.timeouts += 1
        } else {
          deadlines.append(first.deadline)
        }
      }
      // When all workers are stuck in what is overdue, waiting for them was the host's fault too.
      if hasWaitedInVain, state.attempts.allSatisfy({ $0?.isOverdue == true }) { breaker.failed(at: now) }
      return (overdue, deadlines.min())
    }
    for job in overdue {
      job.finish(.failure(MemcachedError(.timedOut, host: name, "did not answer within \(configuration.timeout)")))
    }
    return next
  }
}

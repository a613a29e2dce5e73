//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// One thread's work: takes jobs for its host, asks, hands out the answers, until its lane is shut down.
struct MemcachedWorker {
  let lane: MemcachedLane
  let number: Int
  let configuration: MemcachedConfiguration
  let clock: CacheClock

  func run() {
    var connection: MemcachedConnection?
    while true {
      let jobs = lane.nextJobs(for: number)
      guard !jobs.isEmpty else { return }
      let failures = attempt(jobs, &connection)
      // The lane first: who has been told of the failure finds the host down.
      let fault = failures.last { $0.error.isHostFault }
      lane.finished(number, failure: (fault?.error).map(publicError))
      for failure in failures {
        if let slow = failure.error.slowValue { lane.slowValues.note(slow, at: clock.now) }
        for job in failure.jobs { job.finish(.failure(publicError(failure.error))) }
      }
    }
  }

  private func publicError(_ error: MemcachedWireError) -> MemcachedError {
    MemcachedError(error.code, host: lane.name, error.message)
  }

  /// Does the jobs, and finishes those that it could do.
  ///
  /// - Returns: The jobs that could not be done, and why.
  private func attempt(
    _ jobs: [MemcachedJob], _ connection: inout MemcachedConnection?
  ) -> [(jobs: [MemcachedJob], error: MemcachedWireError)] {
    var failures: [(jobs: [MemcachedJob], error: MemcachedWireError)] = []
    var rest = jobs
    var isReused = connection != nil
    while !rest.isEmpty {
      var current = 0
      do throws(MemcachedWireError) {
        if connection == nil { connection = try MemcachedConnection(to: lane.host, configuration, clock: clock) }
        if let connection { try perform(rest, connection, &current) }
        return failures
      } catch {
        connection = nil
        if error.code == .connectionFailed, isReused {
          // The server may have closed a connection that was idle, or have been restarted: that is no reason to fail. Should
          // it have done the first all the same, an increment moves twice, and `add` and `cas` find what they wrote themselves.
          isReused = false
          lane.repeated()
          rest.removeAll(where: \.isFinished)
        } else if error.code == .refused, !rest[0].command.isRead {
          // The server does not do this one. That is nothing to those who were sent along with it.
          failures.append(([rest[current]], error))
          rest.removeFirst(current + 1)
        } else {
          return failures + [(rest, error)]
        }
      }
    }
    return failures
  }

  /// - Parameter current: Set to the number of the job whose reply is awaited.
  private func perform(
    _ jobs: [MemcachedJob], _ connection: MemcachedConnection, _ current: inout Int
  ) throws(MemcachedWireError) {
    let deadline = jobs.reduce(jobs[0].deadline) { max($0, $1.deadline) }
    guard jobs.count > 1, jobs[0].command.isRead else {
      try connection.send(jobs.map(\.command), until: deadline)
      for (index, job) in jobs.enumerated() {
        current = index
        let reply = try connection.reply(to: job.command)
        if index == jobs.count - 1 { try connection.checkEnd() }
        lane.answered()
        job.finish(.success(reply))
      }
      return
    }
    // Several jobs are all reads. What they share is asked for first and once, the rest in the order of the jobs, so that
    // a job is done when the answer has come to what the next one wants.
    var plan = ReadPlan()
    for job in jobs {
      if case .get(let keys) = job.command { plan.add(keys) }
    }
    let (keys, ends) = (plan.keys, plan.ends)
    var items = [MemcachedItem?](repeating: nil, count: keys.count)
    var done = 0
    func finishJobs(before position: Int) {
      while done < jobs.count, ends[done] <= position {
        jobs[done].finish(.success(.items(plan.positions(of: done).map { items[plan.position($0)] })))
        done += 1
      }
    }
    try connection.send([.get(keys)], until: deadline)
    try connection.items(for: keys) { position, item in
      if done == 0 { lane.answered() }
      finishJobs(before: position)
      items[position] = item
    }
    try connection.checkEnd()
    lane.answered()
    finishJobs(before: keys.count)
  }
}

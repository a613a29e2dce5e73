//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// One thread's work: takes jobs for its host, asks, hands out the answers, until its lane is shut down.
struct MemcachedWorker {
  let lane: MemcachedLane
  let number: Int
  let template: MemcachedTemplate

  func run() {
    var connection: MemcachedConnection?
    while true {
      let jobs = lane.nextJobs(for: number)
      guard !jobs.isEmpty else { return }
      let isReused = connection != nil
      var failure = attempt(jobs, &connection)
      // The server may have closed a connection that was idle, or have been restarted: that is no reason to fail.
      if failure?.error.code == .connectionFailed, isReused {
        let remaining = jobs.filter { !$0.isFinished && $0.command.isRepeatable }
        if !remaining.isEmpty {
          lane.repeated()
          failure = attempt(remaining, &connection)
        }
      }
      if let failure {
        for job in jobs { job.finish(.failure(failure.error)) }
      }
      lane.finished(number, failure: failure.flatMap { $0.isHostFault ? $0.error : nil })
    }
  }

  /// Does the jobs, and finishes those that it could do.
  private func attempt(
    _ jobs: [MemcachedJob], _ connection: inout MemcachedConnection?
  ) -> MemcachedConnection.Failure? {
    if connection == nil {
      connection = MemcachedConnection(template: template, host: lane.name)
    }
    do throws(MemcachedConnection.Failure) {
      guard connection != nil else {
        throw MemcachedConnection.Failure(
          error: MemcachedError(.connectionFailed, host: lane.name, "no memory for a connection"), isHostFault: false)
      }
      try perform(jobs, connection!)
      return nil
    } catch {
      connection = nil
      return error
    }
  }

  private func perform(
    _ jobs: [MemcachedJob], _ connection: borrowing MemcachedConnection
  ) throws(MemcachedConnection.Failure) {
    guard jobs.count > 1 else {
      jobs[0].finish(.success(try connection.perform(jobs[0].command)))
      return
    }
    // Several jobs are all reads. A job is finished when the first value of a later one arrives.
    var keys: [MemcachedKey] = []
    var owners: [Int] = []
    for (index, job) in jobs.enumerated() {
      guard case .get(let wanted) = job.command else { continue }
      keys += wanted
      owners += repeatElement(index, count: wanted.count)
    }
    var current = 0
    var first = 0
    var items: [MemcachedItem?] = []
    func finishJobs(before end: Int) {
      while current < end {
        guard case .get(let wanted) = jobs[current].command else { return }
        items += repeatElement(nil, count: wanted.count - items.count)
        jobs[current].finish(.success(.items(items)))
        items.removeAll()
        first += wanted.count
        current += 1
      }
    }
    try connection.get(keys) { position, item in
      finishJobs(before: owners[position])
      items += repeatElement(nil, count: position - first - items.count)
      items.append(item)
    }
    finishJobs(before: jobs.count)
  }
}

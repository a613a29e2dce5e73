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
      // The server may have closed a connection that was idle, or have been restarted: that is no reason to fail. Should
      // it have done the first all the same, an increment moves twice, and `add` and `cas` find what they wrote themselves.
      if failure?.error.code == .connectionFailed, isReused {
        let remaining = jobs.filter { !$0.isFinished }
        if !remaining.isEmpty {
          lane.repeated()
          failure = attempt(remaining, &connection)
        }
      }
      // The lane first: who has been told of the failure finds the host down.
      lane.finished(number, failure: failure.flatMap { $0.isHostFault ? $0.error : nil })
      if let failure {
        for job in jobs { job.finish(.failure(failure.error)) }
      }
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
      let reply = try connection.perform(jobs[0].command)
      lane.answered()
      jobs[0].finish(.success(reply))
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
    try connection.get(keys) { position, item in
      if done == 0 { lane.answered() }
      finishJobs(before: position)
      items[position] = item
    }
    lane.answered()
    finishJobs(before: keys.count)
  }
}

/// The keys that several jobs want, put together for one request.
private struct ReadPlan {
  private var shared: [MemcachedKey] = []
  private var own: [MemcachedKey] = []
  /// For every key of every job: from 0 up an own one, from -1 down a shared one.
  private var places: [Int] = []
  private var starts: [Int] = []
  private var ownEnds: [Int] = []

  mutating func add(_ wanted: [MemcachedKey]) {
    starts.append(places.count)
    for key in wanted {
      if key.isShared {
        var index = shared.firstIndex { $0.isSameMemory(as: key) }
        if index == nil {
          index = shared.count
          shared.append(key)
        }
        places.append(-1 - (index ?? 0))
      } else {
        places.append(own.count)
        own.append(key)
      }
    }
    ownEnds.append(own.count)
  }

  /// What to ask for.
  var keys: [MemcachedKey] { shared + own }
  /// For every job, the position behind the last key that it waits for.
  var ends: [Int] { ownEnds.map { $0 + shared.count } }

  /// Where the keys of a job are among the places.
  func positions(of job: Int) -> Range<Int> {
    starts[job]..<(job + 1 < starts.count ? starts[job + 1] : places.count)
  }

  /// Where the key of a place is among the keys.
  func position(_ place: Int) -> Int {
    let place = places[place]
    return place < 0 ? -1 - place : shared.count + place
  }
}

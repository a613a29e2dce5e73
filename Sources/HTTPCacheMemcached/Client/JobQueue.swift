//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Jobs in the order of their arrival: a ring that grows.
struct JobQueue {
  private var jobs: [MemcachedJob?] = Array(repeating: nil, count: 64)
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }
  var first: MemcachedJob? { count == 0 ? nil : jobs[head] }

  mutating func append(_ job: MemcachedJob) {
    if count == jobs.count {
      jobs = (0..<count).map { jobs[(head + $0) & (jobs.count - 1)] } + Array(repeating: nil, count: count)
      head = 0
    }
    jobs[(head + count) & (jobs.count - 1)] = job
    count += 1
  }

  mutating func removeFirst() -> MemcachedJob? {
    guard count > 0 else { return nil }
    defer {
      jobs[head] = nil
      head = (head + 1) & (jobs.count - 1)
      count -= 1
    }
    return jobs[head]
  }
}

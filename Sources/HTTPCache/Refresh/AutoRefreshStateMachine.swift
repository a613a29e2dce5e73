//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// When which hot entry is refreshed. Pure: events in, actions out; ``AutoRefresher`` performs them.
///
///     tracked ──window begins──▶ due ──slot free──▶ refreshing ──finished──▶ tracked (or forgotten)
///        └──no longer hot, or expired──▶ forgotten
struct AutoRefreshStateMachine {
  private enum Phase {
    case tracked
    case due
    case refreshing
  }

  private struct Candidate {
    var phase: Phase
    var expiresAt: CacheInstant
    /// Tells the place in the schedule that counts from those that are out of date.
    var version: Int
  }

  private struct Appointment: Comparable {
    var moment: CacheInstant
    var key: CacheKey
    var version: Int

    static func < (left: Appointment, right: Appointment) -> Bool { left.moment < right.moment }
  }

  private let window: Duration
  private let maximumConcurrent: Int
  private let maximumTracked: Int
  private var candidates: [CacheKey: Candidate] = [:]
  /// A binary heap, the earliest first.
  private var schedule: [Appointment] = []
  private var waiting: [CacheKey] = []
  private var version = 0
  /// How many refreshes are under way.
  private(set) var running = 0

  init(_ policy: AutoRefreshPolicy) {
    window = policy.window
    maximumConcurrent = policy.maximumConcurrentRefreshes
    maximumTracked = policy.maximumTrackedKeys
  }

  /// How many entries are looked after.
  var count: Int { candidates.count }

  /// Whether an entry is looked after.
  func isTracked(_ key: CacheKey) -> Bool { candidates[key] != nil }

  /// When there is something to do next; nil while there is nothing.
  var nextMoment: CacheInstant? { schedule.first?.moment }

  /// A hot entry is to be looked after, or has been renewed.
  ///
  /// - Parameter notBefore: When the next refresh may be made at the earliest: the last one has failed.
  /// - Returns: False when there are too many already.
  mutating func track(
    _ key: CacheKey, receivedAt: CacheInstant, freshUntil: CacheInstant, notBefore: CacheInstant = .distantPast
  ) -> Bool {
    let existing = candidates[key]
    if existing?.phase == .refreshing { return true }
    guard existing != nil || candidates.count < maximumTracked else { return false }
    let half = Duration.nanoseconds(freshUntil.duration(since: receivedAt).clampedNanoseconds / 2)
    let moment = Swift.max(notBefore, freshUntil.advanced(by: .zero - Swift.min(window, half)))
    version += 1
    candidates[key] = Candidate(phase: .tracked, expiresAt: freshUntil, version: version)
    push(Appointment(moment: moment, key: key, version: version))
    return true
  }

  /// Time has passed.
  ///
  /// - Parameter isHot: Whether an entry is asked for often enough at this moment.
  /// - Returns: What is to be refreshed now, and what is no longer looked after.
  mutating func advance(
    to now: CacheInstant, isHot: (CacheKey) -> Bool
  ) -> (start: [CacheKey], forgotten: [CacheKey]) {
    var forgotten: [CacheKey] = []
    while let next = schedule.first, next.moment <= now {
      pop()
      guard var candidate = candidates[next.key], candidate.version == next.version, candidate.phase == .tracked else {
        continue
      }
      guard now < candidate.expiresAt, isHot(next.key) else {
        candidates[next.key] = nil
        forgotten.append(next.key)
        continue
      }
      candidate.phase = .due
      candidates[next.key] = candidate
      waiting.append(next.key)
    }
    return (start(at: now, isHot, &forgotten), forgotten)
  }

  /// A refresh has ended. Its entry is looked after again when it is tracked anew.
  mutating func finished(_ key: CacheKey) {
    guard candidates[key]?.phase == .refreshing else { return }
    running -= 1
    candidates[key] = nil
  }

  /// An entry is not to be looked after any more.
  mutating func forget(_ key: CacheKey) {
    if candidates[key]?.phase == .refreshing { running -= 1 }
    candidates[key] = nil
  }

  private mutating func start(
    at now: CacheInstant, _ isHot: (CacheKey) -> Bool, _ forgotten: inout [CacheKey]
  ) -> [CacheKey] {
    var started: [CacheKey] = []
    var position = 0
    while position < waiting.count, running < maximumConcurrent {
      let key = waiting[position]
      position += 1
      guard var candidate = candidates[key], candidate.phase == .due else { continue }
      // It had to wait for its turn, and that may have taken too long: the next request fetches it.
      guard now < candidate.expiresAt else {
        candidates[key] = nil
        forgotten.append(key)
        continue
      }
      candidate.phase = .refreshing
      candidates[key] = candidate
      running += 1
      started.append(key)
    }
    waiting.removeFirst(position)
    return started
  }

  private mutating func push(_ appointment: Appointment) {
    // Those that are out of date are few, unless entries are tracked again and again: then they are cleared away.
    if schedule.count > 64, schedule.count > 4 * candidates.count { rebuild() }
    schedule.append(appointment)
    var child = schedule.count - 1
    while child > 0, schedule[child] < schedule[(child - 1) / 2] {
      schedule.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func pop() {
    schedule.swapAt(0, schedule.count - 1)
    schedule.removeLast()
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < schedule.count && schedule[child] < schedule[least] {
        least = child
      }
      guard least != parent else { return }
      schedule.swapAt(parent, least)
      parent = least
    }
  }

  private mutating func rebuild() {
    // An ascending order is a heap.
    schedule = schedule.filter { candidates[$0.key]?.version == $0.version }.sorted()
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Who may call the origin, who waits, and who is turned away. Pure: events in, actions out; ``OriginShield`` performs them.
struct OriginShieldStateMachine {
  typealias WaiterID = Int

  enum RequestAction: Equatable {
    /// Go ahead.
    case run
    /// Wait; the identifier is in the actions of a later event.
    case wait(WaiterID)
    /// There is no room.
    case shed
  }

  private enum Limit {
    case fixed(Int)
    case adaptive(AdaptiveLimit)
  }

  private struct Waiter {
    var id: WaiterID
    var deadline: CacheInstant
  }

  private var limiter: Limit
  private let queueLimit: Int
  private let queueDeadline: Duration
  /// How many calls there are.
  private(set) var running = 0
  /// In the order of arrival, which is that of the deadlines too.
  private var queue: [Waiter] = []
  private var head = 0
  private var left: Set<WaiterID> = []
  private var nextID = 0

  init(_ limit: OriginLimit) {
    switch limit.kind {
    case .fixed(let number): limiter = .fixed(number)
    case .adaptive(let minimum, let maximum):
      limiter = .adaptive(AdaptiveLimit(minimum: minimum, maximum: maximum))
    }
    queueLimit = limit.queueLimit
    queueDeadline = limit.queueDeadline
  }

  /// How many calls there may be at a time now.
  var limit: Int {
    switch limiter {
    case .fixed(let number): number
    case .adaptive(let adaptive): adaptive.limit
    }
  }

  /// How many wait.
  var waiting: Int { queue.count - head - left.count }

  /// When the next of those who wait has waited long enough.
  var nextDeadline: CacheInstant? { head < queue.count ? queue[head].deadline : nil }

  /// Somebody wants to call the origin.
  ///
  /// - Parameter mayWait: Whether it is worth waiting for: a client's request, not a refresh in the background.
  mutating func request(mayWait: Bool, at now: CacheInstant) -> RequestAction {
    if running < limit, waiting == 0 {
      running += 1
      return .run
    }
    guard mayWait, queueDeadline > .zero, waiting < queueLimit else { return .shed }
    nextID += 1
    queue.append(Waiter(id: nextID, deadline: now.advanced(by: queueDeadline)))
    return .wait(nextID)
  }

  /// A call has ended.
  ///
  /// - Returns: Who may go ahead now.
  mutating func finished(latency: Duration, isFailure: Bool) -> [WaiterID] {
    if case .adaptive(var adaptive) = limiter {
      adaptive.add(latency: latency, isFailure: isFailure, running: running)
      limiter = .adaptive(adaptive)
    }
    running -= 1
    return admitted()
  }

  /// A call that was admitted will not be made.
  mutating func abandoned() -> [WaiterID] {
    running -= 1
    return admitted()
  }

  /// Somebody has stopped waiting.
  ///
  /// - Returns: False when it had been admitted or turned away already.
  mutating func leave(_ id: WaiterID) -> Bool {
    guard queue[head...].contains(where: { $0.id == id }), left.insert(id).inserted else { return false }
    dropLeft()
    return true
  }

  /// Time has passed.
  ///
  /// - Returns: Who has waited too long.
  mutating func deadlineReached(_ now: CacheInstant) -> [WaiterID] {
    var expired: [WaiterID] = []
    while head < queue.count, queue[head].deadline <= now {
      if left.remove(queue[head].id) == nil { expired.append(queue[head].id) }
      head += 1
    }
    compact()
    return expired
  }

  private mutating func admitted() -> [WaiterID] {
    var admitted: [WaiterID] = []
    while running < limit, head < queue.count {
      let id = queue[head].id
      head += 1
      if left.remove(id) != nil { continue }
      running += 1
      admitted.append(id)
    }
    compact()
    return admitted
  }

  private mutating func dropLeft() {
    while head < queue.count, left.contains(queue[head].id) {
      left.remove(queue[head].id)
      head += 1
    }
    compact()
  }

  private mutating func compact() {
    guard head > 64, head * 2 > queue.count else { return }
    queue.removeFirst(head)
    head = 0
  }
}

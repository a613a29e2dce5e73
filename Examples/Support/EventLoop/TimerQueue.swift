//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The timers of one loop: a binary heap, the next deadline on top.
struct TimerQueue {
  private var heap: [LoopTimer] = []

  var count: Int { heap.count }

  /// When the loop has to look again; nil when there is nothing to wait for. It may be earlier than any true deadline.
  var nextDeadline: Int64? { heap.first?.queuedDeadline }

  /// Sets when `timer` is due; `.max` for never.
  mutating func schedule(_ timer: LoopTimer, at deadline: Int64) {
    timer.deadline = deadline
    guard deadline < timer.queuedDeadline else { return }
    timer.queuedDeadline = deadline
    if timer.position < 0 {
      timer.position = heap.count
      heap.append(timer)
    }
    siftUp(timer.position)
  }

  /// Takes `timer` out for good, so that the queue no longer keeps it alive.
  mutating func remove(_ timer: LoopTimer) {
    timer.deadline = .max
    timer.queuedDeadline = .max
    let position = timer.position
    guard position >= 0 else { return }
    timer.position = -1
    let last = heap.removeLast()
    guard position < heap.count else { return }
    place(last, at: position)
    siftUp(position)
    siftDown(last.position)
  }

  /// Takes out and returns a timer that is due; nil when none is.
  mutating func popDue(now: Int64) -> LoopTimer? {
    while let first = heap.first, first.queuedDeadline <= now {
      let deadline = first.deadline
      remove(first)
      if deadline <= now { return first }
      if deadline < .max { schedule(first, at: deadline) }
    }
    return nil
  }

  private mutating func place(_ timer: LoopTimer, at position: Int) {
    heap[position] = timer
    timer.position = position
  }

  private mutating func siftUp(_ start: Int) {
    var position = start
    let timer = heap[position]
    while position > 0 {
      let parent = (position - 1) / 2
      guard timer.queuedDeadline < heap[parent].queuedDeadline else { break }
      place(heap[parent], at: position)
      position = parent
    }
    place(timer, at: position)
  }

  private mutating func siftDown(_ start: Int) {
    var position = start
    let timer = heap[position]
    while true {
      var child = 2 * position + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1].queuedDeadline < heap[child].queuedDeadline { child += 1 }
      guard heap[child].queuedDeadline < timer.queuedDeadline else { break }
      place(heap[child], at: position)
      position = child
    }
    place(timer, at: position)
  }
}

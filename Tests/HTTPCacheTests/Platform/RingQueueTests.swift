//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite("Ring queue")
struct RingQueueTests {
  @Test(arguments: 1...10 as ClosedRange<UInt64>)
  func anyHistoryEqualsThatOfAnArray(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var queue = RingQueue<Int>()
    var array: [Int] = []
    for step in 0..<5_000 {
      // Fills and empties in turn.
      let adds = Int.random(in: 0..<10, using: &random) < (step / 500 % 2 == 0 ? 7 : 3)
      switch (adds, Int.random(in: 0..<10, using: &random)) {
      case (true, 0):
        queue.prepend(step)
        array.insert(step, at: 0)
      case (true, _):
        queue.append(step)
        array.append(step)
      case (false, 0):
        queue.removeFirst(3)
        array.removeFirst(min(3, array.count))
      case (false, _):
        #expect(queue.popFirst() == (array.isEmpty ? nil : array.removeFirst()))
      }
      #expect(queue.count == array.count)
      #expect(queue.first == array.first)
      if let index = array.indices.randomElement(using: &random) { #expect(queue[index] == array[index]) }
    }
    #expect(Array(queue) == array)
  }

  @Test func aQueueThatNeverHoldsMuchStaysSmall() {
    var queue = RingQueue<Int>()
    for number in 0..<100_000 {
      queue.append(number)
      if number >= 5 { #expect(queue.popFirst() == number - 5) }
    }
    #expect(queue.capacity <= 8)
  }

  @Test func memoryIsGivenBackAfterACrowd() {
    var queue = RingQueue<Int>()
    for number in 0..<100_000 { queue.append(number) }
    while queue.count > 5 { _ = queue.popFirst() }
    #expect(queue.capacity <= 64)
    #expect(Array(queue) == Array(99_995..<100_000))
    queue.removeAll()
    #expect(queue.capacity == 0)
  }

  @Test func elementsThatHaveLeftAreReleased() {
    final class Value {}
    weak var value: Value?
    var queue = RingQueue<Value>()
    do {
      let new = Value()
      value = new
      queue.append(new)
    }
    queue.append(Value())
    _ = queue.popFirst()
    #expect(value == nil)
  }
}

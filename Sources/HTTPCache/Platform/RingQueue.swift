//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A queue in a ring of memory: the elements leave in the order in which they came. It grows to the most that it has held at
/// a time, and shrinks again when most of that is free.
package struct RingQueue<Element> {
  /// Nil where there is no element. The capacity is a power of two, or zero.
  private var slots: [Element?] = []
  /// The place of the first element.
  private var head = 0
  /// The number of elements.
  package private(set) var count = 0

  /// Creates an empty queue.
  package init() {}

  /// Whether there are no elements.
  package var isEmpty: Bool { count == 0 }

  /// The number of elements that there is memory for.
  var capacity: Int { slots.count }

  /// The element that leaves next.
  package var first: Element? { isEmpty ? nil : slots[head] }

  /// The element with so many before it.
  package subscript(position: Int) -> Element {
    get {
      precondition(position >= 0 && position < count)
      return slots[place(position)]!
    }
    set {
      precondition(position >= 0 && position < count)
      slots[place(position)] = newValue
    }
  }

  private func place(_ position: Int) -> Int { (head &+ position) & (slots.count &- 1) }

  /// Adds an element behind the others.
  ///
  /// - Complexity: O(1), amortised.
  package mutating func append(_ element: Element) {
    if count == slots.count { resize(to: Swift.max(8, 2 * slots.count)) }
    slots[place(count)] = element
    count += 1
  }

  /// Adds an element before the others.
  package mutating func prepend(_ element: Element) {
    if count == slots.count { resize(to: Swift.max(8, 2 * slots.count)) }
    head = (head &- 1) & (slots.count &- 1)
    slots[head] = element
    count += 1
  }

  /// Removes the first element.
  ///
  /// - Complexity: O(1), amortised.
  package mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = slots[head].take()
    head = (head &+ 1) & (slots.count &- 1)
    count -= 1
    if slots.count > 64, count < slots.count / 8 { resize(to: slots.count / 4) }
    return element
  }

  /// Removes the first elements, so many at most.
  package mutating func removeFirst(_ number: Int) {
    for _ in 0..<Swift.min(number, count) { _ = popFirst() }
  }

  /// Removes all elements, and gives the memory back.
  package mutating func removeAll() { self = Self() }

  private mutating func resize(to size: Int) {
    var new: [Element?] = []
    new.reserveCapacity(size)
    for position in 0..<count { new.append(slots[place(position)]) }
    new.append(contentsOf: repeatElement(nil, count: size - count))
    slots = new
    head = 0
  }
}

extension RingQueue: Sequence {
  /// The elements in the order in which they came.
  package struct Iterator: IteratorProtocol {
    fileprivate let queue: RingQueue
    fileprivate var position = 0

    package mutating func next() -> Element? {
      guard position < queue.count else { return nil }
      defer { position += 1 }
      return queue[position]
    }
  }

  package func makeIterator() -> Iterator { Iterator(queue: self) }
}

extension RingQueue: Sendable where Element: Sendable {}

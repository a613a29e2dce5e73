//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A queue in a ring of memory that grows when it has to: what is taken out makes room without anything being moved.
struct SlotQueue<Element> {
  private var storage: ContiguousArray<Element?> = []
  private var head = 0
  private(set) var count = 0

  var isEmpty: Bool { count == 0 }

  var first: Element? {
    isEmpty ? nil : storage[head]
  }

  mutating func append(_ element: consuming Element) {
    if count == storage.count { grow() }
    storage[(head + count) & (storage.count - 1)] = element
    count += 1
  }

  /// - Precondition: The queue is not empty.
  @discardableResult
  mutating func removeFirst() -> Element? {
    precondition(count > 0, "nothing is in the queue")
    let element = storage[head].take()
    head = (head + 1) & (storage.count - 1)
    count -= 1
    return element
  }

  /// Lets `body` change the first element.
  mutating func withFirst<Result>(_ body: (inout Element?) -> Result) -> Result { body(&storage[head]) }

  /// Lets `body` change every element, from the first to the last.
  mutating func forEach(_ body: (inout Element?) -> Void) {
    for offset in 0..<count { body(&storage[(head + offset) & (storage.count - 1)]) }
  }

  mutating func removeAll() -> [Element] {
    var all: [Element] = []
    while !isEmpty { if let element = removeFirst() { all.append(element) } }
    return all
  }

  private mutating func grow() {
    // A power of two, so that a mask finds the place.
    var larger = ContiguousArray<Element?>(repeating: nil, count: max(16, storage.count * 2))
    for offset in 0..<count { larger[offset] = storage[(head + offset) & (storage.count - 1)] }
    storage = larger
    head = 0
  }
}

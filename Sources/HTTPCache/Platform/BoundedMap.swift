//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A dictionary that keeps its elements in the order in which they were last put in, bounded in number and in weight. Beyond
/// a bound the oldest elements go.
///
/// The memory follows the elements that are there: an element that is replaced or removed leaves nothing behind, however
/// often that happens.
package struct BoundedMap<Key: Hashable, Value> {
  /// A key with its value, and what it counts for against `maximumWeight`.
  package struct Element {
    package let key: Key
    package var value: Value
    package fileprivate(set) var weight: Int
  }

  fileprivate struct Node {
    /// Nil while the node is free.
    var element: Element?
    /// The neighbours, from the oldest to the newest. Of a free node, `next` is the next free one.
    var previous = Self.none
    var next = Self.none

    static var none: Int32 { -1 }
  }

  private var indices: [Key: Int32] = [:]
  private var nodes: [Node] = []
  private var oldest = Node.none
  private var newest = Node.none
  private var free = Node.none
  private let maximumCount: Int
  private let maximumWeight: Int
  /// The sum of the elements' weights.
  package private(set) var weight = 0

  /// Creates an empty map.
  ///
  /// - Parameters:
  ///   - maximumCount: How many elements there may be.
  ///   - maximumWeight: What their weights may add up to.
  package init(maximumCount: Int, maximumWeight: Int = .max) {
    precondition(maximumCount > 0 && maximumCount < Int(Int32.max))
    self.maximumCount = maximumCount
    self.maximumWeight = maximumWeight
  }

  /// The number of elements.
  package var count: Int { indices.count }
  /// Whether there are no elements.
  package var isEmpty: Bool { indices.isEmpty }

  /// The number of elements that there is memory for.
  var capacity: Int { Swift.max(nodes.capacity, indices.capacity) }

  /// The oldest element.
  package var first: Element? { oldest == Node.none ? nil : nodes[Int(oldest)].element }

  /// The value for `key`. Setting it keeps the place of an element that is there, and does nothing if there is none.
  package subscript(key: Key) -> Value? {
    get { indices[key].flatMap { nodes[Int($0)].element?.value } }
    set {
      guard let newValue else {
        remove(key)
        return
      }
      if let index = indices[key] { nodes[Int(index)].element?.value = newValue }
    }
  }

  /// Puts an element in as the newest, in place of one with the same key.
  ///
  /// - Returns: The elements that had to go, the oldest first. A new element that is too heavy by itself is the only one.
  /// - Complexity: O(1), amortised.
  @discardableResult
  package mutating func append(_ value: Value, for key: Key, weight: Int = 0) -> [Element] {
    remove(key)
    let element = Element(key: key, value: value, weight: weight)
    guard weight <= maximumWeight else { return [element] }
    let index = insert(element)
    link(index, after: newest)
    return trim()
  }

  /// Puts an element in as the oldest, in place of one with the same key.
  ///
  /// - Returns: The elements that had to go. The new one is the first of them.
  @discardableResult
  package mutating func prepend(_ value: Value, for key: Key, weight: Int = 0) -> [Element] {
    remove(key)
    let element = Element(key: key, value: value, weight: weight)
    guard weight <= maximumWeight else { return [element] }
    let index = insert(element)
    link(index, after: Node.none)
    return trim()
  }

  /// Removes the element with this key.
  ///
  /// - Complexity: O(1), amortised.
  @discardableResult
  package mutating func remove(_ key: Key) -> Element? {
    guard let index = indices.removeValue(forKey: key) else { return nil }
    let element = unlink(index)
    shrink()
    return element
  }

  /// Removes the oldest element.
  @discardableResult
  package mutating func popFirst() -> Element? {
    guard oldest != Node.none, let key = nodes[Int(oldest)].element?.key else { return nil }
    return remove(key)
  }

  /// Removes the oldest elements as long as they satisfy the condition. For elements that expire in the order in which they
  /// were put in.
  package mutating func removeFirst(while condition: (Element) -> Bool) {
    while let element = first, condition(element) { remove(element.key) }
  }

  /// Removes all elements that satisfy the condition.
  package mutating func removeAll(where condition: (Element) -> Bool) {
    var index = oldest
    while index != Node.none {
      let node = nodes[Int(index)]
      // The table is rebuilt only afterwards: that changes the indices.
      if let element = node.element, condition(element) {
        indices[element.key] = nil
        _ = unlink(index)
      }
      index = node.next
    }
    shrink()
  }

  /// Removes all elements, and gives the memory back.
  package mutating func removeAll() {
    self = Self(maximumCount: maximumCount, maximumWeight: maximumWeight)
  }

  // MARK: Nodes

  private mutating func trim() -> [Element] {
    var gone: [Element] = []
    while count > maximumCount || weight > maximumWeight, let element = popFirst() { gone.append(element) }
    return gone
  }

  private mutating func insert(_ element: Element) -> Int32 {
    let index: Int32
    if free != Node.none {
      index = free
      free = nodes[Int(index)].next
      nodes[Int(index)] = Node(element: element)
    } else {
      index = Int32(nodes.count)
      nodes.append(Node(element: element))
    }
    indices[element.key] = index
    weight += element.weight
    return index
  }

  private mutating func link(_ index: Int32, after previous: Int32) {
    let next = previous == Node.none ? oldest : nodes[Int(previous)].next
    nodes[Int(index)].previous = previous
    nodes[Int(index)].next = next
    if previous == Node.none { oldest = index } else { nodes[Int(previous)].next = index }
    if next == Node.none { newest = index } else { nodes[Int(next)].previous = index }
  }

  private mutating func unlink(_ index: Int32) -> Element? {
    let node = nodes[Int(index)]
    if node.previous == Node.none { oldest = node.next } else { nodes[Int(node.previous)].next = node.next }
    if node.next == Node.none { newest = node.previous } else { nodes[Int(node.next)].previous = node.previous }
    nodes[Int(index)] = Node(element: nil, next: free)
    free = index
    weight -= node.element?.weight ?? 0
    return node.element
  }

  /// Gives memory back when most of it has become free. Each rebuilding comes after at least as many removals as there are
  /// elements left, so removing stays O(1).
  private mutating func shrink() {
    guard nodes.count > 64, count < nodes.count / 8 else { return }
    var elements: [Element] = []
    elements.reserveCapacity(count)
    forEach { elements.append($0) }
    removeAll()
    for element in elements { link(insert(element), after: newest) }
  }
}

extension BoundedMap: Sequence {
  /// The elements from the oldest to the newest.
  package struct Iterator: IteratorProtocol {
    fileprivate let map: BoundedMap
    fileprivate var index: Int32

    package mutating func next() -> Element? {
      guard index != Node.none else { return nil }
      let node = map.nodes[Int(index)]
      index = node.next
      return node.element
    }
  }

  package func makeIterator() -> Iterator { Iterator(map: self, index: oldest) }
}

extension BoundedMap: Sendable where Key: Sendable, Value: Sendable {}
extension BoundedMap.Element: Sendable where Key: Sendable, Value: Sendable {}
extension BoundedMap.Node: Sendable where Key: Sendable, Value: Sendable {}

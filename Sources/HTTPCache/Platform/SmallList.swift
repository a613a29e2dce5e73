//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A list that is usually of one element. The first element lies in the list itself, so that a list of one allocates no memory.
struct SmallList<Element> {
  private var head: Element?
  private var rest: [Element] = []

  init() {}

  /// A list of one element.
  init(_ element: Element) { head = element }

  /// The element, if there is one only.
  @inline(__always)
  var only: Element? { rest.isEmpty ? head : nil }

  mutating func append(_ element: consuming Element) {
    if head == nil { head = element } else { rest.append(element) }
  }

  /// Takes out the element at `position`.
  ///
  /// - Complexity: O(*n*).
  @discardableResult
  mutating func remove(at position: Int) -> Element {
    guard position == 0, let element = head.take() else { return rest.remove(at: position - 1) }
    if !rest.isEmpty { head = rest.removeFirst() }
    return element
  }

  /// Takes out all elements.
  mutating func removeAll() -> SmallList {
    defer {
      head = nil
      if !rest.isEmpty { rest = [] }
    }
    return self
  }
}

extension SmallList: Sendable where Element: Sendable {}
extension SmallList: Equatable where Element: Equatable {}
extension SmallList: Hashable where Element: Hashable {}

extension SmallList: ExpressibleByArrayLiteral {
  init(arrayLiteral elements: Element...) {
    for element in elements { append(element) }
  }
}

extension SmallList: RandomAccessCollection, MutableCollection {
  var startIndex: Int { 0 }
  var endIndex: Int { head == nil ? 0 : 1 + rest.count }

  subscript(position: Int) -> Element {
    _read {
      if position == 0, head != nil { yield head! } else { yield rest[position - 1] }
    }
    _modify {
      if position == 0, head != nil { yield &head! } else { yield &rest[position - 1] }
    }
  }

  /// Calls `body` with each element. An iteration by position would allocate memory for each access to a large element.
  @inline(__always)
  func forEach(_ body: (Element) throws -> Void) rethrows {
    guard let head else { return }
    try body(head)
    for element in rest { try body(element) }
  }

  /// The position of the element whose key is `number`, in a list that ascends by `key`; nil when there is none.
  @inline(__always)
  func position(of number: Int, by key: (Element) -> Int) -> Int? {
    guard let head else { return nil }
    if key(head) == number { return 0 }
    return rest.isEmpty ? nil : positionInRest(of: number, by: key)
  }

  private func positionInRest(of number: Int, by key: (Element) -> Int) -> Int? {
    var low = 0
    var high = rest.count
    while low < high {
      let middle = (low + high) / 2
      let other = key(rest[middle])
      if other == number { return middle + 1 }
      if other < number { low = middle + 1 } else { high = middle }
    }
    return nil
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A list that is usually of one: the first element takes no allocation.
struct FewList<Element> {
  /// The first element. To be set only where there is one, to another.
  var head: Element?
  private var rest: [Element] = []

  init() {}

  init(_ element: Element) { head = element }

  /// Whether there is one element.
  var isOne: Bool { head != nil && rest.isEmpty }

  mutating func append(_ element: Element) {
    if head == nil { head = element } else { rest.append(element) }
  }

  /// Takes out the element at `position`.
  ///
  /// - Complexity: O(*n*).
  @discardableResult
  mutating func remove(at position: Int) -> Element {
    guard position == 0, let element = head else { return rest.remove(at: position - 1) }
    head = rest.isEmpty ? nil : rest.removeFirst()
    return element
  }

  mutating func removeAll() {
    head = nil
    if !rest.isEmpty { rest = [] }
  }
}

extension FewList: Sendable where Element: Sendable {}

extension FewList: RandomAccessCollection, MutableCollection {
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

  /// Where `number` stands in a list that ascends by `key`; nil when it does not.
  @inline(__always)
  func position(of number: Int, by key: (Element) -> Int) -> Int? {
    guard let head else { return nil }
    if key(head) == number { return 0 }
    return rest.isEmpty ? nil : positionAmongMany(of: number, by: key)
  }

  private func positionAmongMany(of number: Int, by key: (Element) -> Int) -> Int? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      let other = key(self[middle])
      if other == number { return middle }
      if other < number { low = middle + 1 } else { high = middle }
    }
    return nil
  }
}

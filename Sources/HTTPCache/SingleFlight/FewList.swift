//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A list that is usually of one: the first element takes no allocation.
struct FewList<Element> {
  private var first: Element?
  private var rest: [Element] = []

  init() {}

  init(_ element: Element) { first = element }

  mutating func append(_ element: Element) {
    if first == nil { first = element } else { rest.append(element) }
  }

  /// Takes out the element at `position`.
  ///
  /// - Complexity: O(*n*).
  @discardableResult
  mutating func remove(at position: Int) -> Element {
    guard position == 0, let element = first else { return rest.remove(at: position - 1) }
    first = rest.isEmpty ? nil : rest.removeFirst()
    return element
  }

  mutating func removeAll() {
    first = nil
    rest = []
  }
}

extension FewList: Sendable where Element: Sendable {}

extension FewList: RandomAccessCollection, MutableCollection {
  var startIndex: Int { 0 }
  var endIndex: Int { first == nil ? 0 : 1 + rest.count }

  subscript(position: Int) -> Element {
    _read {
      if position == 0, first != nil { yield first! } else { yield rest[position - 1] }
    }
    _modify {
      if position == 0, first != nil { yield &first! } else { yield &rest[position - 1] }
    }
  }

  /// Where `number` stands in a list that ascends by `key`; nil when it does not.
  func position(of number: Int, by key: (Element) -> Int) -> Int? {
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

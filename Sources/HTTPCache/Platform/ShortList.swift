//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A list whose first element lies in the list itself, so that a list of one takes no memory of its own.
struct ShortList<Element> {
  private var head: Element?
  private var rest: [Element] = []

  init() {}

  /// A list of one element.
  init(_ element: Element) { head = element }

  mutating func append(_ element: Element) {
    if head == nil { head = element } else { rest.append(element) }
  }
}

extension ShortList: RandomAccessCollection, ExpressibleByArrayLiteral {
  /// The position of the first element.
  var startIndex: Int { 0 }
  /// The position behind the last element.
  var endIndex: Int { head == nil ? 0 : rest.count + 1 }

  subscript(position: Int) -> Element {
    guard position == 0, let head else { return rest[position - 1] }
    return head
  }

  init(arrayLiteral elements: Element...) {
    for element in elements { append(element) }
  }
}

extension ShortList: Equatable where Element: Equatable {}
extension ShortList: Hashable where Element: Hashable {}
extension ShortList: Sendable where Element: Sendable {}

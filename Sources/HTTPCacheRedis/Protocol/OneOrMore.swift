//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Commands that travel together, or their replies. Nearly always it is one, for which no array is allocated. Unlike a
/// `SmallList` it takes over an array as it is.
enum OneOrMore<Element: Sendable>: Sendable, RandomAccessCollection, ExpressibleByArrayLiteral {
  case one(Element)
  case more([Element])

  init(arrayLiteral elements: Element...) { self = .more(elements) }

  var startIndex: Int { 0 }

  var endIndex: Int {
    switch self {
    case .one: 1
    case .more(let elements): elements.count
    }
  }

  subscript(position: Int) -> Element {
    switch self {
    case .one(let element):
      precondition(position == 0, "there is one element only")
      return element
    case .more(let elements): return elements[position]
    }
  }

  /// The same as an array.
  var array: [Element] {
    switch self {
    case .one(let element): [element]
    case .more(let elements): elements
    }
  }
}

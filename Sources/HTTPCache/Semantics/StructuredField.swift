//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Values of structured fields (RFC 9651).
enum StructuredField {
  /// A bare item (§3.3). Kinds that no field of the cache's uses are checked and then only named.
  enum Item: Hashable, Sendable {
    case integer(Int64)
    case string(String)
    case token(String)
    case boolean(Bool)
    case decimal, byteSequence, date, displayString
  }

  /// A member of a list or dictionary. Parameters are checked and dropped: those fields define none.
  enum Value: Hashable, Sendable {
    case item(Item)
    case innerList([Item])
  }

  /// A member of a dictionary.
  struct Member: Hashable, Sendable {
    var key: String
    var value: Value
  }

  /// The most members of a list or dictionary, or of an inner list; RFC 9651 asks for as many (§3.1, §3.2) and 256
  /// (§3.1.1).
  static let maximumMembers = 1024

  /// The members of a dictionary in order (§4.2.2), a repeated key as often as it stands there: the last one counts.
  /// Nil when `value` is not a dictionary.
  static func dictionary(_ value: Span<UInt8>) -> [Member]? {
    var parser = StructuredFieldParser(count: value.count)
    return parser.dictionary(value)
  }

  /// The members of a list (§4.2.1); nil when `value` is not a list.
  static func list(_ value: Span<UInt8>) -> [Value]? {
    var parser = StructuredFieldParser(count: value.count)
    return parser.list(value)
  }

  /// Calls `body` with the value of the field `name`, its lines joined by commas (§4.2); nil when there is none.
  static func withCombinedValue<Result>(
    of name: HeaderName, in fields: HeaderFields, _ body: (Span<UInt8>) -> Result
  ) -> Result? {
    var lines = 0
    var first = -1
    var combined: [UInt8] = []
    for position in fields.indices where fields.matches(position, name) {
      lines += 1
      if lines == 1 {
        first = position
        continue
      }
      if lines == 2 { fields.withValue(at: first) { append($0, to: &combined) } }
      combined.append(ASCII.comma)
      combined.append(ASCII.space)
      fields.withValue(at: position) { append($0, to: &combined) }
    }
    switch lines {
    case 0: return nil
    case 1: return fields.withValue(at: first, body)
    default: return body(combined.span)
    }
  }

  private static func append(_ value: Span<UInt8>, to bytes: inout [UInt8]) {
    value.withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
  }
}

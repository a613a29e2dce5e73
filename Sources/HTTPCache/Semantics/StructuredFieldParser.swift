//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Parses structured fields as RFC 9651 §4.2 says: strictly, so that a value with one error is no value at all.
///
/// Holds the position; the octets are handed to each step, since a parser that kept a view of them could not leave its
/// scope.
struct StructuredFieldParser {
  private var position = 0
  private let end: Int

  init(count: Int) { end = count }

  mutating func dictionary(_ value: Span<UInt8>) -> [StructuredField.Member]? {
    var members: [StructuredField.Member] = []
    skipSpaces(value)
    while position < end {
      guard members.count < StructuredField.maximumMembers, let key = key(value) else { return nil }
      if take(ASCII.equals, value) {
        guard let member = itemOrInnerList(value) else { return nil }
        members.append(StructuredField.Member(key: key, value: member))
      } else {
        guard skipParameters(value) else { return nil }
        members.append(StructuredField.Member(key: key, value: .item(.boolean(true))))
      }
      guard skipSeparator(value) else { return nil }
    }
    return members
  }

  mutating func list(_ value: Span<UInt8>) -> [StructuredField.Value]? {
    var members: [StructuredField.Value] = []
    skipSpaces(value)
    while position < end {
      guard members.count < StructuredField.maximumMembers, let member = itemOrInnerList(value) else { return nil }
      members.append(member)
      guard skipSeparator(value) else { return nil }
    }
    return members
  }

  /// The comma between two members; true at the end as well, false at anything else and at a comma behind the last.
  private mutating func skipSeparator(_ value: Span<UInt8>) -> Bool {
    skipWhitespace(value)
    if position == end { return true }
    guard take(ASCII.comma, value) else { return false }
    skipWhitespace(value)
    return position < end
  }

  private mutating func itemOrInnerList(_ value: Span<UInt8>) -> StructuredField.Value? {
    guard position < end else { return nil }
    if value[position] == UInt8(ascii: "(") { return innerList(value) }
    guard let item = item(value), skipParameters(value) else { return nil }
    return .item(item)
  }

  private mutating func innerList(_ value: Span<UInt8>) -> StructuredField.Value? {
    position += 1
    var items: [StructuredField.Item] = []
    while true {
      skipSpaces(value)
      guard position < end else { return nil }
      if take(UInt8(ascii: ")"), value) { return skipParameters(value) ? .innerList(items) : nil }
      guard items.count < StructuredField.maximumMembers, let item = item(value), skipParameters(value),
        position < end, value[position] == ASCII.space || value[position] == UInt8(ascii: ")")
      else { return nil }
      items.append(item)
    }
  }

  private mutating func skipParameters(_ value: Span<UInt8>) -> Bool {
    while take(ASCII.semicolon, value) {
      skipSpaces(value)
      guard key(value) != nil else { return false }
      if take(ASCII.equals, value), item(value) == nil { return false }
    }
    return true
  }

  private mutating func key(_ value: Span<UInt8>) -> String? {
    let start = position
    guard position < end, Self.isLowercase(value[position]) || value[position] == UInt8(ascii: "*") else { return nil }
    position += 1
    while position < end, Self.isKeyCharacter(value[position]) { position += 1 }
    return FieldSyntax.text(value, start..<position)
  }

  private mutating func item(_ value: Span<UInt8>) -> StructuredField.Item? {
    guard position < end else { return nil }
    switch value[position] {
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return number(value)
    case ASCII.doubleQuote: return string(value)
    case UInt8(ascii: ":"): return byteSequence(value)
    case UInt8(ascii: "?"): return boolean(value)
    case UInt8(ascii: "@"):
      position += 1
      guard position < end, case .integer = number(value) else { return nil }
      return .date
    case UInt8(ascii: "%"): return displayString(value)
    case UInt8(ascii: "*"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
      return token(value)
    default: return nil
    }
  }

  /// An integer of up to 15 digits, or a decimal of up to 12 and 3.
  private mutating func number(_ value: Span<UInt8>) -> StructuredField.Item? {
    let isNegative = take(UInt8(ascii: "-"), value)
    let start = position
    var number: Int64 = 0
    while position < end, ASCII.isDigit(value[position]) {
      guard position - start < 15 else { return nil }
      number = number * 10 + Int64(value[position] & 0x0F)
      position += 1
    }
    let integerDigits = position - start
    guard integerDigits > 0 else { return nil }
    guard take(UInt8(ascii: "."), value) else { return .integer(isNegative ? -number : number) }
    let fraction = position
    while position < end, ASCII.isDigit(value[position]) { position += 1 }
    return integerDigits <= 12 && (1...3).contains(position - fraction) ? .decimal : nil
  }

  private mutating func string(_ value: Span<UInt8>) -> StructuredField.Item? {
    position += 1
    var text: [UInt8] = []
    while position < end {
      let byte = value[position]
      position += 1
      switch byte {
      case ASCII.doubleQuote:
        return .string(String(decoding: text, as: UTF8.self))
      case ASCII.backslash:
        guard position < end, value[position] == ASCII.doubleQuote || value[position] == ASCII.backslash else {
          return nil
        }
        text.append(value[position])
        position += 1
      case 0x20..<0x7F:
        text.append(byte)
      default:
        return nil
      }
    }
    return nil
  }

  private mutating func token(_ value: Span<UInt8>) -> StructuredField.Item? {
    let start = position
    while position < end,
      ASCII.isTokenCharacter(value[position]) || value[position] == ASCII.colon || value[position] == UInt8(ascii: "/")
    {
      position += 1
    }
    return .token(FieldSyntax.text(value, start..<position))
  }

  private mutating func boolean(_ value: Span<UInt8>) -> StructuredField.Item? {
    position += 1
    if take(UInt8(ascii: "1"), value) { return .boolean(true) }
    if take(UInt8(ascii: "0"), value) { return .boolean(false) }
    return nil
  }

  /// Base64 between colons (§4.2.7, RFC 4648 §4): padding stands at the end only, and is complete or left out.
  private mutating func byteSequence(_ value: Span<UInt8>) -> StructuredField.Item? {
    position += 1
    var digits = 0
    var padding = 0
    while position < end {
      let byte = value[position]
      position += 1
      switch byte {
      case ASCII.colon:
        // Of four digits come three octets; one digit alone is none.
        guard digits % 4 != 1, padding == 0 || (digits + padding) % 4 == 0 && padding < 3 else { return nil }
        return .byteSequence
      case ASCII.equals:
        padding += 1
      case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"):
        guard padding == 0 else { return nil }
        digits += 1
      default:
        return nil
      }
    }
    return nil
  }

  private mutating func displayString(_ value: Span<UInt8>) -> StructuredField.Item? {
    position += 1
    guard take(ASCII.doubleQuote, value) else { return nil }
    var text: [UInt8] = []
    while position < end {
      let byte = value[position]
      position += 1
      switch byte {
      case ASCII.doubleQuote:
        return String(validating: text, as: UTF8.self) == nil ? nil : .displayString
      case UInt8(ascii: "%"):
        guard position + 1 < end, let high = Self.hexDigit(value[position]),
          let low = Self.hexDigit(value[position + 1])
        else { return nil }
        text.append(high << 4 | low)
        position += 2
      case 0x20..<0x7F:
        text.append(byte)
      default:
        return nil
      }
    }
    return nil
  }

  private mutating func take(_ byte: UInt8, _ value: Span<UInt8>) -> Bool {
    guard position < end, value[position] == byte else { return false }
    position += 1
    return true
  }

  private mutating func skipSpaces(_ value: Span<UInt8>) {
    while position < end, value[position] == ASCII.space { position += 1 }
  }

  private mutating func skipWhitespace(_ value: Span<UInt8>) {
    while position < end, ASCII.isWhitespace(value[position]) { position += 1 }
  }

  private static func isLowercase(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "a") < 26 }

  private static func isKeyCharacter(_ byte: UInt8) -> Bool {
    isLowercase(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "*")
  }

  /// Display strings are written with lower-case digits only.
  private static func hexDigit(_ byte: UInt8) -> UInt8? {
    if ASCII.isDigit(byte) { return byte & 0x0F }
    let offset = byte &- UInt8(ascii: "a")
    return offset < 6 ? offset + 10 : nil
  }
}

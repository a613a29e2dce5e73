//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Writes one member of `Cache-Status`: an item with parameters, serialised as RFC 9651 §4.1 says.
struct CacheStatusWriter {
  var bytes: [UInt8] = []

  init(cacheName: String) {
    bytes.reserveCapacity(64)
    appendTokenOrString(cacheName)
  }

  /// A parameter that is true.
  mutating func flag(_ name: StaticString) { appendName(name) }

  mutating func token(_ name: StaticString, _ value: String) {
    appendName(name)
    bytes.append(ASCII.equals)
    bytes.append(contentsOf: value.utf8)
  }

  mutating func integer(_ name: StaticString, _ value: Int64) {
    appendName(name)
    bytes.append(ASCII.equals)
    // Structured fields have integers of 15 digits.
    let clamped = min(max(value, -999_999_999_999_999), 999_999_999_999_999)
    bytes.append(contentsOf: String(clamped).utf8)
  }

  mutating func string(_ name: StaticString, _ value: String) {
    appendName(name)
    bytes.append(ASCII.equals)
    appendString(value)
  }

  mutating func tokenOrString(_ name: StaticString, _ value: String) {
    appendName(name)
    bytes.append(ASCII.equals)
    appendTokenOrString(value)
  }

  private mutating func appendName(_ name: StaticString) {
    bytes.append(ASCII.semicolon)
    bytes.append(ASCII.space)
    name.withUTF8Buffer { bytes.append(contentsOf: $0) }
  }

  private mutating func appendTokenOrString(_ value: String) {
    let isToken =
      value.utf8.first.map { ASCII.isLetter($0) || $0 == UInt8(ascii: "*") } ?? false
      && value.utf8.allSatisfy { ASCII.isTokenCharacter($0) || $0 == ASCII.colon || $0 == UInt8(ascii: "/") }
    if isToken { bytes.append(contentsOf: value.utf8) } else { appendString(value) }
  }

  /// A string holds printable ASCII only; what is not is written percent-encoded, so that it can be read all the same.
  private mutating func appendString(_ value: String) {
    bytes.append(ASCII.doubleQuote)
    for byte in value.utf8 {
      switch byte {
      case ASCII.doubleQuote, ASCII.backslash:
        bytes.append(ASCII.backslash)
        bytes.append(byte)
      case 0x20..<0x7F:
        bytes.append(byte)
      default:
        bytes.append(UInt8(ascii: "%"))
        bytes.append(Self.hexDigit(byte >> 4))
        bytes.append(Self.hexDigit(byte & 0x0F))
      }
    }
    bytes.append(ASCII.doubleQuote)
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }
}

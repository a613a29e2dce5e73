//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// What HTTP says about single octets (RFC 9110 §5.5, §5.6).
enum Octet {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let comma = UInt8(ascii: ",")
  static let colon = UInt8(ascii: ":")
  static let semicolon = UInt8(ascii: ";")
  static let slash = UInt8(ascii: "/")

  @inline(__always)
  static func isWhitespace(_ octet: UInt8) -> Bool { octet == space || octet == tab }

  @inline(__always)
  static func isDigit(_ octet: UInt8) -> Bool { octet &- UInt8(ascii: "0") < 10 }

  @inline(__always)
  static func lowercased(_ octet: UInt8) -> UInt8 { octet &- UInt8(ascii: "A") < 26 ? octet | 0x20 : octet }

  /// A character of a token (tchar, RFC 9110 §5.6.2): one bit for each of the first 128 code points.
  @inline(__always)
  static func isToken(_ octet: UInt8) -> Bool {
    let low: UInt64 = 0x03FF_6CFA_0000_0000
    let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    return octet < 128 && ((octet < 64 ? low : high) >> UInt64(octet & 63)) & 1 == 1
  }

  /// What may stand in a field value (RFC 9110 §5.5): no control but the tabulator.
  @inline(__always)
  static func isFieldValue(_ octet: UInt8) -> Bool { (octet >= 0x20 && octet != 0x7F) || octet == tab }

  /// What may stand in a request target. Octets beyond ASCII may not: they would change when made into text.
  @inline(__always)
  static func isTarget(_ octet: UInt8) -> Bool { octet > 0x20 && octet < 0x7F && octet != UInt8(ascii: "#") }

  /// The value of a hexadecimal digit; nil for anything else.
  @inline(__always)
  static func hexValue(_ octet: UInt8) -> Int? {
    if isDigit(octet) { return Int(octet - UInt8(ascii: "0")) }
    let letter = octet | 0x20
    return letter >= UInt8(ascii: "a") && letter <= UInt8(ascii: "f") ? Int(letter - UInt8(ascii: "a")) + 10 : nil
  }
}

extension UnsafeRawBufferPointer {
  /// Without the white space around it.
  var trimmingWhitespace: UnsafeRawBufferPointer {
    var start = 0
    var end = count
    while start < end, Octet.isWhitespace(self[start]) { start += 1 }
    while end > start, Octet.isWhitespace(self[end - 1]) { end -= 1 }
    return UnsafeRawBufferPointer(rebasing: self[start..<end])
  }

  /// Whether these are the letters of `text`, which is in lower case, whatever their own case.
  func equalsLowercase(_ text: StaticString) -> Bool {
    guard count == text.utf8CodeUnitCount else { return false }
    for index in 0..<count where Octet.lowercased(self[index]) != text.utf8Start[index] { return false }
    return true
  }

  var text: String { String(decoding: self, as: UTF8.self) }

  /// Calls `body` with each element of a comma-separated list (RFC 9110 §5.6.1), without the empty ones. Quoted strings are
  /// not looked into: no list that decides about framing has any.
  func forEachListElement(_ body: (UnsafeRawBufferPointer) -> Void) {
    var start = 0
    for index in 0...count where index == count || self[index] == Octet.comma {
      let element = UnsafeRawBufferPointer(rebasing: self[start..<index]).trimmingWhitespace
      if !element.isEmpty { body(element) }
      start = index + 1
    }
  }

  /// A decimal number without sign; nil when it is anything else, or beyond 18 digits.
  var decimal: Int? {
    guard !isEmpty, count <= 18 else { return nil }
    var value = 0
    for octet in self {
      guard Octet.isDigit(octet) else { return nil }
      value = value * 10 + Int(octet - UInt8(ascii: "0"))
    }
    return value
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Writes one flat JSON object.
struct JSONLine {
  private(set) var bytes: [UInt8] = [UInt8(ascii: "{")]

  /// Ends the object, and the line.
  mutating func finish() {
    if bytes.last == UInt8(ascii: ",") { bytes.removeLast() }
    bytes += "}\n".utf8
  }

  mutating func add(_ name: String, _ text: String) {
    addName(name)
    addText(text)
    bytes.append(UInt8(ascii: ","))
  }

  mutating func add(_ name: String, _ number: Int) {
    addName(name)
    bytes += "\(number),".utf8
  }

  mutating func add(_ name: String, _ value: Bool) {
    addName(name)
    bytes += value ? "true,".utf8 : "false,".utf8
  }

  /// Adds a number with up to three decimals. Numbers that JSON has no words for are left out.
  mutating func add(_ name: String, thousandths: Int) {
    addName(name)
    let (whole, rest) = thousandths.magnitude.quotientAndRemainder(dividingBy: 1000)
    bytes += "\(thousandths < 0 ? "-" : "")\(whole)".utf8
    if rest > 0 { bytes += ".\(rest < 100 ? "0" : "")\(rest < 10 ? "0" : "")\(rest)".utf8 }
    bytes.append(UInt8(ascii: ","))
  }

  mutating func add(_ name: String, _ texts: [String]) {
    addName(name)
    bytes.append(UInt8(ascii: "["))
    for (position, text) in texts.enumerated() {
      if position > 0 { bytes.append(UInt8(ascii: ",")) }
      addText(text)
    }
    bytes += "],".utf8
  }

  private mutating func addName(_ name: String) {
    addText(name)
    bytes.append(UInt8(ascii: ":"))
  }

  private mutating func addText(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for octet in text.utf8 {
      switch octet {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case ..<0x20, 0x7F:
        let digits = Array("0123456789abcdef".utf8)
        bytes += "\\u00".utf8
        bytes += [digits[Int(octet >> 4)], digits[Int(octet & 15)]]
      default: bytes.append(octet)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

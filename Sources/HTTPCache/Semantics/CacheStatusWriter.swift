//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Writes one member of `Cache-Status`: a list member with parameters, in the syntax of structured fields (RFC 9651).
struct CacheStatusWriter: ~Copyable {
  /// On the stack of the caller, as a rule.
  private var memory: UnsafeMutableRawBufferPointer
  private(set) var count = 0
  /// What has outgrown it.
  private var overflow: [UInt8] = []

  /// Writes into a buffer and calls `use` with what has been written.
  static func write(
    _ write: (inout CacheStatusWriter) -> Void, use: (UnsafeRawBufferPointer) -> Void
  ) {
    withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { memory in
      var writer = CacheStatusWriter(memory: memory)
      write(&writer)
      if writer.overflow.isEmpty {
        use(UnsafeRawBufferPointer(rebasing: memory[..<writer.count]))
      } else {
        (Array(memory[..<writer.count]) + writer.overflow).withUnsafeBytes { use($0) }
      }
    }
  }

  private init(memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

  /// The member itself: who speaks.
  mutating func name(_ name: String) { appendTokenOrString(name) }

  /// A parameter that is true.
  mutating func flag(_ name: StaticString) { appendName(name) }

  mutating func token(_ name: StaticString, _ value: String) {
    appendName(name)
    append(ASCII.equals)
    append(value)
  }

  mutating func integer(_ name: StaticString, _ value: Int64) {
    appendName(name)
    append(ASCII.equals)
    // Structured fields have integers of 15 digits.
    var rest = min(max(value, -999_999_999_999_999), 999_999_999_999_999)
    if rest < 0 {
      append(UInt8(ascii: "-"))
      rest = -rest
    }
    // From the last digit on, into a number that holds one octet for each of up to eight.
    var high = UInt64(rest)
    if high >= 100_000_000 {
      integer(digits: high / 100_000_000, atLeast: 1)
      high %= 100_000_000
      integer(digits: high, atLeast: 8)
    } else {
      integer(digits: high, atLeast: 1)
    }
  }

  /// Writes a number below 100,000,000, with zeros before it where it is shorter than wanted.
  private mutating func integer(digits number: UInt64, atLeast width: Int) {
    var number = number
    var octets: UInt64 = 0
    var length = 0
    repeat {
      octets = octets << 8 | (UInt64(UInt8(ascii: "0")) + number % 10)
      number /= 10
      length += 1
    } while number > 0 || length < width
    for _ in 0..<length {
      append(UInt8(truncatingIfNeeded: octets))
      octets >>= 8
    }
  }

  mutating func string(_ name: StaticString, _ value: String) {
    appendName(name)
    append(ASCII.equals)
    appendString(value)
  }

  mutating func tokenOrString(_ name: StaticString, _ value: String) {
    appendName(name)
    append(ASCII.equals)
    appendTokenOrString(value)
  }

  @inline(__always)
  private mutating func append(_ byte: UInt8) {
    guard count < memory.count else {
      overflow.append(byte)
      return
    }
    memory.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  private mutating func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    guard let base = bytes.baseAddress else { return }
    guard count + bytes.count <= memory.count, let start = memory.baseAddress else {
      for byte in bytes { append(byte) }
      return
    }
    (start + count).copyMemory(from: base, byteCount: bytes.count)
    count += bytes.count
  }

  private mutating func append(_ text: String) {
    var text = text
    text.withUTF8 { append($0) }
  }

  private mutating func appendName(_ name: StaticString) {
    append(ASCII.semicolon)
    append(ASCII.space)
    append(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
  }

  private mutating func appendTokenOrString(_ value: String) {
    var value = value
    let isToken = value.withUTF8 { bytes in
      guard let first = bytes.first, ASCII.isLetter(first) || first == UInt8(ascii: "*") else { return false }
      return bytes.allSatisfy { ASCII.isTokenCharacter($0) || $0 == ASCII.colon || $0 == UInt8(ascii: "/") }
    }
    if isToken { append(value) } else { appendString(value) }
  }

  /// A string holds printable ASCII only; what is not is written percent-encoded, so that it can be read all the same.
  private mutating func appendString(_ value: String) {
    append(ASCII.doubleQuote)
    for byte in value.utf8 {
      switch byte {
      case ASCII.doubleQuote, ASCII.backslash:
        append(ASCII.backslash)
        append(byte)
      case 0x20..<0x7F:
        append(byte)
      default:
        append(UInt8(ascii: "%"))
        append(Self.hexDigit(byte >> 4))
        append(Self.hexDigit(byte & 0x0F))
      }
    }
    append(ASCII.doubleQuote)
  }

  private static func hexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The target of a request, in one of its forms (RFC 9112 §3.2).
enum RequestTarget {
  /// `/path?query`
  case origin
  /// `http://host/path?query`
  case absolute(authority: String, target: String)
  /// `*`
  case asterisk

  /// - Parameter octets: Already known to be `Octet.isTarget`, and not empty.
  init(_ octets: UnsafeRawBufferPointer, method: UnsafeRawBufferPointer) throws(ParseFailure) {
    if method.equalsLowercase("connect") {
      // RFC 9112 §3.2.3: host and port, and nothing else. A method that differs in case is another one, but not to every
      // origin; and what follows a success would be a tunnel.
      guard Self.isAuthority(octets.text), let (_, port) = OriginURL.split(octets.text), port != nil else {
        throw ParseFailure(400, "CONNECT needs a host and port as its target (RFC 9112 §3.2.3)")
      }
      throw ParseFailure(501, "CONNECT is not supported: this is not a tunnel")
    }
    if octets[0] == Octet.slash {
      self = .origin
      return
    }
    let isOptions = method.elementsEqual("OPTIONS".utf8)
    if octets.count == 1, octets[0] == UInt8(ascii: "*"), isOptions {
      self = .asterisk
      return
    }
    guard octets.count > 7, UnsafeRawBufferPointer(rebasing: octets[..<7]).equalsLowercase("http://") else {
      throw ParseFailure(400, "the request target is neither a path nor an http URI (RFC 9112 §3.2)")
    }
    let rest = UnsafeRawBufferPointer(rebasing: octets[7...])
    let end = rest.firstIndex { $0 == Octet.slash || $0 == UInt8(ascii: "?") } ?? rest.count
    let authority = UnsafeRawBufferPointer(rebasing: rest[..<end]).text
    guard Self.isAuthority(authority) else {
      throw ParseFailure(400, "the request target has no valid host in it (RFC 9110 §4.2.1)")
    }
    let path = UnsafeRawBufferPointer(rebasing: rest[end...]).text
    let target = path.first == "/" ? path : (path.isEmpty ? (isOptions ? "*" : "/") : "/" + path)
    self = .absolute(authority: authority, target: target)
  }

  /// Whether `text` is a host and maybe a port (RFC 3986 §3.2.2, §3.2.3), without user information.
  static func isAuthority(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { octets in
      var end = octets.count
      var digits = end
      while digits > 0, Octet.isDigit(octets[digits - 1]) { digits -= 1 }
      if digits > 0, octets[digits - 1] == Octet.colon {
        guard end - digits <= 5, (Int(String(decoding: octets[digits..<end], as: UTF8.self)) ?? 0) <= 65_535 else {
          return false
        }
        end = digits - 1
      }
      guard end > 0 else { return false }
      if octets[0] == UInt8(ascii: "[") {
        guard end > 2, octets[end - 1] == UInt8(ascii: "]") else { return false }
        return octets[1..<(end - 1)].allSatisfy {
          Octet.hexValue($0) != nil || $0 == Octet.colon || $0 == UInt8(ascii: ".")
        }
      }
      return octets[..<end].allSatisfy(isRegisteredName)
    }
  }

  /// unreserved, percent sign, sub-delims.
  private static func isRegisteredName(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
      UInt8(ascii: "~"), UInt8(ascii: "%"), UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"),
      UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"),
      UInt8(ascii: ";"), UInt8(ascii: "="):
      true
    default:
      // A comma, although a sub-delim, would make two hosts of one where values are joined.
      false
    }
  }
}

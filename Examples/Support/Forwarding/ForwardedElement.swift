//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// One element of a `Forwarded` field (RFC 7239 §4): what one proxy says of the request that it received.
struct ForwardedElement: Hashable, Sendable {
  /// The node that sent the request: an address with or without port, `unknown`, or a name made up.
  var node: String?
  var host: String?
  var scheme: String?

  /// The elements of all `Forwarded` fields in order; nil when one of them is not well-formed.
  static func all(in fields: HeaderFields) -> [ForwardedElement]? {
    guard fields.contains(.forwarded) else { return [] }
    var elements: [ForwardedElement] = []
    for value in fields.values(of: .forwarded) {
      var rest = Array(value.utf8)[...]
      while true {
        guard let element = ForwardedElement(taking: &rest) else { return nil }
        if element != ForwardedElement() { elements.append(element) }
        guard let separator = rest.popFirst() else { break }
        guard separator == Octet.comma else { return nil }
      }
    }
    return elements
  }

  private init() {}

  /// Takes an element, which may be empty, up to the comma behind it or the end.
  private init?(taking rest: inout ArraySlice<UInt8>) {
    while true {
      Self.skipSpace(&rest)
      let name = rest.prefix(while: Octet.isToken)
      rest = rest.dropFirst(name.count)
      if !name.isEmpty {
        guard rest.popFirst() == UInt8(ascii: "="), let value = Self.takeValue(&rest) else { return nil }
        switch String(decoding: name, as: UTF8.self).lowercased() {
        case "for" where node == nil: node = value
        case "host" where host == nil: host = value
        case "proto" where scheme == nil: scheme = value
        // A parameter must not occur twice (§4).
        case "for", "host", "proto": return nil
        default: break
        }
      }
      Self.skipSpace(&rest)
      guard rest.first == Octet.semicolon else { return }
      rest = rest.dropFirst()
    }
  }

  /// A token or a quoted string. Nodes with a colon should be quoted, and often are not.
  private static func takeValue(_ rest: inout ArraySlice<UInt8>) -> String? {
    guard rest.first == UInt8(ascii: "\"") else {
      let value = rest.prefix { $0 != Octet.comma && $0 != Octet.semicolon && !Octet.isWhitespace($0) }
      rest = rest.dropFirst(value.count)
      return value.isEmpty || value.contains(UInt8(ascii: "\"")) ? nil : String(decoding: value, as: UTF8.self)
    }
    rest = rest.dropFirst()
    var value: [UInt8] = []
    while let octet = rest.popFirst() {
      switch octet {
      case UInt8(ascii: "\""): return String(decoding: value, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let escaped = rest.popFirst() else { return nil }
        value.append(escaped)
      default: value.append(octet)
      }
    }
    return nil
  }

  private static func skipSpace(_ rest: inout ArraySlice<UInt8>) { rest = rest.drop(while: Octet.isWhitespace) }
}

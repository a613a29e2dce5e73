//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The fields that mean something between two neighbours only (RFC 9110 §7.6.1).
enum HopByHop {
  private static let names: [HeaderName] = [
    .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade, "Proxy-Authenticate",
    "Proxy-Authorization", "HTTP2-Settings",
  ]
  /// What a sender cannot have removed by naming it in `Connection`: the message would be another one without it.
  private static let protected: Set<HeaderName> = [
    .host, .contentLength, .contentType, .contentEncoding, .contentRange, .cacheControl, .date, .via, .authorization,
  ]

  /// Removes those fields from `fields`, and the ones that `Connection` names.
  static func remove(from fields: inout HeaderFields) {
    if fields.contains(.connection) {
      var listed: [String] = []
      fields.forEachValue(of: .connection) { value in
        value.withUnsafeBytes { $0.forEachListElement { listed.append($0.text) } }
      }
      for text in listed {
        if let name = HeaderName(text), !protected.contains(name) { fields.removeAll(name) }
      }
    }
    for name in names { fields.removeAll(name) }
  }

  /// Whether the sender can take trailers (RFC 9110 §10.1.4).
  static func acceptsTrailers(_ fields: HeaderFields) -> Bool {
    guard fields.contains(.te) else { return false }
    var accepts = false
    fields.forEachValue(of: .te) { value in
      value.withUnsafeBytes { $0.forEachListElement { if $0.equalsLowercase("trailers") { accepts = true } } }
    }
    return accepts
  }
}

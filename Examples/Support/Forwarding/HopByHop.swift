//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The fields that mean something between two neighbours only (RFC 9110 §7.6.1).
enum HopByHop {
  /// The fields between a proxy and its neighbour, beside those of the connection.
  private static let names: [HeaderName] = ["Proxy-Authenticate", "Proxy-Authorization", "HTTP2-Settings"]

  /// Removes those fields from `fields`, and the ones that `Connection` names, as the cache does (``ConnectionFields``).
  static func remove(from fields: inout HeaderFields) {
    fields = ConnectionFields.removed(from: fields)
    for name in names { fields.removeAll(name) }
  }

  /// Whether the sender can take trailers (RFC 9110 §10.1.4).
  static func acceptsTrailers(_ fields: HeaderFields) -> Bool {
    fields.lists("trailers", in: .te)
  }
}

extension HeaderFields {
  /// Whether the list in `field` has the member `name`, which is given in lower case.
  func lists(_ name: StaticString, in field: HeaderName) -> Bool {
    guard contains(field) else { return false }
    var isListed = false
    forEachValue(of: field) { value in
      value.withUnsafeBytes { $0.forEachListElement { if $0.equalsLowercase(name) { isListed = true } } }
    }
    return isListed
  }
}

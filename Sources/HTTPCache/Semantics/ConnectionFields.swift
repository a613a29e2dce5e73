//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The fields that concern one connection and are not forwarded (RFC 9110 §7.6.1): a fixed set, and those that the
/// message's `Connection` field lists.
package enum ConnectionFields {
  /// The fixed set.
  static let known =
    KnownHeader.connection.bit | KnownHeader.keepAlive.bit | KnownHeader.proxyConnection.bit | KnownHeader.te.bit
    | KnownHeader.transferEncoding.bit | KnownHeader.upgrade.bit

  /// The fields that a sender cannot have removed by listing them in `Connection`.
  ///
  /// Each is meant for all recipients, which §7.6.1 forbids to list. Without it the message would have another framing,
  /// another resource, another meaning or another sender: a cache could be made to store what the origin never said, and
  /// an origin be made to forget who asked (CVE-2022-31813, CVE-2022-45059).
  private static let protected =
    KnownHeader.host.bit | KnownHeader.contentLength.bit | KnownHeader.contentType.bit | KnownHeader.contentEncoding.bit
    | KnownHeader.contentRange.bit | KnownHeader.contentLanguage.bit | KnownHeader.contentLocation.bit
    | KnownHeader.cacheControl.bit | KnownHeader.cdnCacheControl.bit | KnownHeader.pragma.bit | KnownHeader.vary.bit
    | KnownHeader.age.bit | KnownHeader.date.bit | KnownHeader.expires.bit | KnownHeader.etag.bit
    | KnownHeader.lastModified.bit | KnownHeader.via.bit | KnownHeader.authorization.bit | KnownHeader.expect.bit
    | KnownHeader.forwarded.bit | KnownHeader.xForwardedFor.bit | KnownHeader.xForwardedHost.bit
    | KnownHeader.xForwardedProto.bit

  /// The names that the `Connection` fields of `fields` list, without the protected ones.
  static func listed(in fields: HeaderFields) -> NameSet {
    guard fields.contains(KnownHeader.connection) else { return NameSet([]) }
    var names: [HeaderName] = []
    fields.forEachValue(of: KnownHeader.connection) { value in
      FieldSyntax.appendNames(in: value, 0..<value.count, to: &names)
    }
    return NameSet(names.filter { name in name.known.map { $0.bit & protected == 0 } ?? true })
  }

  /// The fields without those of the connection. Shares their storage when there are none.
  ///
  /// - Complexity: O(1) when there are none.
  package static func removed(from fields: HeaderFields) -> HeaderFields {
    guard fields.presence & known != 0 else { return fields }
    let listed = listed(in: fields)
    return fields.filter { view in
      if let known = view.known, known.bit & Self.known != 0 { return false }
      return !listed.contains(view)
    }
  }
}

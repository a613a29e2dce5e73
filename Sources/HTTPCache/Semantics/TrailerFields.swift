//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The fields that must not stand in a trailer section (RFC 9110 §6.5.1).
package enum TrailerFields {
  /// Of the names that caching knows, those that do no harm behind the content.
  private static let harmless =
    KnownHeader.etag.bit | KnownHeader.link.bit | KnownHeader.server.bit | KnownHeader.proxyAuthenticationInfo.bit
    | KnownHeader.xRequestID.bit

  /// Names for framing, routing, authentication, conditions, controls, and the form of the content, beside the known ones.
  private static let others: Set<String> = [
    "accept-charset", "accept-patch", "allow", "alt-svc", "clear-site-data", "content-disposition",
    "content-security-policy", "cookie2", "http2-settings", "max-forwards", "priority", "refresh", "set-cookie2",
    "set-login", "strict-transport-security", "transfer-length", "x-accel-redirect", "x-accel-expires",
    "x-content-type-options", "x-frame-options", "x-http-method-override", "x-original-url", "x-real-ip",
    "x-rewrite-url",
    "x-sendfile",
  ]

  private static let prefixes = ["access-control-", "cross-origin-", "proxy-", "sec-", "x-forwarded"]

  /// Whether a field called `name` must not stand in a trailer section.
  package static func isForbidden(_ name: HeaderName) -> Bool {
    if let known = name.known { return known.bit & harmless == 0 }
    return isForbidden(canonical: name.canonical)
  }

  private static func isForbidden(canonical name: String) -> Bool {
    others.contains(name) || prefixes.contains { name.hasPrefix($0) }
  }

  /// The fields of a trailer section that may stand in one. Shares its storage when all may.
  package static func permitted(_ section: HeaderFields) -> HeaderFields {
    section.filter { view in
      if let known = view.known { return known.bit & harmless != 0 }
      return !isForbidden(canonical: view.canonicalName)
    }
  }
}

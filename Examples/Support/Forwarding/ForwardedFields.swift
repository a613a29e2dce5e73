//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The fields in which proxies tell for whom they forward a request, and which URL was asked for.
enum ForwardedFields {
  /// The fields beside those that begin with `X-Forwarded`. Clients send them to be taken for somebody else, or to get
  /// another resource than that of the URL that a response is stored under. `Proxy` is what CGI programs take for the
  /// environment's HTTP_PROXY (CVE-2016-5385).
  private static let others: Set<String> = [
    "forwarded", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-remote-ip", "x-remote-addr", "x-originating-ip",
    "x-original-forwarded-for", "x-forward-for", "true-client-ip", "cf-connecting-ip", "cf-connecting-ipv6",
    "cf-visitor",
    "fastly-client-ip", "fastly-ssl", "x-envoy-external-address", "x-azure-clientip", "x-appengine-user-ip",
    "x-proxyuser-ip", "proxy-client-ip", "wl-proxy-client-ip", "x-host", "x-original-host", "x-http-host-override",
    "x-original-url", "x-original-uri", "x-rewrite-url", "x-scheme", "x-url-scheme", "front-end-https", "client-ip",
    "x-client-real-ip", "forwarded-for", "x-forwarder-for", "remote-addr", "cdn-src-ip", "remote-user", "x-remote-user",
    "x-backend-host", "proxy",
  ]

  /// Removes all claims.
  static func removeClaims(from fields: inout HeaderFields) {
    fields.removeAll { name in
      guard mayBeClaim(name) else { return false }
      let lowercased = name.text.lowercased()
      return lowercased.hasPrefix("x-forwarded") || others.contains(lowercased)
    }
  }

  /// Sorts out most names by their first letters.
  private static func mayBeClaim(_ name: UnsafeRawBufferPointer) -> Bool {
    guard name.count >= 5 else { return false }
    switch Octet.lowercased(name[0]) {
    case UInt8(ascii: "x"): return name[1] == UInt8(ascii: "-")
    case UInt8(ascii: "c"), UInt8(ascii: "f"), UInt8(ascii: "p"), UInt8(ascii: "r"), UInt8(ascii: "t"),
      UInt8(ascii: "w"):
      return true
    default: return false
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// The way that a request has come: its client, the proxies after it, and the URL that the client asked for.
struct RequestRoute: Hashable, Sendable {
  /// The client's address, then those of the trusted proxies, the last of which is the peer. Never empty: a peer without an
  /// address stands as `unknown`.
  private(set) var nodes: [String]
  /// The scheme that the client used; nil when no trusted proxy says.
  private(set) var scheme: String?
  /// The host that the client asked for; nil when no trusted proxy says.
  private(set) var authority: String?

  /// The way of a request whose peer is not believed.
  init(peer: String) { nodes = [Self.node(peer)] }

  /// The way of a request with `fields` from the trusted proxy `peer`.
  ///
  /// Each proxy adds its own peer at the right. So the list is read from the right, as long as it names trusted proxies: the
  /// first address that is not one of them is the client's, and what stands to its left is the client's own claim and
  /// dropped. `Forwarded` is read only without `X-Forwarded-For`, `X-Real-IP` only without both: a proxy that sets one of
  /// them passes the others on as the client sent them.
  init(peer: String, fields: HeaderFields, trusting trusted: TrustedProxies) {
    var claims = Self.list(.xForwardedFor, fields).map { ForwardedElement(node: $0) }
    var isList = true
    if claims.isEmpty { claims = ForwardedElement.all(in: fields) ?? [] }
    if claims.isEmpty {
      claims = fields.values(of: "X-Real-IP").prefix(1).map { ForwardedElement(node: $0) }
      isList = false
    }
    nodes = IPAddress(peer) == nil ? [] : [Self.node(peer)]
    var hops = 0
    for claim in claims.reversed() {
      guard let address = claim.node.flatMap(Self.address) else { break }
      nodes.insert(address.description, at: 0)
      hops += 1
      scheme = claim.scheme ?? scheme
      authority = claim.host ?? authority
      guard isList, trusted.contains(address) else { break }
    }
    if nodes.isEmpty { nodes = [Self.node(peer)] }

    scheme = (Self.entry(hops, of: Self.list(.xForwardedProto, fields)) ?? scheme)?.lowercased()
    if scheme != "http" && scheme != "https" { scheme = nil }
    authority = Self.entry(hops, of: Self.list(.xForwardedHost, fields)) ?? authority
    if let named = authority, !RequestTarget.isAuthority(named) { authority = nil }
    addPort(Self.entry(hops, of: Self.list("X-Forwarded-Port", fields)))
  }

  /// The entry of a list that was made by the proxy nearest to the client, `hops` proxies away. A list that is shorter was
  /// made by proxies that set the field instead of adding to it.
  private static func entry(_ hops: Int, of list: [String]) -> String? {
    list.isEmpty ? nil : list[max(0, list.count - max(1, hops))]
  }

  private mutating func addPort(_ text: String?) {
    guard let text, let port = Int(text), String(port) == text, (1...65_535).contains(port), let authority,
      OriginURL.split(authority)?.port == nil, port != (scheme == "https" ? 443 : 80)
    else { return }
    self.authority = "\(authority):\(port)"
  }

  private static func list(_ name: HeaderName, _ fields: HeaderFields) -> [String] {
    guard fields.contains(name) else { return [] }
    var elements: [String] = []
    fields.forEachValue(of: name) { value in
      value.withUnsafeBytes { $0.forEachListElement { elements.append($0.text) } }
    }
    return elements
  }

  /// An address in the notation of the fields: with a port or without, IPv6 in brackets or without.
  private static func address(_ node: String) -> IPAddress? {
    if let address = IPAddress(node) { return address }
    if node.hasPrefix("[") || node.split(separator: ":", omittingEmptySubsequences: false).count == 2 {
      guard RequestTarget.isAuthority(node) else { return nil }
      return OriginURL.split(node).flatMap { IPAddress($0.host) }
    }
    return nil
  }

  private static func node(_ peer: String) -> String { IPAddress(peer)?.description ?? "unknown" }
}

extension ForwardedElement {
  fileprivate init(node: String) {
    self.node = node
    host = nil
    scheme = nil
  }
}

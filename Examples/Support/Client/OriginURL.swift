//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Where an origin server is: `http://host` or `http://host:port`.
public struct OriginURL: Hashable, Sendable, CustomStringConvertible {
  /// The host, an IPv6 address without its brackets.
  public let host: String
  /// The port; 80 unless the URL says otherwise.
  public let port: Int

  /// An origin given by its parts.
  public init(host: String, port: Int) {
    self.host = host
    self.port = port
  }

  /// An origin from text.
  ///
  /// - Throws: ``InvalidURLError`` when `text` is no http URL, or has a path, which an origin has not.
  public init(_ text: String) throws(InvalidURLError) {
    guard let separator = text.firstRange(of: "://") else {
      throw InvalidURLError(text: text, reason: "is not a URL; write http://host:port")
    }
    let scheme = text[..<separator.lowerBound].lowercased()
    guard scheme == "http" else {
      throw InvalidURLError(text: text, reason: "is not an http URL; only http:// is supported, without TLS")
    }
    var authority = text[separator.upperBound...]
    if let end = authority.firstIndex(where: { $0 == "/" || $0 == "?" || $0 == "#" }) {
      guard authority[end...] == "/" else {
        throw InvalidURLError(text: text, reason: "has a path; write the origin alone: http://host:port")
      }
      authority = authority[..<end]
    }
    guard !authority.contains("@") else {
      throw InvalidURLError(text: text, reason: "has a user name in it, which HTTP does not allow here")
    }
    guard RequestTarget.isAuthority(String(authority)), let parts = Self.split(authority) else {
      throw InvalidURLError(text: text, reason: "has no valid host; write http://host:port")
    }
    self.init(host: parts.host, port: parts.port ?? 80)
    guard (1...65_535).contains(port) else {
      throw InvalidURLError(text: text, reason: "has a port outside 1 to 65535")
    }
  }

  /// Host and port as they stand in `Host`: the port left out when it is 80.
  public var authority: String {
    let host = host.contains(":") ? "[\(host)]" : host
    return port == 80 ? host : "\(host):\(port)"
  }

  /// The URL.
  public var description: String { "http://\(authority)" }

  /// `host:port`, `[::1]:port` or a host alone; nil when it is none of them.
  static func split(_ authority: some StringProtocol) -> (host: String, port: Int?)? {
    var host = String(authority)
    var port: Int?
    if host.hasPrefix("[") {
      guard let bracket = host.firstIndex(of: "]") else { return nil }
      let rest = host[host.index(after: bracket)...]
      if !rest.isEmpty {
        guard rest.first == ":", let number = Int(rest.dropFirst()) else { return nil }
        port = number
      }
      host = String(host[host.index(after: host.startIndex)..<bracket])
    } else if let colon = host.lastIndex(of: ":") {
      guard let number = Int(host[host.index(after: colon)...]) else { return nil }
      port = number
      host = String(host[..<colon])
    }
    return host.isEmpty ? nil : (host, port)
  }
}

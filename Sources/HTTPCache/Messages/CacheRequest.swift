//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// A request, as the cache and the handlers behind it see it.
public struct CacheRequest: Sendable {
  /// The method.
  public var method: RequestMethod

  /// `http` or `https`, in lower case.
  public var scheme: String {
    didSet { scheme = Self.normalized(scheme: scheme) }
  }

  /// Host and, unless it is the scheme's default, port; in lower case (RFC 3986 §6.2.2, §6.2.3).
  public var authority: String {
    didSet { authority = Self.normalized(authority: authority, scheme: scheme) }
  }

  /// Path and query as they stand in the request line: `/products?page=2`.
  public var target: String

  /// The header section.
  public var fields: HeaderFields

  /// The content.
  public var body: Body

  /// Called with each informational (1xx) response that arrives ahead of the final one (RFC 9110 §15.2), for whoever
  /// wants to pass it on to the client. Nil when nobody does.
  public var onInformational: (@Sendable (InformationalResponse) -> Void)?

  /// - Parameters:
  ///   - method: The method; GET unless said otherwise.
  ///   - scheme: `http` or `https`.
  ///   - authority: Host and port, from the request's `Host` field or `:authority`.
  ///   - target: Path and query. An empty one counts as `/`.
  ///   - fields: The header section.
  ///   - body: The content.
  public init(
    method: RequestMethod = .get,
    scheme: String = "http",
    authority: String = "localhost",
    target: String = "/",
    fields: HeaderFields = HeaderFields(),
    body: Body = .empty
  ) {
    self.method = method
    self.scheme = Self.normalized(scheme: scheme)
    self.authority = Self.normalized(authority: authority, scheme: self.scheme)
    self.target = target.isEmpty ? "/" : target
    self.fields = fields
    self.body = body
  }

  /// The request of `other` with another header section, and somebody else to be told of informational responses.
  init(
    _ other: CacheRequest, fields: HeaderFields,
    onInformational: @escaping @Sendable (InformationalResponse) -> Void
  ) {
    method = other.method
    scheme = other.scheme
    authority = other.authority
    target = other.target
    self.fields = fields
    body = other.body
    self.onInformational = onInformational
  }

  /// The target up to the query.
  public var path: Substring {
    target.utf8.firstIndex(of: UInt8(ascii: "?")).map { target[..<$0] } ?? target[...]
  }

  /// What stands behind the question mark; nil when there is none.
  public var query: Substring? {
    target.utf8.firstIndex(of: UInt8(ascii: "?")).map { target[target.utf8.index(after: $0)...] }
  }

  /// The same request with another method.
  func `as`(_ method: RequestMethod) -> CacheRequest {
    var request = self
    request.method = method
    return request
  }

  private static func normalized(scheme: String) -> String {
    scheme == "http" || scheme == "https" ? scheme : scheme.lowercased()
  }

  /// Lower case, and without a port that is empty, the scheme's default, or written with zeros in front (RFC 3986 §3.2.3,
  /// §6.2.3).
  private static func normalized(authority: String, scheme: String) -> String {
    var authority = authority
    let isPlain = authority.withUTF8 { bytes in
      bytes.allSatisfy { byte in !(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")) && byte < 0x80 }
    }
    if !isPlain { authority = authority.lowercased() }
    return authority.withUTF8 { bytes in normalizedPort(of: bytes, scheme: scheme) } ?? authority
  }

  /// An authority with its port in the shortest form, or without it; nil when nothing has to change.
  private static func normalizedPort(of authority: UnsafeBufferPointer<UInt8>, scheme: String) -> String? {
    var start = authority.count
    while start > 0, ASCII.isDigit(authority[start - 1]) { start -= 1 }
    // A colon within the brackets of an IPv6 address has a bracket behind it, not digits alone.
    guard start > 1, authority[start - 1] == ASCII.colon else { return nil }
    let host = authority[..<(start - 1)]
    // More than one colon outside brackets is no host and port (RFC 3986 §3.2.2): what it means is nobody's guess.
    guard host.last == UInt8(ascii: "]") || !host.contains(ASCII.colon) else { return nil }
    let port = authority[start...].drop { $0 == UInt8(ascii: "0") }
    let isZero = port.isEmpty && start < authority.count
    let isDefault =
      scheme == "http" ? port.elementsEqual("80".utf8) : scheme == "https" && port.elementsEqual("443".utf8)
    if isDefault || (port.isEmpty && !isZero) { return String(decoding: host, as: UTF8.self) }
    guard port.count + (isZero ? 1 : 0) < authority.count - start else { return nil }
    return String(decoding: host, as: UTF8.self) + ":" + (isZero ? "0" : String(decoding: port, as: UTF8.self))
  }
}

extension CacheRequest: CustomStringConvertible {
  /// The value as text, for people.
  public var description: String { "\(method) \(scheme)://\(authority)\(target)" }
}

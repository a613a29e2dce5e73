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

  private static func normalized(authority: String, scheme: String) -> String {
    var authority = authority
    let isPlain = authority.withUTF8 { bytes in
      bytes.allSatisfy { byte in !(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")) && byte < 0x80 }
    }
    if !isPlain { authority = authority.lowercased() }
    if scheme == "http", authority.hasSuffix(":80") { authority.removeLast(3) }
    if scheme == "https", authority.hasSuffix(":443") { authority.removeLast(4) }
    return authority
  }
}

extension CacheRequest: CustomStringConvertible {
  /// The value as text, for people.
  public var description: String { "\(method) \(scheme)://\(authority)\(target)" }
}

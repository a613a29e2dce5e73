//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The method of a request (RFC 9110 §9). Case-sensitive; any token is allowed.
public struct RequestMethod: RawRepresentable, Hashable, Sendable {
  /// The method as it stands on the wire.
  public let rawValue: String

  /// A method from text. Whether it is a token is the server's business to have checked.
  @inlinable
  public init(rawValue: String) { self.rawValue = rawValue }

  /// RFC 9110 §9.3.1.
  public static let get = RequestMethod(rawValue: "GET")
  /// RFC 9110 §9.3.2.
  public static let head = RequestMethod(rawValue: "HEAD")
  /// RFC 9110 §9.3.3.
  public static let post = RequestMethod(rawValue: "POST")
  /// RFC 9110 §9.3.4.
  public static let put = RequestMethod(rawValue: "PUT")
  /// RFC 9110 §9.3.5.
  public static let delete = RequestMethod(rawValue: "DELETE")
  /// RFC 9110 §9.3.7.
  public static let options = RequestMethod(rawValue: "OPTIONS")
  /// RFC 9110 §9.3.8.
  public static let trace = RequestMethod(rawValue: "TRACE")
  /// RFC 5789.
  public static let patch = RequestMethod(rawValue: "PATCH")
  /// A safe, idempotent request with content (draft-ietf-httpbis-safe-method-w-body).
  public static let query = RequestMethod(rawValue: "QUERY")

  /// Whether the method is defined as safe: it asks for nothing to be changed (RFC 9110 §9.2.1).
  ///
  /// A method that the cache does not know counts as unsafe.
  public var isSafe: Bool {
    switch rawValue {
    case "GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH": true
    default: false
    }
  }
}

extension RequestMethod {
  /// Whether a stored response to GET can answer it.
  var isReadable: Bool { self == .get || self == .head }
}

extension RequestMethod: ExpressibleByStringLiteral, CustomStringConvertible {
  /// A method from a literal.
  public init(stringLiteral value: String) { self.init(rawValue: value) }
  /// The value as text, for people.
  public var description: String { rawValue }
}

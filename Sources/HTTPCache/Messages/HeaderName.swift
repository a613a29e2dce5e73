//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The name of a header or trailer field (RFC 9110 §5.1). Compared without regard to case; its spelling is kept.
public struct HeaderName: Sendable {
  /// The name as it was spelled, for the wire.
  public let spelling: String
  /// The name in lower case, for comparison.
  public let canonical: String
  let known: KnownHeader?

  /// A name from text.
  ///
  /// Nil when `spelling` is not a token (RFC 9110 §5.6.2): empty, or with a character that may not stand in a name.
  public init?(_ spelling: String) {
    var spelling = spelling
    let isToken = spelling.withUTF8 { !$0.isEmpty && $0.allSatisfy(ASCII.isTokenCharacter) }
    guard isToken else { return nil }
    self.known = spelling.withUTF8 { KnownHeader.recognize(UnsafeRawBufferPointer($0)) }
    self.canonical = spelling.lowercased()
    self.spelling = spelling
  }

  init(_ known: KnownHeader) {
    self.known = known
    self.spelling = known.spelling.description
    self.canonical = spelling.lowercased()
  }
}

extension HeaderName: Hashable {
  /// Whether both stand for the same.
  public static func == (left: HeaderName, right: HeaderName) -> Bool {
    left.known == right.known && (left.known != nil || left.canonical == right.canonical)
  }

  /// Feeds what equality compares into `hasher`.
  public func hash(into hasher: inout Hasher) { hasher.combine(canonical) }
}

extension HeaderName: ExpressibleByStringLiteral, CustomStringConvertible {
  /// A name from a literal.
  ///
  /// - Precondition: `value` is a token. A literal that is not is a mistake in the program, not bad input.
  public init(stringLiteral value: String) {
    guard let name = HeaderName(value) else { preconditionFailure("\"\(value)\" is not a field name") }
    self = name
  }

  /// The value as text, for people.
  public var description: String { spelling }
}

extension HeaderName {
  /// `Age` (RFC 9111 §5.1).
  public static let age = HeaderName(.age)
  /// `Accept-Encoding` (RFC 9110 §12.5.3).
  public static let acceptEncoding = HeaderName(.acceptEncoding)
  /// `Accept-Language` (RFC 9110 §12.5.4).
  public static let acceptLanguage = HeaderName(.acceptLanguage)
  /// `Authorization` (RFC 9110 §11.6.2).
  public static let authorization = HeaderName(.authorization)
  /// `Cache-Control` (RFC 9111 §5.2).
  public static let cacheControl = HeaderName(.cacheControl)
  /// `Cache-Status` (RFC 9211).
  public static let cacheStatus = HeaderName(.cacheStatus)
  /// `CDN-Cache-Control` (RFC 9213).
  public static let cdnCacheControl = HeaderName(.cdnCacheControl)
  /// `Connection` (RFC 9110 §7.6.1).
  public static let connection = HeaderName(.connection)
  /// `Content-Digest` (RFC 9530 §2).
  static let contentDigest: HeaderName = "Content-Digest"
  /// `Content-MD5` (RFC 1864).
  static let contentMD5: HeaderName = "Content-MD5"
  /// `Content-Encoding` (RFC 9110 §8.4).
  public static let contentEncoding = HeaderName(.contentEncoding)
  /// `Content-Length` (RFC 9110 §8.6).
  public static let contentLength = HeaderName(.contentLength)
  /// `Content-Location` (RFC 9110 §8.7).
  public static let contentLocation = HeaderName(.contentLocation)
  /// `Content-Range` (RFC 9110 §14.4).
  public static let contentRange = HeaderName(.contentRange)
  /// `Content-Type` (RFC 9110 §8.3).
  public static let contentType = HeaderName(.contentType)
  /// `Cookie` (RFC 6265 §5.4).
  public static let cookie = HeaderName(.cookie)
  /// `Date` (RFC 9110 §6.6.1).
  public static let date = HeaderName(.date)
  /// `ETag` (RFC 9110 §8.8.3).
  public static let etag = HeaderName(.etag)
  /// `Expires` (RFC 9111 §5.3).
  public static let expires = HeaderName(.expires)
  /// `Forwarded` (RFC 7239).
  public static let forwarded = HeaderName(.forwarded)
  /// `Host` (RFC 9110 §7.2).
  public static let host = HeaderName(.host)
  /// `If-Match` (RFC 9110 §13.1.1).
  public static let ifMatch = HeaderName(.ifMatch)
  /// `If-Modified-Since` (RFC 9110 §13.1.3).
  public static let ifModifiedSince = HeaderName(.ifModifiedSince)
  /// `If-None-Match` (RFC 9110 §13.1.2).
  public static let ifNoneMatch = HeaderName(.ifNoneMatch)
  /// `If-Range` (RFC 9110 §13.1.5).
  public static let ifRange = HeaderName(.ifRange)
  /// `If-Unmodified-Since` (RFC 9110 §13.1.4).
  public static let ifUnmodifiedSince = HeaderName(.ifUnmodifiedSince)
  /// `Last-Modified` (RFC 9110 §8.8.2).
  public static let lastModified = HeaderName(.lastModified)
  /// `Location` (RFC 9110 §10.2.2).
  public static let location = HeaderName(.location)
  /// `Pragma` (RFC 9111 §5.4).
  public static let pragma = HeaderName(.pragma)
  /// `Range` (RFC 9110 §14.2).
  public static let range = HeaderName(.range)
  /// `Retry-After` (RFC 9110 §10.2.3).
  public static let retryAfter = HeaderName(.retryAfter)
  /// `Set-Cookie` (RFC 6265 §4.1).
  public static let setCookie = HeaderName(.setCookie)
  /// `Trailer` (RFC 9110 §6.6.2).
  public static let trailer = HeaderName(.trailer)
  /// `Transfer-Encoding` (RFC 9112 §6.1).
  public static let transferEncoding = HeaderName(.transferEncoding)
  /// `Vary` (RFC 9110 §12.5.5).
  public static let vary = HeaderName(.vary)
  /// `Via` (RFC 9110 §7.6.3).
  public static let via = HeaderName(.via)
}

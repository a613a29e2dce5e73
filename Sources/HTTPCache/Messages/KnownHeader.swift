//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// The field names that HTTP caching has rules for, numbered.
///
/// `HeaderFields` works out the number of a name once, when a field is added, and keeps a 64-bit mask of those present.
/// On a hit, "does this request carry any field that matters to a cache?" is then one AND instead of a scan.
@usableFromInline
enum KnownHeader: UInt8, CaseIterable, Sendable {
  case accept, acceptEncoding, acceptLanguage, acceptRanges, age, allow, authorization, cacheControl
  case cacheGroupInvalidation, cacheGroups, cacheStatus, cacheTag, cdnCacheControl, connection, contentEncoding
  case contentLanguage, contentLength, contentLocation, contentRange, contentType, cookie, date, etag, expect, expires
  case forwarded, host, ifMatch, ifModifiedSince, ifNoneMatch, ifRange, ifUnmodifiedSince, keepAlive, lastModified
  case link, location, noVarySearch, origin, pragma, proxyAuthenticate, proxyAuthenticationInfo, proxyAuthorization
  case proxyConnection, range, retryAfter, server, setCookie, surrogateControl, surrogateKey, te, trailer
  case transferEncoding, upgrade, userAgent, vary, via, warning, wwwAuthenticate, xForwardedFor, xForwardedHost
  case xForwardedProto, xRequestID

  /// The conventional spelling.
  @usableFromInline
  var spelling: StaticString {
    switch self {
    case .accept: "Accept"
    case .acceptEncoding: "Accept-Encoding"
    case .acceptLanguage: "Accept-Language"
    case .acceptRanges: "Accept-Ranges"
    case .age: "Age"
    case .allow: "Allow"
    case .authorization: "Authorization"
    case .cacheControl: "Cache-Control"
    case .cacheGroupInvalidation: "Cache-Group-Invalidation"
    case .cacheGroups: "Cache-Groups"
    case .cacheStatus: "Cache-Status"
    case .cacheTag: "Cache-Tag"
    case .cdnCacheControl: "CDN-Cache-Control"
    case .connection: "Connection"
    case .contentEncoding: "Content-Encoding"
    case .contentLanguage: "Content-Language"
    case .contentLength: "Content-Length"
    case .contentLocation: "Content-Location"
    case .contentRange: "Content-Range"
    case .contentType: "Content-Type"
    case .cookie: "Cookie"
    case .date: "Date"
    case .etag: "ETag"
    case .expect: "Expect"
    case .expires: "Expires"
    case .forwarded: "Forwarded"
    case .host: "Host"
    case .ifMatch: "If-Match"
    case .ifModifiedSince: "If-Modified-Since"
    case .ifNoneMatch: "If-None-Match"
    case .ifRange: "If-Range"
    case .ifUnmodifiedSince: "If-Unmodified-Since"
    case .keepAlive: "Keep-Alive"
    case .lastModified: "Last-Modified"
    case .link: "Link"
    case .location: "Location"
    case .noVarySearch: "No-Vary-Search"
    case .origin: "Origin"
    case .pragma: "Pragma"
    case .proxyAuthenticate: "Proxy-Authenticate"
    case .proxyAuthenticationInfo: "Proxy-Authentication-Info"
    case .proxyAuthorization: "Proxy-Authorization"
    case .proxyConnection: "Proxy-Connection"
    case .range: "Range"
    case .retryAfter: "Retry-After"
    case .server: "Server"
    case .setCookie: "Set-Cookie"
    case .surrogateControl: "Surrogate-Control"
    case .surrogateKey: "Surrogate-Key"
    case .te: "TE"
    case .trailer: "Trailer"
    case .transferEncoding: "Transfer-Encoding"
    case .upgrade: "Upgrade"
    case .userAgent: "User-Agent"
    case .vary: "Vary"
    case .via: "Via"
    case .warning: "Warning"
    case .wwwAuthenticate: "WWW-Authenticate"
    case .xForwardedFor: "X-Forwarded-For"
    case .xForwardedHost: "X-Forwarded-Host"
    case .xForwardedProto: "X-Forwarded-Proto"
    case .xRequestID: "X-Request-ID"
    }
  }

  /// This name's bit in `HeaderFields.presence`.
  @usableFromInline
  var bit: UInt64 { 1 << UInt64(rawValue) }

  /// The number of `name`, whatever its letters' case; nil for a name that the cache has no rule for.
  static func recognize(_ name: UnsafeRawBufferPointer) -> KnownHeader? {
    KnownHeaderTable.shared.recognize(name)
  }
}

/// A perfect-enough hash table of the known names: one probe sequence, one comparison for nearly every name.
private struct KnownHeaderTable: Sendable {
  static let shared = KnownHeaderTable()

  /// 256 slots; 0xFF is empty.
  private let slots: [UInt8]
  private let spellings: [StaticString]

  private init() {
    var slots = [UInt8](repeating: 0xFF, count: 256)
    let all = KnownHeader.allCases
    precondition(all.count <= 64, "the presence mask has 64 bits")
    for header in all {
      var slot = header.spelling.withUTF8Buffer { Self.hash(UnsafeRawBufferPointer($0)) }
      while slots[slot] != 0xFF { slot = (slot + 1) & 255 }
      slots[slot] = header.rawValue
    }
    self.slots = slots
    self.spellings = all.map(\.spelling)
  }

  private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
    guard let first = name.first, let last = name.last else { return 0 }
    let middle = name[name.count / 2]
    let third = name[name.count / 3]
    var hash = UInt32(name.count) &* 0x9E37_79B1
    hash = (hash ^ UInt32(first | 0x20)) &* 0x85EB_CA6B
    hash = (hash ^ UInt32(middle | 0x20)) &* 0xC2B2_AE35
    hash = (hash ^ UInt32(third | 0x20)) &* 0x27D4_EB2F
    hash = (hash ^ UInt32(last | 0x20)) &* 0x1656_67B1
    return Int(hash >> 24)
  }

  func recognize(_ name: UnsafeRawBufferPointer) -> KnownHeader? {
    guard name.count >= 2 && name.count <= 25 else { return nil }
    return slots.withUnsafeBufferPointer { slots in
      var slot = Self.hash(name)
      while slots[slot] != 0xFF {
        let spelling = spellings[Int(slots[slot])]
        if spelling.utf8CodeUnitCount == name.count,
          ASCII.equalsIgnoringCase(UnsafeRawBufferPointer(start: spelling.utf8Start, count: name.count), name)
        {
          return KnownHeader(rawValue: slots[slot])
        }
        slot = (slot + 1) & 255
      }
      return nil
    }
  }
}

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

  private static let shortest = 2
  private static let longest = 32

  /// What is known of a name, beside its number: its spelling, and which bits of its octets do not matter (those that
  /// make a letter small).
  private struct Pattern {
    static let size = 2 * longest
    static let caseOffset = longest
  }

  /// 256 slots; 0xFF is empty.
  private let slots: [UInt8]
  private let lengths: [UInt8]
  /// The patterns, one behind the other.
  private let patterns: [UInt8]

  private init() {
    var slots = [UInt8](repeating: 0xFF, count: 256)
    var lengths: [UInt8] = []
    var patterns: [UInt8] = []
    let all = KnownHeader.allCases
    precondition(all.count <= 64, "the presence mask has 64 bits")
    for header in all {
      header.spelling.withUTF8Buffer { spelling in
        precondition(spelling.count >= Self.shortest && spelling.count <= Self.longest)
        var slot = Self.hash(UnsafeRawBufferPointer(spelling))
        while slots[slot] != 0xFF { slot = (slot + 1) & 255 }
        slots[slot] = header.rawValue
        lengths.append(UInt8(spelling.count))
        let padding = repeatElement(UInt8(0), count: Self.longest - spelling.count)
        patterns += spelling
        patterns += padding
        patterns += spelling.map { ASCII.isLetter($0) ? 0x20 : 0 }
        patterns += padding
      }
    }
    self.slots = slots
    self.lengths = lengths
    self.patterns = patterns
  }

  /// Of the first two octets, the last two, the middle one and the length; not of the letters' case.
  @inline(__always)
  private static func hash(_ name: UnsafeRawBufferPointer) -> Int {
    let first = UInt32(name.loadUnaligned(fromByteOffset: 0, as: UInt16.self))
    let last = UInt32(name.loadUnaligned(fromByteOffset: name.count - 2, as: UInt16.self))
    let middle = UInt32(name[name.count / 2] | 0x20)
    let ends = (first << 16 | last) | 0x2020_2020
    let mixed = ends ^ ((middle &* 0x9E37 &+ UInt32(truncatingIfNeeded: name.count)) &* 0x85EB_CA6B)
    return Int((mixed &* 0xC2B2_AE35) >> 24)
  }

  @inline(__always)
  func recognize(_ name: UnsafeRawBufferPointer) -> KnownHeader? {
    guard name.count >= Self.shortest && name.count <= Self.longest else { return nil }
    return slots.withUnsafeBufferPointer { slots in
      var slot = Self.hash(name)
      while slots[slot] != 0xFF {
        let number = slots[slot]
        if matches(name, Int(number)) { return KnownHeader(rawValue: number) }
        slot = (slot + 1) & 255
      }
      return nil
    }
  }

  /// Whether `name` is the known one with this number, letters compared without regard to case.
  @inline(__always)
  private func matches(_ name: UnsafeRawBufferPointer, _ number: Int) -> Bool {
    guard lengths.withUnsafeBufferPointer({ Int($0[number]) }) == name.count else { return false }
    return patterns.withUnsafeBytes { patterns in
      let pattern = UnsafeRawBufferPointer(rebasing: patterns[number * Pattern.size..<(number + 1) * Pattern.size])
      return switch name.count {
      case 8...: Self.matches(name, pattern, UInt64.self)
      case 4...: Self.matches(name, pattern, UInt32.self)
      default: Self.matches(name, pattern, UInt16.self)
      }
    }
  }

  /// As many octets at a time as a word has; the last ones once more if need be.
  @inline(__always)
  private static func matches<Word: FixedWidthInteger>(
    _ name: UnsafeRawBufferPointer, _ pattern: UnsafeRawBufferPointer, _: Word.Type
  ) -> Bool {
    let last = name.count - MemoryLayout<Word>.size
    var place = 0
    var difference: Word = 0
    while true {
      let spelling = pattern.loadUnaligned(fromByteOffset: place, as: Word.self)
      let letterCase = pattern.loadUnaligned(fromByteOffset: Pattern.caseOffset + place, as: Word.self)
      difference |= (name.loadUnaligned(fromByteOffset: place, as: Word.self) ^ spelling) & ~letterCase
      if place == last { return difference == 0 }
      place = min(place + MemoryLayout<Word>.size, last)
    }
  }
}

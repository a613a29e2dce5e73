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

  /// The name of a number that one has, without looking whether there is one.
  @inline(__always)
  fileprivate init(trusted rawValue: UInt8) {
    // Sound: cases without payload are stored as their position, and `KnownHeaderTable` has seen to it that this is the
    // number.
    self = unsafeBitCast(rawValue, to: KnownHeader.self)
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
struct KnownHeaderTable: @unchecked Sendable {
  // @unchecked: the memory is written before anybody has the table, and never again; nor is it freed, for the only table
  // is `shared`.
  static let shared = KnownHeaderTable()

  private static let shortest = 2
  private static let longest = 32

  /// What is known of a name: its spelling, which bits of its octets do not matter (those that make a letter small), its
  /// length.
  private enum Pattern {
    static let caseOffset = longest
    static let lengthOffset = 2 * longest
    static let size = 2 * longest + 8
  }

  private static let slotCount = 256
  private static let none: UInt8 = 0xFF

  /// The slots, each with the number of a name; behind them the patterns, by number.
  private let slots: UnsafeRawPointer
  private var patterns: UnsafeRawPointer { slots + Self.slotCount }

  private init() {
    let all = KnownHeader.allCases
    precondition(all.count <= 64, "the presence mask has 64 bits")
    precondition(
      all.enumerated().allSatisfy { unsafeBitCast($1, to: UInt8.self) == $0 && $1.rawValue == $0 },
      "a name's number is its position")
    let slots = UnsafeMutableRawPointer.allocate(
      byteCount: Self.slotCount + all.count * Pattern.size, alignment: MemoryLayout<UInt64>.alignment)
    slots.initializeMemory(as: UInt8.self, repeating: Self.none, count: Self.slotCount)
    let patterns = slots + Self.slotCount
    patterns.initializeMemory(as: UInt8.self, repeating: 0, count: all.count * Pattern.size)
    for header in all {
      header.spelling.withUTF8Buffer { spelling in
        precondition(spelling.count >= Self.shortest && spelling.count <= Self.longest)
        var slot = Self.hash(spelling.baseAddress!, count: spelling.count)
        while slots.load(fromByteOffset: slot, as: UInt8.self) != Self.none { slot = (slot + 1) % Self.slotCount }
        slots.storeBytes(of: header.rawValue, toByteOffset: slot, as: UInt8.self)
        let pattern = patterns + Int(header.rawValue) * Pattern.size
        for (position, octet) in spelling.enumerated() {
          pattern.storeBytes(of: octet, toByteOffset: position, as: UInt8.self)
          pattern.storeBytes(
            of: ASCII.isLetter(octet) ? 0x20 : 0, toByteOffset: Pattern.caseOffset + position, as: UInt8.self)
        }
        pattern.storeBytes(of: spelling.count, toByteOffset: Pattern.lengthOffset, as: Int.self)
      }
    }
    self.slots = UnsafeRawPointer(slots)
  }

  /// Of the first two octets, the last two, the middle one and the length; not of the letters' case.
  @inline(__always)
  private static func hash(_ name: UnsafeRawPointer, count: Int) -> Int {
    let first = UInt32(name.loadUnaligned(as: UInt16.self))
    let last = UInt32(name.loadUnaligned(fromByteOffset: count - 2, as: UInt16.self))
    let middle = UInt32(name.load(fromByteOffset: count / 2, as: UInt8.self) | 0x20)
    let ends = (first << 16 | last) | 0x2020_2020
    let mixed = ends ^ ((middle &* 0x9E37 &+ UInt32(truncatingIfNeeded: count)) &* 0x85EB_CA6B)
    return Int((mixed &* 0xC2B2_AE35) >> 24)
  }

  @inline(__always)
  func recognize(_ name: UnsafeRawBufferPointer) -> KnownHeader? {
    guard name.count >= Self.shortest, name.count <= Self.longest, let base = name.baseAddress else { return nil }
    var slot = Self.hash(base, count: name.count)
    while true {
      let number = slots.load(fromByteOffset: slot, as: UInt8.self)
      if number == Self.none { return nil }
      if Self.matches(base, count: name.count, patterns + Int(number) * Pattern.size) {
        return KnownHeader(trusted: number)
      }
      slot = (slot + 1) % Self.slotCount
    }
  }

  /// Whether `name` is what the pattern says, letters compared without regard to case.
  @inline(__always)
  private static func matches(_ name: UnsafeRawPointer, count: Int, _ pattern: UnsafeRawPointer) -> Bool {
    guard pattern.load(fromByteOffset: Pattern.lengthOffset, as: Int.self) == count else { return false }
    // Most names are one or two words long, which may lie over each other.
    switch count {
    case 17...: return matches(name, count, pattern)
    case 8...: return matchesTwo(name, count, pattern, UInt64.self)
    case 4...: return matchesTwo(name, count, pattern, UInt32.self)
    default: return matchesTwo(name, count, pattern, UInt16.self)
    }
  }

  /// The bits that matter in which a name differs from what the pattern says, for the octets of one word.
  @inline(__always)
  private static func difference<Word: FixedWidthInteger>(
    _ name: UnsafeRawPointer, _ place: Int, _ pattern: UnsafeRawPointer, _: Word.Type
  ) -> Word {
    let spelling = pattern.loadUnaligned(fromByteOffset: place, as: Word.self)
    let letterCase = pattern.loadUnaligned(fromByteOffset: Pattern.caseOffset &+ place, as: Word.self)
    return (name.loadUnaligned(fromByteOffset: place, as: Word.self) ^ spelling) & ~letterCase
  }

  /// The first word and the last.
  @inline(__always)
  private static func matchesTwo<Word: FixedWidthInteger>(
    _ name: UnsafeRawPointer, _ count: Int, _ pattern: UnsafeRawPointer, _: Word.Type
  ) -> Bool {
    let last = count &- MemoryLayout<Word>.size
    return difference(name, 0, pattern, Word.self) | difference(name, last, pattern, Word.self) == 0
  }

  /// As many octets at a time as a word has; the last ones once more if need be.
  private static func matches(_ name: UnsafeRawPointer, _ count: Int, _ pattern: UnsafeRawPointer) -> Bool {
    let last = count - MemoryLayout<UInt64>.size
    var place = 0
    var sum: UInt64 = 0
    while true {
      sum |= difference(name, place, pattern, UInt64.self)
      if place == last { return sum == 0 }
      place = min(place + MemoryLayout<UInt64>.size, last)
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

extension RFC9110 {
  private static let conditions =
    KnownHeader.ifMatch.bit | KnownHeader.ifNoneMatch.bit | KnownHeader.ifModifiedSince.bit
    | KnownHeader.ifUnmodifiedSince.bit

  /// What a request's conditions come to, for a stored response that would otherwise be sent (§13.2.2; RFC 9111
  /// §4.3.2).
  ///
  /// - Parameters:
  ///   - method: The request's.
  ///   - request: The request's fields.
  ///   - status: The stored response's status: conditions count only for one that is successful (§13.2.1).
  ///   - stored: The stored response's fields.
  static func evaluatePreconditions(
    method: RequestMethod, request: HeaderFields, status: Int, stored: HeaderFields
  ) -> Precondition {
    guard request.presence & conditions != 0, (200..<300).contains(status) else { return .none }
    if request.contains(KnownHeader.ifMatch) {
      if !matches(.ifMatch, in: request, stored: stored, by: EntityTag.areStronglyEqual) { return .failed }
    } else if let limit = onlyDate(.ifUnmodifiedSince, in: request),
      let modified = date(.lastModified, of: stored), modified > limit
    {
      return .failed
    }
    let isRead = method == .get || method == .head
    if request.contains(KnownHeader.ifNoneMatch) {
      guard matches(.ifNoneMatch, in: request, stored: stored, by: EntityTag.areWeaklyEqual) else { return .none }
      return isRead ? .notModified : .failed
    }
    guard isRead, let since = onlyDate(.ifModifiedSince, in: request) else { return .none }
    // RFC 9111 §4.3.2: a stored response without Last-Modified is judged by its Date, which every stored one has.
    guard let modified = date(.lastModified, of: stored) ?? date(.date, of: stored) else { return .none }
    return modified <= since ? .notModified : .none
  }

  /// Whether the list of entity tags in the field `known` is `*` or has the stored one.
  private static func matches(
    _ known: KnownHeader, in request: HeaderFields, stored: HeaderFields,
    by areEqual: (Span<UInt8>, Span<UInt8>) -> Bool
  ) -> Bool {
    var isMatch = false
    request.forEachValue(of: known) { list in
      if isMatch { return }
      if known == .ifNoneMatch, isStoredTag(list, stored) {
        isMatch = true
        return
      }
      let range = FieldSyntax.trimmed(list, 0..<list.count)
      if range.count == 1, list[range.lowerBound] == UInt8(ascii: "*") {
        isMatch = true
        return
      }
      isMatch =
        stored.withFirstValue(of: .etag) { tag in
          EntityTag.contains(list) { areEqual($0, tag) }
        } ?? false
    }
    return isMatch
  }

  /// Whether `list` is, octet for octet, the stored tag and nothing else, as what a client has got it from: then nothing has to be
  /// parsed.
  private static func isStoredTag(_ list: Span<UInt8>, _ stored: HeaderFields) -> Bool {
    let count = list.count
    guard count >= 2, list[0] == ASCII.doubleQuote, list[count - 1] == ASCII.doubleQuote else { return false }
    return stored.withFirstValue(of: .etag) { tag in
      tag.count == count
        && tag.withUnsafeBytes { tag in
          list.withUnsafeBytes { list in
            guard let first = tag.baseAddress, let second = list.baseAddress else { return false }
            // A second tag in the list would begin with a quote within.
            return memcmp(first, second, count) == 0 && memchr(first + 1, Int32(ASCII.doubleQuote), count - 2) == nil
          }
        }
    } ?? false
  }

  private static func date(_ known: KnownHeader, of stored: HeaderFields) -> UnixTime? {
    stored.withFirstValue(of: known) { HTTPDate.parse($0) } ?? nil
  }

  /// The date of a field that must stand alone; nil when it does not, or is invalid: it is then ignored (§13.1.3,
  /// §13.1.4).
  private static func onlyDate(_ known: KnownHeader, in fields: HeaderFields) -> UnixTime? {
    var count = 0
    var date: UnixTime?
    fields.forEachValue(of: known) { value in
      count += 1
      date = HTTPDate.parse(value)
    }
    return count == 1 ? date : nil
  }

  /// The fields of a 304 made from a stored response (§15.4.5): those that describe the content stay out, but for
  /// `Content-Location`, and `Last-Modified` where there is no `ETag` to tell versions apart. A digest of the content would
  /// be taken for one of no content.
  static func notModifiedFields(of stored: HeaderFields) -> HeaderFields {
    let keepsDate = !stored.contains(KnownHeader.etag)
    return stored.filter { view in
      switch view.known {
      case .contentLocation: true
      case .lastModified: keepsDate
      case .contentLength, .contentType, .contentEncoding, .contentLanguage, .contentRange, .acceptRanges, .trailer:
        false
      case nil: !isContentDigest(view)
      default: true
      }
    }
  }
}

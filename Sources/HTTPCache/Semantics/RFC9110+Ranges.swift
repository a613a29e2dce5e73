//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension RFC9110 {
  /// Parts closer to each other than this are sent as one: the head of another part would take as much (§15.3.7.2).
  static let coalescedGap = 80

  /// Which part of a stored representation a request wants (§14.2).
  ///
  /// `Range` counts only for a 200 (or stored 206) response, if `If-Range` lets it (§13.1.5), and if it is valid; with
  /// more than `maximumRanges` ranges, or more than two overlaps, it is ignored, as §14.2 advises against abuse. Parts
  /// that overlap or nearly touch become one. The method is the caller's to look at: ranges are for GET.
  ///
  /// - Parameters:
  ///   - request: The request's fields.
  ///   - status: The stored response's status.
  ///   - stored: The stored response's fields.
  ///   - length: The length of the complete representation.
  static func rangeSelection(
    request: HeaderFields, status: Int, stored: HeaderFields, length: Int, maximumRanges: Int = 16
  ) -> RangeSelection {
    guard status == 200 || status == 206, let set = rangeSet(of: request, maximumRanges: maximumRanges),
      rangeApplies(request: request, stored: stored)
    else { return .whole }
    return set.selection(length: length)
  }

  /// The ranges that the `Range` field asks for; nil when there is none, or it is to be ignored.
  static func rangeSet(of request: HeaderFields, maximumRanges: Int = 16) -> ByteRangeSet? {
    guard request.contains(KnownHeader.range) else { return nil }
    var values = 0
    var set: ByteRangeSet?
    request.forEachValue(of: KnownHeader.range) { value in
      values += 1
      set = ByteRangeSet.parse(value, maximumRanges: maximumRanges)
    }
    return values == 1 ? set : nil
  }

  /// Whether `If-Range`, if there is one, names exactly the stored representation (§13.1.5).
  static func rangeApplies(request: HeaderFields, stored: HeaderFields) -> Bool {
    guard request.contains(KnownHeader.ifRange) else { return true }
    var values = 0
    var applies = false
    request.forEachValue(of: KnownHeader.ifRange) { value in
      values += 1
      if let date = HTTPDate.parse(value) {
        applies = isStrong(lastModified: date, of: stored)
      } else {
        applies = stored.withFirstValue(of: .etag) { EntityTag.areStronglyEqual($0, value) } ?? false
      }
    }
    return values == 1 && applies
  }

  /// Whether `date` is the stored `Last-Modified`, and that is a strong validator: the response was made a second later
  /// or more, so that a second change within the same second would show (§8.8.2.2).
  private static func isStrong(lastModified date: UnixTime, of stored: HeaderFields) -> Bool {
    guard let modified = stored.withFirstValue(of: .lastModified, { HTTPDate.parse($0) }) ?? nil, modified == date,
      let made = stored.withFirstValue(of: .date, { HTTPDate.parse($0) }) ?? nil
    else { return false }
    return made.seconds >= modified.seconds.addingSaturated(1)
  }

  /// The fields of a 206 with one part (§15.3.7.1).
  static func partialFields(of stored: HeaderFields, range: Range<Int>, length: Int?) -> HeaderFields {
    var fields = withoutContentFields(stored, reservingFieldCount: 2, byteCount: 128)
    ContentRange(range: range, completeLength: length).append(to: &fields)
    fields.append(KnownHeader.contentLength, String(range.count))
    return fields
  }

  /// The fields of a 416 (§15.5.17).
  static func unsatisfiableFields(of stored: HeaderFields, length: Int) -> HeaderFields {
    var fields = stored.filter { view in
      switch view.known {
      case .date, .cacheControl, .expires, .vary, .etag, .lastModified, .server, .acceptRanges, .cdnCacheControl,
        .age, .cacheStatus:
        true
      default: false
      }
    }
    ContentRange(range: nil, completeLength: length).append(to: &fields)
    fields.append(KnownHeader.contentLength, "0")
    return fields
  }

  /// The fields without those about the content that was sent with them, for a response with other content: its length,
  /// its range, and its digests.
  ///
  /// `Content-Digest` (RFC 9530 §2) and `Content-MD5` (RFC 1864) are of the content of one message. `Repr-Digest` (RFC 9530
  /// §3) and `Digest` (RFC 3230 §4.3.2) are of the whole representation, whichever part of it is sent, and stay.
  ///
  /// - Parameters:
  ///   - fieldCount: The number of fields that are to be added.
  ///   - byteCount: The octets that they will take on the wire.
  static func withoutContentFields(
    _ stored: HeaderFields, reservingFieldCount fieldCount: Int = 0, byteCount: Int = 0
  ) -> HeaderFields {
    stored.filter(reservingFieldCount: fieldCount, byteCount: byteCount) { view in
      switch view.known {
      case .contentLength, .contentRange: false
      case nil: !isContentDigest(view)
      default: true
      }
    }
  }

  /// The fields with a digest of the whole representation.
  static let representationDigests: [HeaderName] = ["Repr-Digest", "Digest"]
  /// The fields with a digest of the content that they are sent with.
  static let contentDigests: [HeaderName] = [.contentDigest, .contentMD5]

  /// Whether a field is one of those. Their lengths first: most fields that nobody knows have others.
  static func isContentDigest(_ view: HeaderFields.View) -> Bool {
    contentDigestLengths.contains(view.nameLength) && contentDigests.contains { view.isNamed($0) }
  }

  private static let contentDigestLengths = 11...14
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

extension PartialContent {
  /// What these parts are good for, for a request to GET with these fields (RFC 9111 §3.3, §4; RFC 9110 §14.2).
  ///
  /// - Parameters:
  ///   - request: The request's fields. `If-Range` counts, as with a complete response.
  ///   - stored: The fields that the parts were stored with.
  func answer(to request: HeaderFields, stored: HeaderFields, maximumRanges: Int = 16) -> PartialAnswer {
    guard let set = RFC9110.rangeSet(of: request, maximumRanges: maximumRanges),
      RFC9110.rangeApplies(request: request, stored: stored)
    else {
      return isComplete ? .whole : answer(to: 0..<(completeLength ?? .max))
    }
    guard let completeLength else { return answerOfUnknownLength(set) }
    switch set.selection(length: completeLength) {
    case .whole: return isComplete ? .whole : answer(to: 0..<completeLength)
    case .unsatisfiable: return .unsatisfiable
    case .ranges(let ranges): return answer(to: Array(ranges))
    }
  }

  private func answerOfUnknownLength(_ set: ByteRangeSet) -> PartialAnswer {
    var ranges: [Range<Int>] = []
    for spec in set.specs {
      switch spec {
      case .from(let first, .some(let last)) where last < .max: ranges.append(first..<last + 1)
      case .from(let first, nil) where set.specs.count == 1: return answer(to: first..<Int.max)
      default: return .unknown
      }
    }
    // Where a range ends beyond the representation only the origin can tell; what is there lies within it.
    return answer(to: ranges)
  }

  private func answer(to range: Range<Int>) -> PartialAnswer { answer(to: [range]) }

  private func answer(to ranges: [Range<Int>]) -> PartialAnswer {
    let gaps = ranges.flatMap { self.gaps(for: $0) }
    guard let first = gaps.map(\.lowerBound).min(), let last = gaps.map(\.upperBound).max() else {
      return .ranges(ranges)
    }
    return .missing(from: first, to: last == completeLength || last == .max ? nil : last)
  }

  /// The fields of the request that fetches what is missing (RFC 9111 §3.4, RFC 9110 §13.1.5).
  ///
  /// With `If-Range` where there is a strong entity tag, so that the origin sends the whole when it has changed.
  /// Without one, a 206 that comes back cannot be combined with what is stored; origins that answer with a 200 lose
  /// nothing.
  func completionFields(for request: HeaderFields, from first: Int, to end: Int?) -> HeaderFields {
    var fields = RFC9111.conditionalFields(for: request, validating: [])
    fields.append(KnownHeader.range, "bytes=\(first)-\(end.map { String($0 - 1) } ?? "")")
    if let strongTag { strongTag.withUnsafeBytes { fields.append(KnownHeader.ifRange, $0) } }
    return fields
  }

  /// The parts as an entry holds them: the octets of all, one after the other, and one `Content-Range` for each among
  /// the fields.
  func entry(fields: HeaderFields) -> (fields: HeaderFields, body: Bytes) {
    var fields = RFC9110.withoutContentFields(fields)
    for segment in segments {
      fields.append(KnownHeader.contentRange, ContentRange(range: segment.range, completeLength: completeLength).text)
    }
    return (fields, Bytes(joining: segments.map(\.bytes)))
  }

  /// The parts that an entry holds; nil when its fields do not fit its body.
  init?(entryFields fields: HeaderFields, body: Bytes) {
    var ranges: [ContentRange] = []
    var isValid = true
    fields.forEachValue(of: KnownHeader.contentRange) { value in
      guard ranges.count < Self.maximumSegments, let range = ContentRange.parse(value) else {
        isValid = false
        return
      }
      ranges.append(range)
    }
    guard isValid, let length = ranges.first.map(\.completeLength) else { return nil }
    var segments: [Segment] = []
    var position = 0
    for part in ranges {
      guard let range = part.range, range.count <= body.count - position, part.completeLength == length else {
        return nil
      }
      segments.append(Segment(offset: range.lowerBound, bytes: body.slice(position..<position + range.count)))
      position += range.count
    }
    guard position == body.count else { return nil }
    self.init(segments: segments, completeLength: length, fields: fields)
  }
}

extension Bytes {
  /// A copy of what a view shows.
  init(copying span: Span<UInt8>) {
    self = span.withUnsafeBytes { Bytes(copying: $0) }
  }
}

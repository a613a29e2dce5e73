//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Parts of a representation, and what can be made of them (RFC 9111 §3.3, §3.4; RFC 9110 §14, §15.3.7.3).
///
/// ```swift
/// var partial = PartialContent(fields, body: bytes)
/// if partial?.combine(other) == true, partial?.isComplete == true { … }
/// ```
struct PartialContent: Sendable {
  /// A run of octets and where it begins.
  struct Segment: Sendable {
    var offset: Int
    var bytes: Bytes
    var range: Range<Int> { offset..<offset + bytes.count }
  }

  /// The most segments that are kept; beyond that nothing is added that does not touch what is there.
  static let maximumSegments = 64

  /// In ascending order, not empty, not touching each other.
  private(set) var segments: [Segment]
  /// The length of the whole representation; nil while it is not known.
  private(set) var completeLength: Int?
  /// The strong entity tag of the representation, if it has one: without, nothing can be combined (§3.4).
  let strongTag: Bytes?
  /// The codings of the representation, which are part of what the tag stands for.
  private let contentEncoding: String?

  /// What a 206 with a single part brings; nil when its `Content-Range` is missing or invalid, or there are no octets.
  ///
  /// Where the content is shorter than the range that the field claims, it counts for as far as it goes, as an
  /// incomplete response does (§3.3). If it was to go to the end of the representation, that is where the end is: the
  /// octets are there to be counted, and one who miscounts them has miscounted the length as well. Longer content is
  /// not to be trusted at all.
  ///
  /// - Parameter body: All of the content. What broke off on its way is not to be handed in here.
  init?(_ fields: HeaderFields, body: Bytes) {
    guard let contentRange = ContentRange(fields), let range = contentRange.range, !body.isEmpty,
      body.count <= range.count
    else { return nil }
    let segment = Segment(offset: range.lowerBound, bytes: body)
    segments = [segment]
    completeLength =
      contentRange.completeLength == range.upperBound ? segment.range.upperBound : contentRange.completeLength
    strongTag = Self.strongTag(of: fields)
    contentEncoding = fields[.contentEncoding]
  }

  /// The beginning of a 200 response that broke off (§3.3), or all of it; nil when there is nothing.
  init?(prefix body: Bytes, completeLength: Int?, fields: HeaderFields) {
    guard !body.isEmpty, completeLength.map({ body.count <= $0 }) ?? true else { return nil }
    segments = [Segment(offset: 0, bytes: body)]
    self.completeLength = completeLength
    strongTag = Self.strongTag(of: fields)
    contentEncoding = fields[.contentEncoding]
  }

  /// As it was stored; nil when the segments are not in order, overlap, or go beyond the length.
  init?(segments: [Segment], completeLength: Int?, fields: HeaderFields) {
    var end = 0
    for (index, segment) in segments.enumerated() {
      guard segment.offset >= end, !segment.bytes.isEmpty || index == 0,
        segment.offset <= Int.max - segment.bytes.count
      else { return nil }
      end = segment.offset + segment.bytes.count
    }
    guard !segments.isEmpty, completeLength.map({ end <= $0 }) ?? true else { return nil }
    self.segments = segments
    self.completeLength = completeLength
    strongTag = Self.strongTag(of: fields)
    contentEncoding = fields[.contentEncoding]
  }

  /// Whether every octet is there.
  var isComplete: Bool {
    guard let completeLength else { return false }
    return segments.count == 1 && segments[0].range == 0..<completeLength
  }

  /// How many octets are there.
  var byteCount: Int { segments.reduce(0) { $0 + $1.bytes.count } }

  /// Which octets of `range` are missing.
  func gaps(for range: Range<Int>) -> [Range<Int>] {
    var gaps: [Range<Int>] = []
    var position = range.lowerBound
    for segment in segments where segment.range.upperBound > position {
      if segment.offset >= range.upperBound { break }
      if segment.offset > position { gaps.append(position..<segment.offset) }
      position = segment.range.upperBound
    }
    if position < range.upperBound { gaps.append(position..<range.upperBound) }
    return gaps
  }

  /// The octets of `range`; nil when not all of them are there.
  func slice(for range: Range<Int>) -> Bytes? {
    guard !range.isEmpty else { return Bytes() }
    for segment in segments where segment.range.contains(range.lowerBound) {
      guard range.upperBound <= segment.range.upperBound else { return nil }
      return segment.bytes.slice(range.lowerBound - segment.offset..<range.upperBound - segment.offset)
    }
    return nil
  }

  /// All octets; nil when there are gaps.
  var complete: Bytes? { isComplete ? segments[0].bytes : nil }

  /// Adds what `other` has (§3.4).
  ///
  /// - Returns: Whether it was added: only when both have the same strong entity tag and codings, and nothing they say about
  ///   the length contradicts. Otherwise this is unchanged.
  mutating func combine(_ other: PartialContent) -> Bool {
    guard let strongTag, strongTag == other.strongTag, contentEncoding == other.contentEncoding else { return false }
    if let completeLength, let otherLength = other.completeLength, completeLength != otherLength { return false }
    let length = completeLength ?? other.completeLength
    let end = max(segments.last?.range.upperBound ?? 0, other.segments.last?.range.upperBound ?? 0)
    if let length, end > length { return false }
    let merged = Self.merged(segments + other.segments)
    guard merged.count <= Self.maximumSegments else { return false }
    segments = merged
    completeLength = length
    return true
  }

  /// The segments in order, with those that overlap or touch joined. Where two have the same octet, that of the first
  /// that begins counts: with the same strong validator they are the same.
  private static func merged(_ segments: [Segment]) -> [Segment] {
    let sorted = segments.sorted { $0.offset < $1.offset }
    var result: [Segment] = []
    var run: [Bytes] = []
    var start = 0
    var end = 0
    for segment in sorted {
      if !run.isEmpty, segment.offset <= end {
        if segment.range.upperBound > end {
          run.append(segment.bytes.slice(end - segment.offset..<segment.bytes.count))
          end = segment.range.upperBound
        }
        continue
      }
      if !run.isEmpty { result.append(Segment(offset: start, bytes: Bytes(joining: run))) }
      run = [segment.bytes]
      start = segment.offset
      end = segment.range.upperBound
    }
    if !run.isEmpty { result.append(Segment(offset: start, bytes: Bytes(joining: run))) }
    return result
  }

  private static func strongTag(of fields: HeaderFields) -> Bytes? {
    fields.withFirstValue(of: .etag) { value in
      let range = 0..<value.count
      return EntityTag.isStrong(value, range) ? Bytes(copying: value) : nil
    } ?? nil
  }
}

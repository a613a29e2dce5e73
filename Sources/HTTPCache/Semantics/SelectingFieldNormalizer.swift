//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// Brings the values of selecting request fields into one form for all that mean the same (RFC 9111 §4.1), as far as
/// the specification of the field says what means the same.
enum SelectingFieldNormalizer {
  /// The most members of a list that are put in order; beyond that it is compared as it stands.
  static let maximumMembers = 64

  /// The value of the field `name`, its lines combined (RFC 9110 §5.3).
  ///
  /// - `Accept`, `Accept-Charset`, `Accept-Encoding`, `Accept-Language`: ranges with a quality each. Case does not count, nor
  ///   how a quality is written; the lower-case members are sorted by quality. Among equals the order counts in the first
  ///   three, for many servers choose by it; in `Accept-Language` it does not.
  /// - `Cookie`: lines are parts of one cookie string (RFC 9113 §8.2.3).
  /// - All others: white space around commas does not count, nor on how many lines a list stands.
  ///
  /// - Returns: The octets, and whether they are a canonical form: one must not be mistaken for a value that only looks
  ///   like it.
  static func normalized(_ name: HeaderName, in fields: HeaderFields) -> (octets: [UInt8], isCanonical: Bool) {
    let combined = combinedValue(of: name, in: fields, isCookie: name.known == .cookie)
    let canonical: [UInt8]? =
      switch name.known {
      case .accept: preferences(combined, hasParameters: true, isOrdered: true)
      case .acceptEncoding: preferences(combined, hasParameters: false, isOrdered: true)
      case .acceptLanguage: preferences(combined, hasParameters: false, isOrdered: false)
      case nil where name.canonical == "accept-charset": preferences(combined, hasParameters: false, isOrdered: true)
      default: nil
      }
    return (canonical ?? combined, canonical != nil)
  }

  /// The lines of a field as one value, without optional white space around the commas that separate members.
  private static func combinedValue(of name: HeaderName, in fields: HeaderFields, isCookie: Bool) -> [UInt8] {
    var combined: [UInt8] = []
    var isFirst = true
    for position in fields.indices where fields.matches(position, name) {
      if !isFirst {
        combined.append(isCookie ? ASCII.semicolon : ASCII.comma)
        if isCookie { combined.append(ASCII.space) }
      }
      isFirst = false
      fields.withValue(at: position) { value in
        if isCookie {
          append(value, 0..<value.count, to: &combined)
          return
        }
        var members = ListCursor(0..<value.count)
        var isFirstMember = true
        while let member = members.next(in: value) {
          if !isFirstMember { combined.append(ASCII.comma) }
          isFirstMember = false
          append(value, member.range, to: &combined)
        }
      }
    }
    return combined
  }

  /// A list of ranges with qualities in canonical form; nil when it is not well-formed, or too long to be sorted.
  ///
  /// - Parameter isOrdered: Whether the order counts among members with the same quality.
  private static func preferences(_ value: [UInt8], hasParameters: Bool, isOrdered: Bool) -> [UInt8]? {
    let span = value.span
    var preferences: [Preference] = []
    preferences.reserveCapacity(8)
    var buffer: [UInt8] = []
    buffer.reserveCapacity(value.count)
    var members = ListCursor(0..<span.count)
    while let member = members.next(in: span) {
      if member.range.isEmpty { continue }
      guard preferences.count < maximumMembers,
        let preference = Preference.parse(span, member.range, hasParameters: hasParameters, into: &buffer)
      else { return nil }
      preferences.append(preference)
    }
    let ranges = buffer.span
    sort(&preferences, in: ranges, isOrdered: isOrdered)
    var result: [UInt8] = []
    result.reserveCapacity(value.count + 8)
    for (index, preference) in preferences.enumerated() {
      // The same range with the same quality twice says nothing more.
      if index > 0, order(preferences[index - 1], preference, in: ranges) == 0 { continue }
      if !result.isEmpty { result.append(ASCII.comma) }
      append(ranges, preference.range, to: &result)
      if preference.quality != 1000 {
        result.append(contentsOf: ";q=".utf8)
        result.append(contentsOf: String(preference.quality).utf8)
      }
    }
    return result
  }

  /// By insertion: there are few, and a closure over a view of the buffer could not be passed to `sort`.
  private static func sort(_ preferences: inout [Preference], in ranges: Span<UInt8>, isOrdered: Bool) {
    func comesBefore(_ left: Preference, _ right: Preference) -> Bool {
      isOrdered ? left.quality > right.quality : order(left, right, in: ranges) < 0
    }
    for end in 1..<max(1, preferences.count) {
      var position = end
      while position > 0, comesBefore(preferences[position], preferences[position - 1]) {
        preferences.swapAt(position, position - 1)
        position -= 1
      }
    }
  }

  /// Negative when `left` comes first: by falling quality, then by octets.
  private static func order(_ left: Preference, _ right: Preference, in ranges: Span<UInt8>) -> Int {
    if left.quality != right.quality { return right.quality - left.quality }
    for offset in 0..<min(left.range.count, right.range.count) {
      let (a, b) = (ranges[left.range.lowerBound + offset], ranges[right.range.lowerBound + offset])
      if a != b { return Int(a) - Int(b) }
    }
    return left.range.count - right.range.count
  }

  private static func append(_ value: Span<UInt8>, _ range: Range<Int>, to bytes: inout [UInt8]) {
    value.extracting(range).withUnsafeBufferPointer { bytes.append(contentsOf: $0) }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

/// One member of a `Cache-Control` field (RFC 9111 §5.2), where it stands in the value.
struct CacheDirective {
  /// The directives that the cache has rules for.
  enum Name {
    case immutable, maxAge, maxStale, minFresh, mustRevalidate, mustUnderstand, noCache, noStore, noTransform
    case onlyIfCached, `private`, proxyRevalidate, `public`, sMaxage, staleIfError, staleWhileRevalidate
  }

  /// What stands behind the equals sign.
  enum Argument {
    /// There is none.
    case absent
    /// A token, or what is between the quotes of a quoted string: RFC 9111 §5.2 has recipients accept both forms of
    /// all.
    case value(Range<Int>)
    /// Neither of these.
    case malformed
  }

  var name: Name
  var argument: Argument

  /// The argument as a number of seconds; nil when there is none that is valid.
  func seconds(in value: Span<UInt8>) -> Int64? {
    guard case .value(let range) = argument else { return nil }
    return FieldSyntax.deltaSeconds(value, range)
  }

  /// Calls `body` with each directive of `value` that the cache knows.
  ///
  /// Lenient where that makes the cache more careful: `no-store; max-age=60` is a `no-store`, as is `public no-store`, and
  /// a `max-age` whose argument is nonsense is reported with it, to be treated as stale (RFC 9111 §4.2.1).
  static func forEach(in value: Span<UInt8>, _ body: (CacheDirective) -> Void) {
    let rest = forEachPlain(in: value, body)
    guard rest < value.count else { return }
    var members = ListCursor(rest..<value.count, splitsAtSemicolons: true)
    while let member = members.next(in: value) {
      var words = WordCursor(member.range)
      let first = words.next(in: value) ?? member.range
      guard first != member.range else {
        if let directive = parse(value, first, isMalformed: member.touchesSemicolon) { body(directive) }
        continue
      }
      // White space where a comma should be. No word of such a member is well-formed, so that prohibitions hold and
      // permissions do not.
      var word: Range<Int>? = first
      while let range = word {
        if let directive = parse(value, range, isMalformed: true) { body(directive) }
        word = words.next(in: value)
      }
    }
  }

  /// The same for what nearly all values are made of, tokens and commas, in one pass.
  ///
  /// - Returns: Where a member begins that has something else in it, or the end of the value.
  @inline(__always)
  private static func forEachPlain(in value: Span<UInt8>, _ body: (CacheDirective) -> Void) -> Int {
    var memberStart = 0
    while memberStart < value.count {
      var position = memberStart
      while position < value.count, ASCII.isWhitespace(value[position]) { position += 1 }
      let nameStart = position
      position = FieldSyntax.tokenEnd(value, position..<value.count)
      let nameEnd = position
      var argument = Argument.absent
      if position < value.count, value[position] == ASCII.equals {
        position = FieldSyntax.tokenEnd(value, position + 1..<value.count)
        guard position > nameEnd + 1 else { return memberStart }
        argument = .value(nameEnd + 1..<position)
      }
      while position < value.count, ASCII.isWhitespace(value[position]) { position += 1 }
      guard position == value.count || value[position] == ASCII.comma else { return memberStart }
      if nameEnd > nameStart, let name = name(value, nameStart..<nameEnd) {
        body(CacheDirective(name: name, argument: argument))
      } else if nameEnd > nameStart, value[nameStart] == apostrophe {
        return memberStart
      } else if nameEnd == nameStart, case .value = argument {
        return memberStart
      }
      memberStart = position + 1
    }
    return value.count
  }

  private static let apostrophe = UInt8(ascii: "'")

  @inline(__always)
  private static func parse(_ value: Span<UInt8>, _ range: Range<Int>, isMalformed: Bool) -> CacheDirective? {
    // A directive in quotes is none, but what it forbids is meant.
    if range.count > 2, value[range.lowerBound] == ASCII.doubleQuote || value[range.lowerBound] == apostrophe,
      value[range.upperBound - 1] == value[range.lowerBound]
    {
      return name(value, range.lowerBound + 1..<range.upperBound - 1).map {
        CacheDirective(name: $0, argument: .malformed)
      }
    }
    let nameEnd = FieldSyntax.tokenEnd(value, range)
    guard nameEnd > range.lowerBound, let name = name(value, range.lowerBound..<nameEnd) else { return nil }
    if isMalformed { return CacheDirective(name: name, argument: .malformed) }
    if nameEnd == range.upperBound { return CacheDirective(name: name, argument: .absent) }
    let start = nameEnd + 1
    guard value[nameEnd] == ASCII.equals, start < range.upperBound else {
      return CacheDirective(name: name, argument: .malformed)
    }
    if value[start] == ASCII.doubleQuote {
      guard FieldSyntax.quotedStringEnd(value, from: start, to: range.upperBound) == range.upperBound else {
        return CacheDirective(name: name, argument: .malformed)
      }
      return CacheDirective(name: name, argument: .value(start + 1..<range.upperBound - 1))
    }
    guard FieldSyntax.tokenEnd(value, start..<range.upperBound) == range.upperBound else {
      return CacheDirective(name: name, argument: .malformed)
    }
    return CacheDirective(name: name, argument: .value(start..<range.upperBound))
  }

  /// The directive called what stands at `range`; nil for one that the cache does not know and therefore ignores
  /// (§5.2.3).
  static func name(_ value: Span<UInt8>, _ range: Range<Int>) -> Name? {
    func matches(_ text: StaticString) -> Bool { FieldSyntax.matches(value, range, text) }
    switch range.count {
    case 6: return matches("public") ? .public : nil
    case 7: return matches("max-age") ? .maxAge : matches("private") ? .private : nil
    case 8:
      return matches("no-cache") ? .noCache : matches("s-maxage") ? .sMaxage : matches("no-store") ? .noStore : nil
    case 9:
      return matches("immutable")
        ? .immutable : matches("max-stale") ? .maxStale : matches("min-fresh") ? .minFresh : nil
    case 12: return matches("no-transform") ? .noTransform : nil
    case 14: return matches("only-if-cached") ? .onlyIfCached : matches("stale-if-error") ? .staleIfError : nil
    case 15:
      return matches("must-revalidate") ? .mustRevalidate : matches("must-understand") ? .mustUnderstand : nil
    case 16: return matches("proxy-revalidate") ? .proxyRevalidate : nil
    case 22: return matches("stale-while-revalidate") ? .staleWhileRevalidate : nil
    default: return nil
    }
  }
}

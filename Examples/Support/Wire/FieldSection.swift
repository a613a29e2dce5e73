//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// A header or trailer section while it arrives, and what of it decides about the message's framing.
struct FieldSection {
  private(set) var fields = HeaderFields()
  /// The octets so far, as they stood on the wire.
  private(set) var byteCount = 0

  private(set) var host: String?
  private(set) var contentLength: Int?
  private(set) var contentLengthCount = 0
  private(set) var isContentLengthConsistent = true
  /// Whether the only `Content-Length` is written as this program would write it: `5`, not `05` or `5, 5`.
  private(set) var isContentLengthCanonical = true
  /// How many times `chunked` was named, and whether anything else was.
  private(set) var chunkedCount = 0
  private(set) var hasTransferEncoding = false
  private(set) var hasOtherCoding = false
  /// Whether `identity` was named, which RFC 9112 no longer has: old servers mean that there is no coding.
  private(set) var hasIdentityCoding = false
  private(set) var hasClose = false
  private(set) var hasKeepAlive = false
  private(set) var expectsContinue = false
  private(set) var acceptsTrailers = false
  /// Whether something was put right in a response: white space ahead of a colon, or a folded line.
  private(set) var isRepaired = false
  /// Whether the last field decides about the framing, so that no folded line may go on with it.
  private var isLastFraming = false
  private var foldedCount = 0

  /// Whether the only coding is `identity`: there is none.
  var isIdentityAlone: Bool { hasIdentityCoding && !hasOtherCoding && chunkedCount == 0 }

  /// Takes one line.
  ///
  /// - Parameter status: What a failure means: 400 in a request, 502 in a response.
  mutating func append(
    line: UnsafeRawBufferPointer, limits: MessageLimits, status: Int
  ) throws(ParseFailure) {
    if fields.isEmpty { fields.reserveCapacity(fieldCount: 12, byteCount: 384) }
    byteCount += line.count + 2
    guard fields.count < limits.fieldCount else {
      throw ParseFailure(status == 400 ? 431 : status, "there are more than \(limits.fieldCount) fields")
    }
    guard let first = line.first, !Octet.isWhitespace(first) else {
      foldedCount += 1
      guard foldedCount <= limits.fieldCount else {
        throw ParseFailure(status, "there are more than \(limits.fieldCount) folded lines")
      }
      try unfold(line, status: status)
      return
    }
    var colon = 0
    while colon < line.count, Octet.isToken(line[colon]) { colon += 1 }
    let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
    if status != 400, colon > 0 {
      // RFC 9112 §5.1: a proxy must remove white space behind a response's field name. A request with it is refused.
      while colon < line.count, Octet.isWhitespace(line[colon]) { colon += 1 }
      if colon > name.count { isRepaired = true }
    }
    guard colon > 0, colon < line.count, line[colon] == Octet.colon else {
      throw ParseFailure(status, "a field line has no name, or something other than a colon behind it (RFC 9112 §5.1)")
    }
    let value = UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]).trimmingWhitespace
    for octet in value where !Octet.isFieldValue(octet) {
      throw ParseFailure(status, "the value of \"\(name.text)\" has a control character in it (RFC 9110 §5.5)")
    }
    if status == 400, !limits.allowsUnderscores, name.contains(UInt8(ascii: "_")) { return }
    isLastFraming = false
    try note(name: name, value: value, status: status)
    fields.append(name: name, value: value)
  }

  /// RFC 9112 §5.2: a folded line of a response goes on with the field before it, behind a space. In requests, and in fields
  /// that decide about the framing, which other recipients may read without it, there must be none.
  private mutating func unfold(_ line: UnsafeRawBufferPointer, status: Int) throws(ParseFailure) {
    guard status != 400, !isLastFraming, !fields.isEmpty else {
      throw ParseFailure(status, "a field line begins with white space (obsolete line folding, RFC 9112 §5.2)")
    }
    let value = line.trimmingWhitespace
    guard value.allSatisfy(Octet.isFieldValue) else {
      throw ParseFailure(status, "a folded field line has a control character in it (RFC 9110 §5.5)")
    }
    isRepaired = true
    fields.extendLastValue(with: value)
  }

  /// Hands the fields over, so that whoever changes them does not have to copy them.
  mutating func takeFields() -> HeaderFields {
    var taken = HeaderFields()
    swap(&taken, &fields)
    return taken
  }

  private mutating func note(
    name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, status: Int
  ) throws(ParseFailure) {
    switch name.count {
    case 2 where name.equalsLowercase("te"):
      value.forEachListElement { if $0.equalsLowercase("trailers") { acceptsTrailers = true } }
    case 4 where name.equalsLowercase("host"):
      guard host == nil else { throw ParseFailure(status, "there is more than one Host field (RFC 9112 §3.2)") }
      host = value.text
    case 6 where name.equalsLowercase("expect"):
      if value.equalsLowercase("100-continue") { expectsContinue = true }
    case 10 where name.equalsLowercase("connection"):
      isLastFraming = true
      value.forEachListElement { element in
        if element.equalsLowercase("close") { hasClose = true }
        if element.equalsLowercase("keep-alive") { hasKeepAlive = true }
      }
    case 14 where name.equalsLowercase("content-length"):
      isLastFraming = true
      try noteContentLength(value, status: status)
    case 17 where name.equalsLowercase("transfer-encoding"):
      isLastFraming = true
      hasTransferEncoding = true
      value.forEachListElement { element in
        if element.equalsLowercase("chunked") {
          chunkedCount += 1
        } else if element.equalsLowercase("identity") {
          hasIdentityCoding = true
        } else {
          hasOtherCoding = true
        }
      }
    default:
      break
    }
  }

  private mutating func noteContentLength(_ value: UnsafeRawBufferPointer, status: Int) throws(ParseFailure) {
    // A list of equal numbers is tolerated by RFC 9110 §8.6; whether to is for the two parsers to say, so it is counted.
    var isValid = !value.isEmpty
    var start = 0
    for index in 0...value.count where index == value.count || value[index] == Octet.comma {
      let element = UnsafeRawBufferPointer(rebasing: value[start..<index]).trimmingWhitespace
      start = index + 1
      guard let length = element.decimal else {
        isValid = false
        break
      }
      if let contentLength, contentLength != length { isContentLengthConsistent = false }
      contentLength = length
      contentLengthCount += 1
      // One digit, or several that do not begin with zero.
      if contentLengthCount > 1 || element.count > 1 && element[0] == UInt8(ascii: "0") {
        isContentLengthCanonical = false
      }
    }
    guard isValid else { throw ParseFailure(status, "Content-Length is \"\(value.text)\", which is not a length") }
  }
}

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
  /// How many times `chunked` was named, and whether anything else was.
  private(set) var chunkedCount = 0
  private(set) var hasTransferEncoding = false
  private(set) var hasOtherCoding = false
  private(set) var hasClose = false
  private(set) var hasKeepAlive = false
  private(set) var expectsContinue = false
  private(set) var acceptsTrailers = false

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
      throw ParseFailure(status, "a field line begins with white space (obsolete line folding, RFC 9112 §5.2)")
    }
    var colon = 0
    while colon < line.count, Octet.isToken(line[colon]) { colon += 1 }
    guard colon > 0, colon < line.count, line[colon] == Octet.colon else {
      throw ParseFailure(status, "a field line has no name, or something other than a colon behind it (RFC 9112 §5.1)")
    }
    let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
    let value = UnsafeRawBufferPointer(rebasing: line[(colon + 1)...]).trimmingWhitespace
    for octet in value where !Octet.isFieldValue(octet) {
      throw ParseFailure(status, "the value of \"\(name.text)\" has a control character in it (RFC 9110 §5.5)")
    }
    try note(name: name, value: value, status: status)
    fields.append(name: name, value: value)
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
      value.forEachListElement { element in
        if element.equalsLowercase("close") { hasClose = true }
        if element.equalsLowercase("keep-alive") { hasKeepAlive = true }
      }
    case 14 where name.equalsLowercase("content-length"):
      try noteContentLength(value, status: status)
    case 17 where name.equalsLowercase("transfer-encoding"):
      hasTransferEncoding = true
      value.forEachListElement { element in
        if element.equalsLowercase("chunked") { chunkedCount += 1 } else { hasOtherCoding = true }
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
    }
    guard isValid else { throw ParseFailure(status, "Content-Length is \"\(value.text)\", which is not a length") }
  }

  /// The trailer section, without the fields that may not stand in one because they decide about framing, routing or
  /// how the content is to be read (RFC 9110 §6.5.1).
  var trailers: HeaderFields? {
    guard !fields.isEmpty else { return nil }
    var trailers = fields
    for name in Self.forbiddenTrailers { trailers.removeAll(name) }
    return trailers.isEmpty ? nil : trailers
  }

  private static let forbiddenTrailers: [HeaderName] = [
    .transferEncoding, .contentLength, .host, .connection, .trailer, .contentEncoding, .contentType, .contentRange,
    .cacheControl, .authorization, .setCookie, .vary, .age, .expires, "TE", "Upgrade", "Keep-Alive", "Expect",
    "Max-Forwards", "Proxy-Authorization", "Proxy-Connection",
  ]
}

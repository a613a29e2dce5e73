//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// One response out of octets (RFC 9112), with the interim ones ahead of it: octets in, events out, nothing else.
struct ResponseParser {
  private enum State {
    case start
    case fields(status: Int, version: MinorVersion)
    case body
    case ended
    case failed
  }

  private let limits: MessageLimits
  private let method: RequestMethod
  private var state = State.start
  /// RFC 9112 §2.2: heads of old origins end their lines in LF alone. In chunked content that is no line end.
  private var lines = LineAssembler(allowsBareLineFeed: true)
  private var section = FieldSection()
  /// Whether the input began like a response.
  private(set) var hasStatusLine = false
  private var decoder: BodyDecoder?
  private var interimCount = 0

  /// - Parameters:
  ///   - method: The request's, for it decides whether there is content.
  ///   - limits: What is larger is refused.
  init(method: RequestMethod, limits: MessageLimits) {
    self.method = method
    self.limits = limits
  }

  /// Takes the next event out of `input`; nil when all of the input has been taken without one, or the response is over.
  mutating func next(_ input: inout UnsafeRawBufferPointer) throws(ParseFailure) -> ResponseEvent? {
    do throws(ParseFailure) {
      return try step(&input)
    } catch {
      state = .failed
      throw error
    }
  }

  /// The connection has ended.
  ///
  /// - Returns: The end of content that goes up to the end of the connection; nil when the response was over already.
  /// - Throws: When the response is incomplete.
  mutating func finish() throws(ParseFailure) -> ResponseEvent? {
    switch state {
    case .ended: return nil
    case .body where decoder?.mayEndAtClose == true:
      state = .ended
      return .end(trailers: nil)
    case .body:
      state = .failed
      throw ParseFailure(502, "the connection ended in the middle of the content")
    case .start, .fields, .failed:
      state = .failed
      throw ParseFailure(502, "the connection ended before the response was complete")
    }
  }

  private mutating func step(_ input: inout UnsafeRawBufferPointer) throws(ParseFailure) -> ResponseEvent? {
    while true {
      switch state {
      case .start:
        guard let line = try nextLine(&input, limit: limits.startLine) else { return nil }
        let (status, version) = try line.withBytes { (bytes) throws(ParseFailure) in try parseStatusLine(bytes) }
        hasStatusLine = true
        state = .fields(status: status, version: version)
      case .fields(let status, let version):
        guard let line = try nextLine(&input, limit: limits.fieldSection - section.byteCount) else { return nil }
        let isEmpty = line.withBytes { $0.isEmpty }
        guard isEmpty else {
          try line.withBytes { (bytes) throws(ParseFailure) in
            try section.append(line: bytes, limits: limits, status: 502)
          }
          continue
        }
        let complete = takeSection()
        if status < 200 {
          interimCount += 1
          guard interimCount <= 32 else { throw ParseFailure(502, "there is no end to the interim responses") }
          state = .start
          return .informational(InformationalResponse(status: status, fields: complete.fields))
        }
        let head = try makeHead(status: status, version: version, complete)
        decoder = BodyDecoder(head.framing, limits: limits, status: 502)
        state = .body
        return .head(head)
      case .body:
        switch try decoder?.next(&input) {
        case .body(let bytes): return .body(bytes)
        case .end(let trailers):
          state = .ended
          return .end(trailers: trailers)
        case nil: return nil
        }
      case .ended:
        return nil
      case .failed:
        throw ParseFailure(502, "the response was malformed")
      }
    }
  }

  private mutating func takeSection() -> FieldSection {
    defer { section = FieldSection() }
    return section
  }

  private mutating func nextLine(
    _ input: inout UnsafeRawBufferPointer, limit: Int
  ) throws(ParseFailure) -> LineAssembler.Line? {
    do throws(LineAssembler.Failure) {
      return try lines.next(&input, limit: max(0, limit))
    } catch {
      // The only failure here: lines may end in LF.
      throw ParseFailure(502, "the head of the response is too long")
    }
  }

  /// `HTTP/1.1 200 OK`; the reason phrase, and the space before it, may be missing.
  private func parseStatusLine(_ line: UnsafeRawBufferPointer) throws(ParseFailure) -> (Int, MinorVersion) {
    guard line.count >= 12, line[..<7].elementsEqual("HTTP/1.".utf8), Octet.isDigit(line[7]), line[8] == Octet.space,
      let status = UnsafeRawBufferPointer(rebasing: line[9..<12]).decimal, status >= 100,
      line.count == 12 || line[12] == Octet.space, line[12...].allSatisfy(Octet.isFieldValue)
    else { throw ParseFailure(502, "the response does not begin with an HTTP/1.x status line (RFC 9112 §4)") }
    guard status != 101 else {
      throw ParseFailure(502, "the response switches protocols (101), which nobody asked for")
    }
    return (status, line[7] == UInt8(ascii: "0") ? .zero : .one)
  }

  private func makeHead(
    status: Int, version: MinorVersion, _ section: FieldSection
  ) throws(ParseFailure) -> ResponseHead {
    var fields = section.fields
    var keepsAlive = version == .one ? !section.hasClose : section.hasKeepAlive && !section.hasClose
    // Where one recipient reads on and another one does not, what follows may be a response that somebody smuggled in.
    if section.isRepaired || lines.hasSeenBareLineFeed { keepsAlive = false }
    guard section.isContentLengthConsistent else {
      throw ParseFailure(502, "the response has Content-Length fields that contradict each other (RFC 9112 §6.3)")
    }
    if !section.isContentLengthCanonical, let length = section.contentLength { fields[.contentLength] = String(length) }
    if section.isIdentityAlone { fields.removeAll(.transferEncoding) }
    let framing: BodyFraming
    if method == .head || status == 204 || status == 304 {
      framing = .none
      // A server that announces content where there is none may send it, late enough to be taken for the next response.
      if section.hasTransferEncoding || section.contentLength ?? 0 > 0 { keepsAlive = false }
    } else if section.hasTransferEncoding, !section.isIdentityAlone {
      guard version == .one, !section.hasOtherCoding, !section.hasIdentityCoding, section.chunkedCount == 1 else {
        throw ParseFailure(502, "the response has a Transfer-Encoding other than chunked (RFC 9112 §6.1)")
      }
      if section.contentLengthCount > 0 {
        // RFC 9112 §6.3: chunked wins, the length must not be passed on, and the connection is not to be trusted.
        fields.removeAll(.contentLength)
        keepsAlive = false
      }
      framing = .chunked
    } else if let length = section.contentLength {
      if section.hasTransferEncoding { keepsAlive = false }
      guard length <= limits.body else {
        throw ParseFailure(502, "the content is longer than the limit of \(limits.body) bytes")
      }
      framing = .length(length)
    } else {
      framing = .untilClose
      keepsAlive = false
    }
    return ResponseHead(status: status, version: version, fields: fields, framing: framing, keepsAlive: keepsAlive)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Requests out of octets (RFC 9112): octets in, events out, nothing else.
///
/// Every input gives the same events however it is cut, except that content comes in other pieces. After a failure the
/// parser must not be used again: where the next request begins is no longer known.
///
/// What a client says about itself is the same in most requests of a connection, octet for octet. The parser remembers the
/// last head, and does not look again at what it has just looked at (`RepeatedHead`).
///
/// ```swift
/// var parser = RequestParser(limits: MessageLimits())
/// while let event = try parser.next(&input) { … }
/// ```
struct RequestParser {
  private enum State {
    case start
    case fields
    case body
    case failed
  }

  struct StartLine {
    var method: RequestMethod
    var target: String
    /// From an absolute target.
    var authority: String?
    var version: MinorVersion
  }

  private let limits: MessageLimits
  private let defaultAuthority: String
  private let amend: (@Sendable (inout RequestHead) -> Void)?
  private var state = State.start
  private var start = StartLine(method: .get, target: "/", authority: nil, version: .one)
  private var previous = RepeatedHead()
  private var lines = LineAssembler()
  private var section = FieldSection()
  private var decoder: BodyDecoder?
  private var emptyLines = 0

  /// - Parameters:
  ///   - limits: What is larger is refused.
  ///   - defaultAuthority: Whom a request without `Host` is meant for; only HTTP/1.0 has those.
  ///   - amend: Changes the head of every request in the same way, behind the removal of the connection's fields.
  init(
    limits: MessageLimits, defaultAuthority: String = "localhost",
    amend: (@Sendable (inout RequestHead) -> Void)? = nil
  ) {
    self.limits = limits
    self.defaultAuthority = defaultAuthority
    self.amend = amend
  }

  /// Whether the parser is between two requests, with nothing of the next.
  var isIdle: Bool {
    if case .start = state { return !lines.isHoldingInput && emptyLines == 0 }
    return false
  }

  /// How many octets of a head that goes on are held.
  var heldCount: Int { lines.heldCount + section.byteCount }

  /// How many octets of content are still to come, when that is known.
  var remainingBody: Int? { decoder?.remaining }

  /// Takes the end of a request without content, which comes right behind its head, as `next` would.
  ///
  /// - Precondition: The last event was the head of such a request.
  mutating func takeEnd() {
    guard case .body = state, decoder == nil else { preconditionFailure("there is content, or no head before it") }
    state = .start
  }

  /// Takes the next event out of `input`; nil when all of the input has been taken without one.
  mutating func next(_ input: inout UnsafeRawBufferPointer) throws(ParseFailure) -> RequestEvent? {
    do throws(ParseFailure) {
      return try step(&input)
    } catch {
      state = .failed
      throw error
    }
  }

  private mutating func step(_ input: inout UnsafeRawBufferPointer) throws(ParseFailure) -> RequestEvent? {
    // Where the header section begins, if that is in `input`.
    var sectionStart: UnsafeRawPointer?
    while true {
      switch state {
      case .start:
        if !lines.isHoldingInput, emptyLines == 0, previous.takeLine(of: &input) {
          start = previous.start
          sectionStart = input.baseAddress
          if let head = repetition(&input) { return .head(head) }
          state = .fields
          continue
        }
        let lineStart = lines.isHoldingInput ? nil : input.baseAddress
        guard let line = try nextStartLine(&input) else { return nil }
        let isEmpty = line.withBytes { $0.isEmpty }
        guard !isEmpty else {
          // RFC 9112 §2.2: an old client may send an empty line behind its content. One, not a stream of them.
          emptyLines += 1
          guard emptyLines <= 2 else { throw ParseFailure(400, "there are empty lines where a request should begin") }
          continue
        }
        emptyLines = 0
        start = try line.withBytes { (bytes) throws(ParseFailure) in try parseStartLine(bytes) }
        sectionStart = input.baseAddress
        previous.setLine(start, from: lineStart, to: input.baseAddress)
        if let head = repetition(&input) { return .head(head) }
        state = .fields
      case .fields:
        guard let line = try nextFieldLine(&input) else { return nil }
        let isEmpty = line.withBytes { $0.isEmpty }
        guard isEmpty else {
          try line.withBytes { (bytes) throws(ParseFailure) in
            try section.append(line: bytes, limits: limits, status: 400)
          }
          continue
        }
        let head = try makeHead()
        previous.setSection(head, start, from: sectionStart, to: input.baseAddress)
        begin(head)
        return .head(head)
      case .body:
        guard decoder != nil else {
          state = .start
          return .end(trailers: nil)
        }
        switch try decoder?.next(&input) {
        case .body(let bytes): return .body(bytes)
        case .end(let trailers):
          decoder = nil
          state = .start
          return .end(trailers: trailers)
        case nil: return nil
        }
      case .failed:
        throw ParseFailure(400, "an earlier request on this connection was malformed")
      }
    }
  }

  /// The head of a request whose header section is that of the one before.
  private mutating func repetition(_ input: inout UnsafeRawBufferPointer) -> RequestHead? {
    guard let head = previous.takeSection(behind: start, of: &input) else { return nil }
    begin(head)
    return head
  }

  private mutating func begin(_ head: RequestHead) {
    decoder = head.framing == .none ? nil : BodyDecoder(head.framing, limits: limits, status: 400)
    state = .body
  }

  private mutating func nextStartLine(
    _ input: inout UnsafeRawBufferPointer
  ) throws(ParseFailure) -> LineAssembler.Line? {
    // Whoever speaks something else (TLS, say) may never send a line end. His first octet tells.
    if !lines.isHoldingInput, let first = input.first, !Octet.isToken(first), first != Octet.carriageReturn {
      throw ParseFailure(400, "this is not an HTTP request: it does not begin with a method")
    }
    do throws(LineAssembler.Failure) {
      return try lines.next(&input, limit: limits.startLine)
    } catch {
      switch error {
      case .tooLong: throw ParseFailure(414, "the request line is longer than \(limits.startLine) bytes")
      case .bareLineFeed: throw ParseFailure(400, "the request line ends in LF without CR (RFC 9112 §2.2)")
      }
    }
  }

  private mutating func nextFieldLine(
    _ input: inout UnsafeRawBufferPointer
  ) throws(ParseFailure) -> LineAssembler.Line? {
    do throws(LineAssembler.Failure) {
      return try lines.next(&input, limit: max(0, limits.fieldSection - section.byteCount))
    } catch {
      switch error {
      case .tooLong: throw ParseFailure(431, "the header section is longer than \(limits.fieldSection) bytes")
      case .bareLineFeed: throw ParseFailure(400, "a field line ends in LF without CR (RFC 9112 §2.2)")
      }
    }
  }

  private func parseStartLine(_ line: UnsafeRawBufferPointer) throws(ParseFailure) -> StartLine {
    guard let methodEnd = line.firstIndex(of: Octet.space), let targetEnd = line.lastIndex(of: Octet.space),
      methodEnd < targetEnd
    else { throw ParseFailure(400, "the request line is not \"method target version\" (RFC 9112 §3)") }
    let method = UnsafeRawBufferPointer(rebasing: line[..<methodEnd])
    let target = UnsafeRawBufferPointer(rebasing: line[(methodEnd + 1)..<targetEnd])
    guard !method.isEmpty, method.allSatisfy(Octet.isToken) else {
      throw ParseFailure(400, "the method is not a token (RFC 9110 §9.1)")
    }
    let version = try parseVersion(UnsafeRawBufferPointer(rebasing: line[(targetEnd + 1)...]))
    guard !target.isEmpty, target.allSatisfy(Octet.isTarget) else {
      throw ParseFailure(400, "the request target has a character in it that has to be percent-encoded")
    }
    let methodName = method.count == 3 && method.elementsEqual("GET".utf8) ? .get : RequestMethod(rawValue: method.text)
    switch try RequestTarget(target, method: method) {
    case .origin:
      return StartLine(method: methodName, target: target.text, authority: nil, version: version)
    case .asterisk:
      return StartLine(method: methodName, target: "*", authority: nil, version: version)
    case .absolute(let authority, let path):
      return StartLine(method: methodName, target: path, authority: authority, version: version)
    }
  }

  private func parseVersion(_ octets: UnsafeRawBufferPointer) throws(ParseFailure) -> MinorVersion {
    guard octets.count == 8, octets[..<5].elementsEqual("HTTP/".utf8), Octet.isDigit(octets[5]),
      octets[6] == UInt8(ascii: "."), Octet.isDigit(octets[7])
    else { throw ParseFailure(400, "the request line does not end in an HTTP version (RFC 9112 §2.3)") }
    guard octets[5] == UInt8(ascii: "1") else {
      throw ParseFailure(505, "this server speaks HTTP/1.1, not \(octets.text)")
    }
    return octets[7] == UInt8(ascii: "0") ? .zero : .one
  }

  private mutating func makeHead() throws(ParseFailure) -> RequestHead {
    var fields = section.takeFields()
    let section = section
    self.section = FieldSection()
    let framing = try Self.framing(section, version: start.version)
    if case .length(let length) = framing, length > limits.body {
      throw ParseFailure(413, "the content is longer than the limit of \(limits.body) bytes")
    }
    if let host = section.host {
      guard RequestTarget.isAuthority(host) || (host.isEmpty && start.authority != nil) else {
        throw ParseFailure(400, "Host is \"\(host)\", which is not a host (RFC 9112 §3.2)")
      }
    } else if start.version == .one {
      throw ParseFailure(400, "there is no Host field (RFC 9112 §3.2)")
    }
    if let authority = start.authority, authority != section.host {
      // RFC 9112 §3.2.2: the target wins, and nobody behind must see the other one.
      fields[.host] = authority
    }
    if !section.isContentLengthCanonical, let length = section.contentLength { fields[.contentLength] = String(length) }
    Self.removeConnectionFields(from: &fields, section)
    var head = RequestHead(
      method: start.method, target: start.target, authority: start.authority ?? section.host ?? defaultAuthority,
      version: start.version, fields: fields, framing: framing,
      keepsAlive: start.version == .one ? !section.hasClose : section.hasKeepAlive && !section.hasClose,
      expectsContinue: section.expectsContinue && start.version == .one && framing != .none,
      acceptsTrailers: section.acceptsTrailers)
    // The head holds the only reference, so that changing the fields does not copy them.
    fields = HeaderFields()
    amend?(&head)
    return head
  }

  /// RFC 9110 §7.6.1: what the client lists in `Connection` goes before anything is done with the request or added to it. Of
  /// `TE`, what can be passed on stays: whether the client takes trailers.
  private static func removeConnectionFields(from fields: inout HeaderFields, _ section: FieldSection) {
    fields = ConnectionFields.removed(from: fields)
    if section.acceptsTrailers { fields.append(.te, "trailers") }
  }

  /// RFC 9112 §6.3, with each of its "ought to be handled as an error" an error.
  private static func framing(
    _ section: FieldSection, version: MinorVersion
  ) throws(ParseFailure) -> BodyFraming {
    guard section.hasTransferEncoding else {
      guard section.contentLengthCount <= 1 else {
        throw ParseFailure(400, "there is more than one Content-Length (RFC 9112 §6.3)")
      }
      guard let length = section.contentLength, length > 0 else { return .none }
      return .length(length)
    }
    guard version == .one else {
      throw ParseFailure(400, "there is a Transfer-Encoding in an HTTP/1.0 request (RFC 9112 §6.1)")
    }
    guard section.contentLengthCount == 0 else {
      throw ParseFailure(400, "there is both a Content-Length and a Transfer-Encoding (RFC 9112 §6.3)")
    }
    guard !section.hasOtherCoding, !section.hasIdentityCoding else {
      throw ParseFailure(501, "the only transfer coding this server knows is chunked (RFC 9112 §6.1)")
    }
    guard section.chunkedCount == 1 else {
      throw ParseFailure(400, "Transfer-Encoding must name chunked, and once only (RFC 9112 §6.1)")
    }
    return .chunked
  }
}

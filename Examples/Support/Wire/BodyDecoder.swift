//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache

/// Takes the content of a message out of the input.
struct BodyDecoder {
  enum Event {
    case body(Bytes)
    case end(trailers: HeaderFields?)
  }

  private enum State {
    case length(Int)
    case untilClose
    case chunkSize
    case chunkData(Int)
    case chunkEnd(hasReturn: Bool)
    case trailers
    case ended
  }

  private var state: State
  private var lines = LineAssembler()
  private let limits: MessageLimits
  /// What a failure is: 400 in a request, 502 in a response.
  private let status: Int
  private var received = 0
  private var extensionBytes = 0
  private var trailerSection = FieldSection()

  init(_ framing: BodyFraming, limits: MessageLimits, status: Int) {
    self.limits = limits
    self.status = status
    state =
      switch framing {
      case .none: .length(0)
      case .length(let length): .length(length)
      case .chunked: .chunkSize
      case .untilClose: .untilClose
      }
  }

  /// How many octets are still to come, when that is known.
  var remaining: Int? {
    switch state {
    case .length(let count): count
    case .ended: 0
    default: nil
    }
  }

  mutating func next(_ input: inout UnsafeRawBufferPointer) throws(ParseFailure) -> Event? {
    while true {
      switch state {
      case .length(0):
        state = .ended
        return .end(trailers: nil)
      case .length(let remaining):
        guard let piece = take(&input, atMost: remaining) else { return nil }
        state = .length(remaining - piece.count)
        return .body(piece)
      case .untilClose:
        guard let piece = take(&input, atMost: .max) else { return nil }
        try count(piece.count)
        return .body(piece)
      case .chunkSize:
        guard let size = try chunkSize(&input) else { return nil }
        try count(size)
        state = size == 0 ? .trailers : .chunkData(size)
      case .chunkData(let remaining):
        guard let piece = take(&input, atMost: remaining) else { return nil }
        state = piece.count == remaining ? .chunkEnd(hasReturn: false) : .chunkData(remaining - piece.count)
        return .body(piece)
      case .chunkEnd(let hasReturn):
        guard let octet = input.first else { return nil }
        guard octet == (hasReturn ? Octet.lineFeed : Octet.carriageReturn) else {
          throw ParseFailure(status, "a chunk is longer than it was announced to be (RFC 9112 §7.1)")
        }
        input = UnsafeRawBufferPointer(rebasing: input[1...])
        state = hasReturn ? .chunkSize : .chunkEnd(hasReturn: true)
      case .trailers:
        let limit = limits.fieldSection - trailerSection.byteCount
        guard let line = try nextLine(&input, limit: limit, kind: "trailer section") else { return nil }
        let isLast = line.withBytes { $0.isEmpty }
        guard !isLast else {
          state = .ended
          return .end(trailers: limits.trailers.filter(trailerSection.fields))
        }
        try line.withBytes { (bytes) throws(ParseFailure) in
          try trailerSection.append(line: bytes, limits: limits, status: status)
        }
      case .ended:
        return nil
      }
    }
  }

  /// Whether the end of the connection is a proper end of the content.
  var mayEndAtClose: Bool {
    if case .untilClose = state { return true }
    return false
  }

  private func take(_ input: inout UnsafeRawBufferPointer, atMost limit: Int) -> Bytes? {
    guard !input.isEmpty else { return nil }
    let count = min(limit, input.count)
    let piece = Bytes(copying: UnsafeRawBufferPointer(rebasing: input[..<count]))
    input = UnsafeRawBufferPointer(rebasing: input[count...])
    return piece
  }

  private mutating func count(_ octets: Int) throws(ParseFailure) {
    let (sum, overflow) = received.addingReportingOverflow(octets)
    guard !overflow, sum <= limits.body else {
      throw ParseFailure(status == 400 ? 413 : status, "the content is longer than the limit of \(limits.body) bytes")
    }
    received = sum
  }

  private mutating func nextLine(
    _ input: inout UnsafeRawBufferPointer, limit: Int, kind: String
  ) throws(ParseFailure) -> LineAssembler.Line? {
    do throws(LineAssembler.Failure) {
      return try lines.next(&input, limit: max(0, limit))
    } catch {
      switch error {
      case .tooLong:
        throw ParseFailure(status == 400 && kind == "trailer section" ? 431 : status, "the \(kind) is too long")
      case .bareLineFeed:
        throw ParseFailure(status, "a line ends in LF without CR (RFC 9112 §2.2)")
      }
    }
  }

  private mutating func chunkSize(_ input: inout UnsafeRawBufferPointer) throws(ParseFailure) -> Int? {
    guard let line = try nextLine(&input, limit: limits.chunkLine, kind: "line that announces a chunk") else {
      return nil
    }
    let (size, extensions) = try line.withBytes { (bytes) throws(ParseFailure) in try parseChunkLine(bytes) }
    extensionBytes += extensions
    guard extensionBytes <= limits.fieldSection else {
      throw ParseFailure(status, "the chunk extensions are too long together")
    }
    return size
  }

  private func parseChunkLine(_ line: UnsafeRawBufferPointer) throws(ParseFailure) -> (size: Int, extensions: Int) {
    var size = 0
    var index = 0
    while index < line.count, let digit = Octet.hexValue(line[index]) {
      guard size < 1 << 56 else { throw ParseFailure(status, "a chunk announces an absurd size") }
      size = size << 4 | digit
      index += 1
    }
    guard index > 0 else { throw ParseFailure(status, "a chunk's size is not a hexadecimal number (RFC 9112 §7.1)") }
    let digits = index
    while index < line.count, Octet.isWhitespace(line[index]) { index += 1 }
    guard digits == line.count || (index < line.count && line[index] == Octet.semicolon) else {
      throw ParseFailure(status, "there is something other than an extension behind a chunk's size (RFC 9112 §7.1.1)")
    }
    for octet in line where !Octet.isFieldValue(octet) {
      throw ParseFailure(status, "a chunk extension has a control character in it")
    }
    return (size, line.count - digits)
  }
}

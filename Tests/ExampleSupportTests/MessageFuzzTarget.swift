//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

// This file is also part of the fuzzer, which is compiled together with the parsers (scripts/fuzz.sh).
#if !FUZZING
  import HTTPCache

  @testable import ExampleSupport
#endif

/// A parser of HTTP/1.1 messages to be fed with anything, and what must hold whatever it is fed with: however the input is
/// cut, the parser finds the same in it.
enum MessageFuzzTarget: String, CaseIterable, Sendable {
  case requests, responses

  /// Limits that a short input can reach.
  private static let limits = MessageLimits(startLine: 64, fieldSection: 256, fieldCount: 16, body: 128, chunkLine: 32)

  /// Traps when a property does not hold.
  func run(_ input: Span<UInt8>) {
    let octets = input.withUnsafeBufferPointer(Array.init)
    let whole = digest(octets, pieceLength: max(1, octets.count))
    for length in [1, 7] {
      precondition(digest(octets, pieceLength: length) == whole, "\(self) are the same however they are cut")
    }
  }

  /// The events that the parser finds: each head and end, and the octets of the content.
  private func digest(_ octets: [UInt8], pieceLength: Int) -> [String] {
    switch self {
    case .requests: Self.requests(octets, pieceLength)
    case .responses:
      [.get, .head].flatMap { Self.responses(octets, pieceLength, to: $0) }
    }
  }

  private static func requests(_ octets: [UInt8], _ pieceLength: Int) -> [String] {
    var parser = RequestParser(limits: limits)
    var found: [String] = []
    var contentLength = 0
    let failure = feed(octets, pieceLength) { input throws(ParseFailure) in
      while let event = try parser.next(&input) {
        switch event {
        case .head(let head):
          check(head.fields)
          // The parser adds `Host` where the target has the authority.
          precondition(head.fields.count <= limits.fieldCount + 1 && head.target.utf8.count <= limits.startLine)
          contentLength = 0
          found.append(
            "\(head.method) \(head.authority) \(head.target) \(head.framing) \(head.keepsAlive) \(head.fields)")
        case .body(let bytes):
          contentLength += bytes.count
          precondition(!bytes.isEmpty && contentLength <= limits.body)
          append(bytes, to: &found)
        case .end(let trailers):
          if let trailers { check(trailers) }
          found.append("end \(trailers.map { "\($0)" } ?? "-")")
        }
      }
    }
    return ended(found, by: failure)
  }

  private static func responses(_ octets: [UInt8], _ pieceLength: Int, to method: RequestMethod) -> [String] {
    var parser = ResponseParser(method: method, limits: limits)
    var found: [String] = []
    var contentLength = 0
    func note(_ event: ResponseEvent) {
      switch event {
      case .informational(let informational):
        precondition((100..<200).contains(informational.status))
        found.append("\(informational.status) \(informational.fields)")
      case .head(let head):
        check(head.fields)
        precondition((200...999).contains(head.status) && head.fields.count <= limits.fieldCount)
        if method == .head { precondition(head.framing == .none, "a response to HEAD has no content") }
        found.append("\(head.status) \(head.framing) \(head.keepsAlive) \(head.fields)")
      case .body(let bytes):
        contentLength += bytes.count
        precondition(!bytes.isEmpty && contentLength <= limits.body)
        append(bytes, to: &found)
      case .end(let trailers):
        found.append("end \(trailers.map { "\($0)" } ?? "-")")
      }
    }
    var failure = feed(octets, pieceLength) { input throws(ParseFailure) in
      while let event = try parser.next(&input) { note(event) }
    }
    if failure == nil {
      do throws(ParseFailure) {
        if let event = try parser.finish() { note(event) }
      } catch {
        failure = error
      }
    }
    return ended(found, by: failure)
  }

  /// The events before a failure: how much of a message that is refused had been passed on, and which of its faults is
  /// named, depends on how it arrives.
  private static func ended(_ found: [String], by failure: ParseFailure?) -> [String] {
    guard failure != nil else { return found + ["goes on"] }
    return (found.last?.hasPrefix("content ") == true ? found.dropLast() : found) + ["failed"]
  }

  /// Nothing that a parser lets through can end a line or a field where it is written again.
  private static func check(_ fields: HeaderFields) {
    for field in fields {
      precondition(!field.name.spelling.isEmpty)
      precondition(!field.value.utf8.contains { $0 == 0 || $0 == 0x0A || $0 == 0x0D })
    }
  }

  /// Adds content to what was found, in one piece however it arrived.
  private static func append(_ bytes: Bytes, to found: inout [String]) {
    let text = bytes.map { String($0, radix: 16) + " " }.joined()
    if found.last?.hasPrefix("content ") == true {
      found[found.count - 1] += text
    } else {
      found.append("content " + text)
    }
  }

  private static func feed(
    _ octets: [UInt8], _ pieceLength: Int, _ take: (inout UnsafeRawBufferPointer) throws(ParseFailure) -> Void
  ) -> ParseFailure? {
    octets.withUnsafeBytes { all in
      for start in stride(from: 0, to: all.count, by: pieceLength) {
        var input = UnsafeRawBufferPointer(rebasing: all[start..<min(all.count, start + pieceLength)])
        do throws(ParseFailure) {
          try take(&input)
        } catch {
          return error
        }
      }
      return nil
    }
  }
}

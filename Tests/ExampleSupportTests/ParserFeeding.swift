//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

@testable import ExampleSupport

/// The ways to cut an input for a parser.
enum Cutting: CaseIterable, CustomTestStringConvertible {
  case whole, byteByByte, randomly

  var testDescription: String { "\(self)" }

  /// The lengths of the pieces, for one or more runs.
  func cuts(_ count: Int) -> [[Int]] {
    switch self {
    case .whole: return [[count]]
    case .byteByByte: return [Array(repeating: 1, count: count)]
    case .randomly:
      var generator = SplitMix64(seed: UInt64(count) &* 31 &+ 7)
      return (0..<20).map { _ in
        var pieces: [Int] = []
        var left = count
        while left > 0 {
          let piece = min(left, Int.random(in: 1...max(1, count / 4 + 1), using: &generator))
          pieces.append(piece)
          left -= piece
        }
        return pieces
      }
    }
  }
}

/// What a request parser makes of `text`, as lines that can be compared.
func requestEvents(_ text: String, limits: MessageLimits, pieces: [Int]) -> [String] {
  var parser = RequestParser(limits: limits, defaultAuthority: "default")
  var log = EventLog()
  return feed(Array(text.utf8), pieces) { input throws(ParseFailure) in
    while let event = try parser.next(&input) {
      switch event {
      case .head(let head):
        log.add("\(head.method) \(head.authority)\(head.target) \(head.framing)\(head.keepsAlive ? "" : " close")")
        for field in head.fields { log.add("  \(field.name): \(field.value)") }
      case .body(let bytes): log.addContent(bytes)
      case .end(let trailers):
        log.add("end")
        for field in trailers ?? [:] { log.add("  \(field.name): \(field.value)") }
      }
    }
  } finish: { failure in
    if let failure { log.add("refused \(failure.status)") }
    return log.lines
  }
}

/// What a response parser makes of `text`, and of the connection's end when there is one.
func responseEvents(
  _ text: String, method: RequestMethod = .get, ends: Bool, limits: MessageLimits = MessageLimits(), pieces: [Int]
) -> [String] {
  var parser = ResponseParser(method: method, limits: limits)
  var log = EventLog()
  func note(_ event: ResponseEvent) {
    switch event {
    case .informational(let informational):
      log.add("\(informational.status)")
      for field in informational.fields { log.add("  \(field.name): \(field.value)") }
    case .head(let head):
      log.add("\(head.status) \(head.framing)\(head.keepsAlive ? "" : " close")")
      for field in head.fields { log.add("  \(field.name): \(field.value)") }
    case .body(let bytes): log.addContent(bytes)
    case .end(let trailers):
      log.add("end")
      for field in trailers ?? [:] { log.add("  \(field.name): \(field.value)") }
    }
  }
  return feed(Array(text.utf8), pieces) { input throws(ParseFailure) in
    while let event = try parser.next(&input) { note(event) }
  } finish: { failure in
    var failure = failure
    if failure == nil, ends {
      do throws(ParseFailure) {
        if let event = try parser.finish() { note(event) }
      } catch {
        failure = error
      }
    }
    if failure != nil { log.add("bad") }
    return log.lines
  }
}

/// Events as lines, content in one piece however it arrived.
private struct EventLog {
  var lines: [String] = []
  private var endsInContent = false

  mutating func add(_ line: String) {
    lines.append(line)
    endsInContent = false
  }

  mutating func addContent(_ bytes: Bytes) {
    // Octet by octet: a piece may end within a character.
    let text = String(String.UnicodeScalarView(bytes.map { UnicodeScalar($0) }))
    if endsInContent { lines[lines.count - 1] += text } else { lines.append("content " + text) }
    endsInContent = true
  }
}

private func feed(
  _ octets: [UInt8], _ pieces: [Int], _ take: (inout UnsafeRawBufferPointer) throws(ParseFailure) -> Void,
  finish: (ParseFailure?) -> [String]
) -> [String] {
  var failure: ParseFailure?
  octets.withUnsafeBytes { all in
    var offset = 0
    for piece in pieces where failure == nil {
      var input = UnsafeRawBufferPointer(rebasing: all[offset..<offset + piece])
      offset += piece
      do throws(ParseFailure) {
        try take(&input)
      } catch {
        failure = error
      }
    }
  }
  return finish(failure)
}

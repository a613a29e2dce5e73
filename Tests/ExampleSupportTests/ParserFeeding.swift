//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

@testable import ExampleSupport

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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import ExampleSupport

/// Heads that are, or nearly are, those of the request before: what the parser remembers must not show.
@Suite struct RepeatedHeadTests {
  static let messages = [
    "GET /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /b HTTP/1.1\r\nHost: h\r\n\r\n",
    "HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nAccept: */*\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: other\r\n\r\n",
    "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    "GET /a HTTP/1.0\r\nHost: h\r\n\r\n",
    "GET /a HTTP/1.0\r\n\r\n",
    "GET http://third/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n",
    "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
    "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nT: 1\r\n\r\n",
    "GET /\(String(repeating: "a", count: 3_000)) HTTP/1.1\r\nHost: h\r\nX: \(String(repeating: "x", count: 3_000))\r\n\r\n",
  ]

  @Test(arguments: Cutting.allCases)
  func `each request of a connection says what it would say alone`(_ cutting: Cutting) {
    func events(_ text: String, _ pieces: [Int]) -> [String] {
      requestEvents(text, limits: MessageLimits(), pieces: pieces)
    }
    let alone = Self.messages.map { events($0, [$0.utf8.count]) }
    for first in Self.messages.indices {
      for second in Self.messages.indices {
        let order = [first, second, second, first]
        let text = order.map { Self.messages[$0] }.joined()
        // A few of the many ways to cut it.
        for pieces in cutting.cuts(text.utf8.count).prefix(3) {
          #expect(events(text, pieces) == order.flatMap { alone[$0] })
        }
      }
    }
  }

  @Test func `a repeated head is a bad one where the first would have been`() {
    let bad = "GET /a HTTP/1.1\r\n\r\n"
    for message in Self.messages {
      let log = requestEvents(message + bad, limits: MessageLimits(), pieces: [(message + bad).utf8.count])
      #expect(log.last == "refused 400")
    }
  }

  @Test func `what is done to the fields of each request is done once to each`() throws {
    var parser = RequestParser(limits: MessageLimits()) { $0.fields.append("X-Mark", "1") }
    let text = Array((Self.messages[0] + Self.messages[1] + Self.messages[3] + Self.messages[3]).utf8)
    var repetitions: [Bool] = []
    try text.withUnsafeBytes { octets in
      var input = octets
      while let event = try parser.next(&input) {
        guard case .head(let head) = event else { continue }
        #expect(head.fields.values(of: "X-Mark") == ["1"])
        repetitions.append(head.isRepetition)
      }
    }
    #expect(repetitions == [false, true, false, true])
  }
}

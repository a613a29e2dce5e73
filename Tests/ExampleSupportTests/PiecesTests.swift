//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

@testable import ExampleSupport

@Suite struct PiecesTests {
  @Test(arguments: [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
    (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
    (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (-1, "Wed, 31 Dec 1969 23:59:59 GMT"),
  ])
  func `RFC 9110 §5.6.7: dates`(_ seconds: Int64, _ text: String) {
    #expect(DateLine.format(unixSeconds: seconds) == text)
    var line = DateLine()
    line.update(unixSeconds: seconds)
    #expect(line.bytes.count == DateLine.length)
  }

  @Test func `timers fire in order, however they are moved`() {
    var generator = SplitMix64(seed: 1)
    for _ in 0..<200 {
      var queue = TimerQueue()
      var timers = (0..<50).map { _ in LoopTimer {} }
      for _ in 0..<300 {
        let timer = timers[Int.random(in: 0..<timers.count, using: &generator)]
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: queue.remove(timer)
        case 1: queue.schedule(timer, at: .max)
        default: queue.schedule(timer, at: Int64.random(in: 1...1_000, using: &generator))
        }
      }
      var expected = timers.map(\.deadline).filter { $0 < .max }.sorted()
      var fired: [Int64] = []
      for now in stride(from: Int64(0), through: 1_000, by: 1) {
        while queue.popDue(now: now) != nil { fired.append(now) }
      }
      #expect(fired == expected)
      #expect(queue.count == 0)
      expected.removeAll()
      timers.removeAll()
    }
  }

  @Test(arguments: [
    ("example.com", true), ("EXAMPLE:80", true), ("[::1]", true), ("[2001:db8::1]:8080", true), ("a%20b", true),
    ("", false),
    (":80", false), ("a:b", false), ("a:", true), ("u@h", false), ("a b", false), ("[::1", false), ("[x]", false),
    ("a,b", false), ("a:65536", false), ("a/b", false),
  ])
  func `RFC 3986 §3.2: authorities`(_ text: String, _ isValid: Bool) {
    #expect(RequestTarget.isAuthority(text) == isValid)
  }

  @Test(arguments: [
    ("http://h", "h", 80, "h"), ("HTTP://h:8080/", "h", 8080, "h:8080"), ("http://[::1]:81", "::1", 81, "[::1]:81"),
  ])
  func `origin URLs`(_ text: String, _ host: String, _ port: Int, _ authority: String) throws {
    let origin = try OriginURL(text)
    #expect(origin == OriginURL(host: host, port: port))
    #expect(origin.authority == authority)
  }

  @Test(arguments: [
    "h", "ftp://h", "http://", "http://u:p@h", "http://h/p", "http://h:0", "http://h:99999", "http://h?q",
  ])
  func `what is no origin URL`(_ text: String) {
    #expect(throws: InvalidURLError.self) { try OriginURL(text) }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import Testing

@testable import ExampleSupport

@Suite struct RequestParserTests {
  static let limits = MessageLimits(startLine: 64, fieldSection: 128, fieldCount: 4, body: 32, chunkLine: 24)

  static let accepted: [RequestCase] = [
    RequestCase(
      "RFC 9112 §3: a plain request", "GET /a?b=c HTTP/1.1\r\nHost: h\r\n\r\n", "GET h/a?b=c none", "  Host: h", "end"),
    RequestCase(
      "RFC 9112 §2.2: an empty line ahead of a request is ignored", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET h/ none", "  Host: h", "end"),
    RequestCase(
      "CVE-2015-0219: names with underscores are dropped",
      "POST / HTTP/1.1\r\nHost: h\r\nX_Forwarded_For: 6\r\nContent_Length: 9\r\nTransfer_Encoding: chunked\r\n_: a\r\n\r\n",
      "POST h/ none", "  Host: h", "end"),
    RequestCase(
      "CVE-2015-0219: names with underscores are dropped from trailers",
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX_A: 1\r\nX-B: 2\r\n\r\n",
      "PUT h/ chunked", "  Host: h", "end", "  X-B: 2"),
    RequestCase(
      "RFC 9110 §8.6: a length with zeros ahead of it is written anew",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 005\r\n\r\nhello", "POST h/ length(5)", "  Host: h",
      "  Content-Length: 5", "content hello", "end"),
    RequestCase(
      "two requests in a row", "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n",
      "GET h/1 none", "  Host: h", "end", "GET h/2 none", "  Host: h", "end"),
    RequestCase(
      "RFC 9112 §6.2: content of a given length, and the request behind it",
      "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\nHost: h\r\n\r\n",
      "POST h/ length(5)", "  Host: h", "  Content-Length: 5", "content hello", "end", "GET h/ none", "  Host: h", "end"
    ),
    RequestCase(
      "Content-Length: 0", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", "POST h/ none", "  Host: h",
      "  Content-Length: 0", "end"),
    RequestCase(
      "RFC 9112 §7.1: chunks, with extensions and trailers",
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0A\r\n, big worl\r\n"
        + "1 ;x\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n",
      "PUT h/ chunked", "  Host: h", "content hello, big world", "end", "  X-Sum: 1"),
    RequestCase(
      "RFC 9112 §7: the name of the coding is compared without regard to case",
      "PUT / HTTP/1.1\r\nHost: h\r\nTRANSFER-ENCODING: Chunked\r\n\r\n0\r\n\r\n", "PUT h/ chunked", "  Host: h",
      "end"),
    RequestCase(
      "RFC 9110 §6.5.1: framing fields in a trailer section are dropped",
      "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\nX: y\r\n\r\n",
      "PUT h/ chunked", "  Host: h", "end", "  X: y"),
    RequestCase(
      "RFC 9112 §5.1: white space around a value is not part of it",
      "GET / HTTP/1.1\r\nHost:h\r\nA: \t b c \t\r\nB:\r\n\r\n", "GET h/ none", "  Host: h", "  A: b c", "  B: ", "end"),
    RequestCase(
      "RFC 9112 §3.2.2: an absolute target wins over Host, and replaces it",
      "GET http://other:81/p?q HTTP/1.1\r\nHost: h\r\n\r\n", "GET other:81/p?q none", "  Host: other:81", "end"),
    RequestCase(
      "an absolute target without a path", "GET HTTP://other HTTP/1.1\r\nHost: other\r\n\r\n", "GET other/ none",
      "  Host: other", "end"),
    RequestCase(
      "an absolute target with a query only", "GET http://other?q HTTP/1.1\r\nHost: other\r\n\r\n", "GET other/?q none",
      "  Host: other", "end"),
    RequestCase(
      "RFC 9112 §3.2.4: OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS h* none", "  Host: h", "end"),
    RequestCase(
      "Host with an IPv6 address", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET [::1]:80/ none", "  Host: [::1]:80",
      "end"),
    RequestCase(
      "RFC 9112 §9.3: Connection: close", "GET / HTTP/1.1\r\nHost: h\r\nConnection: a, Close\r\n\r\n",
      "GET h/ none close", "  Host: h", "end"),
    RequestCase("HTTP/1.0 closes, and needs no Host", "GET / HTTP/1.0\r\n\r\n", "GET default/ none close", "end"),
    RequestCase(
      "HTTP/1.0 with keep-alive", "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET default/ none",
      "end"),
    RequestCase(
      "RFC 9110 §2.5: a later minor version", "GET / HTTP/1.9\r\nHost: h\r\n\r\n", "GET h/ none", "  Host: h", "end"),
    RequestCase(
      "a method nobody knows", "B!REW / HTTP/1.1\r\nHost: h\r\n\r\n", "B!REW h/ none", "  Host: h", "end"),
  ]

  static let refused: [RequestCase] = [
    RequestCase("not HTTP at all", "\u{16}\u{3}\u{1}", refused: 400),
    RequestCase("empty lines without end", "\r\n\r\n\r\n", refused: 400),
    RequestCase("HTTP/0.9", "GET /\r\n", refused: 400),
    RequestCase("two spaces", "GET  / HTTP/1.1\r\n", refused: 400),
    RequestCase("white space in the target", "GET /a b HTTP/1.1\r\n", refused: 400),
    RequestCase("a tabulator for a space", "GET\t/ HTTP/1.1\r\n", refused: 400),
    RequestCase("a target that is not ASCII", "GET /ä HTTP/1.1\r\n", refused: 400),
    RequestCase("a fragment", "GET /a#b HTTP/1.1\r\n", refused: 400),
    RequestCase("a target that is neither path nor URI", "GET a HTTP/1.1\r\n", refused: 400),
    RequestCase("an https target on a connection without TLS", "GET https://h/ HTTP/1.1\r\n", refused: 400),
    RequestCase("user information in the target", "GET http://u@h/ HTTP/1.1\r\n", refused: 400),
    RequestCase("GET *", "GET * HTTP/1.1\r\n", refused: 400),
    RequestCase("CONNECT", "CONNECT h:1 HTTP/1.1\r\n", refused: 501),
    RequestCase("CONNECT to an address", "CONNECT [::1]:443 HTTP/1.1\r\n", refused: 501),
    RequestCase("CONNECT in another case", "Connect h:1 HTTP/1.1\r\n", refused: 501),
    RequestCase("RFC 9112 §3.2.3: CONNECT in origin-form", "CONNECT / HTTP/1.1\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2.3: CONNECT with a path", "CONNECT /h:1 HTTP/1.1\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2.3: CONNECT in absolute-form", "CONNECT http://h:1/ HTTP/1.1\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2.3: CONNECT without port", "CONNECT h HTTP/1.1\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2.3: CONNECT with a port that is none", "CONNECT h:99999 HTTP/1.1\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2.3: CONNECT with a user", "CONNECT u@h:1 HTTP/1.1\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2.3: CONNECT *", "CONNECT * HTTP/1.1\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2.3: connect in origin-form", "connect / HTTP/1.1\r\n", refused: 400),
    RequestCase("RFC 9112 §2.3: not HTTP's name", "GET / http/1.1\r\n", refused: 400),
    RequestCase("a version with two digits", "GET / HTTP/1.10\r\n", refused: 400),
    RequestCase("RFC 9110 §15.6.6: HTTP/2", "PRI * HTTP/2.0\r\n", refused: 505),
    RequestCase("RFC 9112 §2.2: a lone LF behind the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", refused: 400),
    RequestCase("RFC 9112 §2.2: a lone LF behind a field", "GET / HTTP/1.1\r\nHost: h\n\r\n", refused: 400),
    RequestCase("RFC 9112 §2.2: a lone CR in a field", "GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n", refused: 400),
    RequestCase("RFC 9110 §5.5: NUL", "GET / HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n", refused: 400),
    RequestCase("RFC 9112 §5.2: folding", "GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n", refused: 400),
    RequestCase("RFC 9112 §2.2: white space ahead of the first field", "GET / HTTP/1.1\r\n A: b\r\n\r\n", refused: 400),
    RequestCase("RFC 9112 §5.1: a space ahead of the colon", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", refused: 400),
    RequestCase("a field without colon", "GET / HTTP/1.1\r\nHost\r\n\r\n", refused: 400),
    RequestCase("a field without name", "GET / HTTP/1.1\r\n: h\r\n\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2: no Host", "GET / HTTP/1.1\r\n\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2: two Hosts", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2: an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", refused: 400),
    RequestCase("RFC 9112 §3.2: a Host with a path", "GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", refused: 400),
    RequestCase("a Host with a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", refused: 400),
    RequestCase("a Host with a port that is none", "GET / HTTP/1.1\r\nHost: h:99999\r\n\r\n", refused: 400),
    RequestCase(
      "RFC 9112 §6.3: two lengths", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      refused: 400),
    RequestCase(
      "RFC 9112 §6.3: a list of lengths", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1, 1\r\n\r\n", refused: 400),
    RequestCase("a length with a sign", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: +1\r\n\r\n", refused: 400),
    RequestCase("a length in hexadecimal", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0x1\r\n\r\n", refused: 400),
    RequestCase("an empty length", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length:\r\n\r\n", refused: 400),
    RequestCase(
      "a length beyond 64 bits", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
      refused: 400),
    RequestCase(
      "RFC 9112 §6.3: length and chunks",
      "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", refused: 400),
    RequestCase(
      "RFC 9112 §6.1: an unknown coding", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: x\r\n\r\n", refused: 501),
    RequestCase(
      "RFC 9112 §6.1: an unknown coding ahead of chunked",
      "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", refused: 501),
    RequestCase(
      "RFC 9112 §6.1: chunked twice", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
      refused: 400),
    RequestCase(
      "an empty coding", "GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\r\n\r\n", refused: 400),
    RequestCase(
      "RFC 9112 §6.1: chunks in HTTP/1.0", "GET / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
      refused: 400),
    RequestCase("a long request line", "GET /\(String(repeating: "a", count: 64)) HTTP/1.1\r\n", refused: 414),
    RequestCase("a long request line without end", "GET /\(String(repeating: "a", count: 64))", refused: 414),
    RequestCase(
      "a long header section", "GET / HTTP/1.1\r\nHost: h\r\nA: \(String(repeating: "a", count: 128))\r\n\r\n",
      refused: 431),
    RequestCase(
      "many fields", "GET / HTTP/1.1\r\nHost: h\r\n\(String(repeating: "A: b\r\n", count: 4))\r\n", refused: 431),
    RequestCase("content that is too long", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 33\r\n\r\n", refused: 413),
  ]

  static let chunked = "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

  static let badChunks: [(String, String, Int)] = [
    ("no number", "x\r\n", 400),
    ("an empty line for a size", "\r\n", 400),
    ("a negative size", "-1\r\n", 400),
    ("a size with 0x", "0x1\r\na\r\n", 400),
    ("a size beyond 64 bits", "FFFFFFFFFFFFFFFFF\r\n", 400),
    ("a lone LF behind the size", "1\na\r\n", 400),
    ("a lone LF behind the data", "1\r\na\n", 400),
    ("more data than announced", "1\r\nab\r\n", 400),
    ("something other than an extension", "1 x\r\na\r\n", 400),
    ("white space behind the size", "1 \r\na\r\n", 400),
    ("a control character in an extension", "1;\u{1}\r\na\r\n", 400),
    ("a long extension", "1;\(String(repeating: "a", count: 30))\r\n", 400),
    ("content beyond the limit", "11\r\n\(String(repeating: "a", count: 17))\r\n10\r\n", 413),
    ("a long trailer section", "0\r\nA: \(String(repeating: "a", count: 128))\r\n\r\n", 431),
    ("folding in the trailer section", "0\r\nA: a\r\n b\r\n\r\n", 400),
    ("a trailer field without colon", "0\r\nA\r\n\r\n", 400),
  ]

  @Test(arguments: accepted, Cutting.allCases)
  func `RFC 9112: what is well-formed gives the same events however it is cut`(
    _ example: RequestCase, _ cutting: Cutting
  ) {
    for pieces in cutting.cuts(example.input.utf8.count) {
      #expect(requestEvents(example.input, limits: Self.limits, pieces: pieces) == example.events)
    }
  }

  @Test(arguments: refused, Cutting.allCases)
  func `RFC 9112: what is malformed or too large is refused however it is cut`(
    _ example: RequestCase, _ cutting: Cutting
  ) {
    for pieces in cutting.cuts(example.input.utf8.count) {
      #expect(requestEvents(example.input, limits: Self.limits, pieces: pieces) == example.events)
    }
  }

  @Test(arguments: badChunks, Cutting.allCases)
  func `RFC 9112 §7.1: malformed chunks are refused`(_ example: (String, String, Int), _ cutting: Cutting) {
    let input = Self.chunked + example.1
    for pieces in cutting.cuts(input.utf8.count) {
      let events = requestEvents(input, limits: Self.limits, pieces: pieces)
      #expect(events.last == "refused \(example.2)", "\(example.0)")
      #expect(!events.contains("end"))
    }
  }

  @Test func `nothing at all crashes the parser`() {
    var generator = SplitMix64(seed: 42)
    let seeds = Self.accepted.map(\.input) + Self.badChunks.map { Self.chunked + $0.1 }
    for round in 0..<4_000 {
      var octets = Array(seeds[round % seeds.count].utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) where !octets.isEmpty {
        let position = Int.random(in: 0..<octets.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: octets[position] = UInt8.random(in: 0...255, using: &generator)
        case 1: octets.remove(at: position)
        default: octets.insert(octets[Int.random(in: 0..<octets.count, using: &generator)], at: position)
        }
      }
      let text = String(decoding: octets, as: UTF8.self)
      let whole = requestEvents(text, limits: Self.limits, pieces: [text.utf8.count])
      let single = requestEvents(text, limits: Self.limits, pieces: Array(repeating: 1, count: text.utf8.count))
      #expect(whole == single)
    }
  }
}

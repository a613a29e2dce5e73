//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import ExampleSupport

@Suite struct ResponseParserTests {
  static let cases: [ResponseCase] = [
    ResponseCase(
      name: "RFC 9112 §6.3: a length", input: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
      events: ["200 length(2)", "  Content-Length: 2", "content hi", "end"]),
    ResponseCase(
      name: "RFC 9112 §4: no reason phrase", input: "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
      events: ["200 length(0)", "  Content-Length: 0", "end"]),
    ResponseCase(
      name: "RFC 9112 §7.1: chunks and trailers",
      input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: y\r\n\r\n",
      events: ["200 chunked", "  Transfer-Encoding: chunked", "content hi", "end", "  X: y"]),
    ResponseCase(
      name: "RFC 9110 §6.5.1: fields that must not stand in a trailer section are dropped",
      input:
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nLocation: /\r\nX: y\r\nset-cookie: a\r\nVia: b\r\n\r\n",
      events: ["200 chunked", "  Transfer-Encoding: chunked", "end", "  X: y"]),
    ResponseCase(
      name: "RFC 9110 §8.6: a length with zeros ahead of it is written anew",
      input: "HTTP/1.1 200 OK\r\nContent-Length: 02\r\n\r\nhi",
      events: ["200 length(2)", "  Content-Length: 2", "content hi", "end"]),
    ResponseCase(
      name: "RFC 9110 §8.6: a list of equal lengths is written anew", method: .head,
      input: "HTTP/1.1 200 OK\r\nContent-Length: 2, 02 ,2\r\n\r\n",
      events: ["200 none close", "  Content-Length: 2", "end"]),
    ResponseCase(
      name: "RFC 9112 §5.1: white space behind a field's name is removed",
      input: "HTTP/1.1 200 OK\r\nA \t: b\r\nContent-Length : 2\r\n\r\nhi",
      events: ["200 length(2) close", "  A: b", "  Content-Length: 2", "content hi", "end"]),
    ResponseCase(
      name: "RFC 9112 §5.2: a folded line goes on behind a space",
      input: "HTTP/1.1 200 OK\r\nA: b\r\n\t  c \r\n  d\r\nB:\r\n e\r\nContent-Length: 2\r\n\r\nhi",
      events: ["200 length(2) close", "  A: b c d", "  B: e", "  Content-Length: 2", "content hi", "end"]),
    ResponseCase(
      name: "RFC 9112 §2.2: lines of the head that end in LF alone",
      input: "HTTP/1.1 200 OK\nA: b\r\nContent-Length: 2\n\nhi",
      events: ["200 length(2) close", "  A: b", "  Content-Length: 2", "content hi", "end"]),
    ResponseCase(
      name: "RFC 9112 §7: identity is no coding, with a length",
      input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: Identity\r\nContent-Length: 2\r\n\r\nhi",
      events: ["200 length(2) close", "  Content-Length: 2", "content hi", "end"]),
    ResponseCase(
      name: "RFC 9112 §7: identity is no coding, without a length",
      input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhi", ends: true,
      events: ["200 untilClose close", "content hi", "end"]),
    ResponseCase(
      name: "a name with underscores is the origin's affair", input: "HTTP/1.1 204 N\r\nX_A: 1\r\n\r\n",
      events: ["204 none", "  X_A: 1", "end"]),
    ResponseCase(
      name: "RFC 9110 §8.6: a length in 204", input: "HTTP/1.1 204 N\r\nContent-Length: 3\r\n\r\n",
      events: ["204 none close", "  Content-Length: 3", "end"]),
    ResponseCase(
      name: "RFC 9112 §6.3: up to the end of the connection", input: "HTTP/1.1 200 OK\r\n\r\nhi", ends: true,
      events: ["200 untilClose close", "content hi", "end"]),
    ResponseCase(
      name: "RFC 9112 §6.3: HEAD has no content", method: .head, input: "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
      events: ["200 none close", "  Content-Length: 9", "end"]),
    ResponseCase(
      name: "RFC 9112 §6.3: 204 has no content", input: "HTTP/1.1 204 No Content\r\n\r\n", events: ["204 none", "end"]),
    ResponseCase(
      name: "RFC 9112 §6.3: 304 has no content", input: "HTTP/1.1 304 Not Modified\r\nETag: 9\r\n\r\n",
      events: ["304 none", "  ETag: 9", "end"]),
    ResponseCase(
      name: "RFC 9112 §6.3: 304 has no content, but what is announced may come late",
      input: "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
      events: ["304 none close", "  Content-Length: 9", "end"]),
    ResponseCase(
      name: "RFC 9112 §6.3: 304 has no content, and none is announced",
      input: "HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n",
      events: ["304 none", "  Content-Length: 0", "end"]),
    ResponseCase(
      name: "RFC 9112 §6.3: 204 has no content, but what is announced may come late",
      input: "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
      events: ["204 none close", "  Transfer-Encoding: chunked", "end"]),
    ResponseCase(
      name: "RFC 9110 §15.2: interim responses",
      input: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
      events: ["103", "  Link: </a>", "102", "204 none", "end"]),
    ResponseCase(
      name: "RFC 9110 §8.6: the same length twice",
      input: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
      events: ["200 length(1)", "  Content-Length: 1", "content a", "end"]),
    ResponseCase(
      name: "RFC 9112 §6.3: chunks win over a length, which must go",
      input: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
      events: ["200 chunked close", "  Transfer-Encoding: chunked", "content hi", "end"]),
    ResponseCase(
      name: "HTTP/1.0 closes", input: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
      events: ["200 length(0) close", "  Content-Length: 0", "end"]),
    ResponseCase(
      name: "HTTP/1.0 with keep-alive", input: "HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: Keep-Alive\r\n\r\n",
      events: ["200 length(0)", "  Content-Length: 0", "  Connection: Keep-Alive", "end"]),
    ResponseCase(
      name: "RFC 9112 §8: truncated content", input: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", ends: true,
      events: ["200 length(3)", "  Content-Length: 3", "content hi", "bad"]),
    ResponseCase(
      name: "RFC 9112 §8: chunks without the last",
      input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
      ends: true, events: ["200 chunked", "  Transfer-Encoding: chunked", "content hi", "bad"]),
    ResponseCase(name: "nothing at all", input: "", ends: true, events: ["bad"]),
    ResponseCase(name: "half a head", input: "HTTP/1.1 200 OK\r\nA: b\r\n", ends: true, events: ["bad"]),
    ResponseCase(name: "not HTTP", input: "SSH-2.0-OpenSSH\r\n", events: ["bad"]),
    ResponseCase(name: "a status that is none", input: "HTTP/1.1 20 OK\r\n\r\n", events: ["bad"]),
    ResponseCase(name: "an unasked-for upgrade", input: "HTTP/1.1 101 S\r\n\r\n", events: ["bad"]),
    ResponseCase(
      name: "lengths that contradict", input: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      events: ["bad"]),
    ResponseCase(
      name: "an unknown coding", input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", events: ["bad"]),
    ResponseCase(
      name: "a folded line without a field before it", input: "HTTP/1.1 200 OK\r\n A: b\r\n\r\n", events: ["bad"]),
    ResponseCase(
      name: "a folded Content-Length", input: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 0\r\n\r\n", events: ["bad"]),
    ResponseCase(
      name: "a folded Transfer-Encoding", input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n chunked\r\n\r\n",
      events: ["bad"]),
    ResponseCase(
      name: "a folded Connection", input: "HTTP/1.1 200 OK\r\nConnection: a,\r\n close\r\n\r\n", events: ["bad"]),
    ResponseCase(
      name: "a control in a folded line", input: "HTTP/1.1 200 OK\r\nA: b\r\n c\0d\r\n\r\n", events: ["bad"]),
    ResponseCase(
      name: "folded lines without end",
      input: "HTTP/1.1 200 OK\r\nA: b\r\n" + String(repeating: " c\r\n", count: 200), events: ["bad"]),
    ResponseCase(
      name: "a lone CR", input: "HTTP/1.1 200 OK\r\nA: b\rContent-Length: 2\r\n\r\nhi", events: ["bad"]),
    ResponseCase(
      name: "white space ahead of a colon, but no name", input: "HTTP/1.1 200 OK\r\n : b\r\n\r\n", events: ["bad"]),
    ResponseCase(
      name: "two words ahead of a colon", input: "HTTP/1.1 200 OK\r\nA B: c\r\n\r\n", events: ["bad"]),
    ResponseCase(
      name: "identity beside chunked",
      input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
      events: ["bad"]),
    ResponseCase(
      name: "a length with a sign", input: "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi", events: ["bad"]),
    ResponseCase(
      name: "a list of different lengths", input: "HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nhi", events: ["bad"]),
    ResponseCase(
      name: "LF alone behind the size of a chunk",
      input: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n",
      events: ["200 chunked", "  Transfer-Encoding: chunked", "bad"]),
    ResponseCase(
      name: "interim responses without end", input: String(repeating: "HTTP/1.1 102 P\r\n\r\n", count: 40),
      events: Array(repeating: "102", count: 32) + ["bad"]),
  ]

  @Test(arguments: cases, Cutting.allCases)
  func `RFC 9112 §6: a response gives the same events however it is cut`(_ example: ResponseCase, _ cutting: Cutting) {
    for pieces in cutting.cuts(example.input.utf8.count) {
      #expect(
        responseEvents(example.input, method: example.method, ends: example.ends, pieces: pieces) == example.events)
    }
  }
}

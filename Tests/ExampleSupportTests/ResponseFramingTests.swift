//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import ExampleSupport

@Suite struct ResponseFramingTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    var method = RequestMethod.get
    var version = MinorVersion.one
    var status = 200
    var fields: HeaderFields = [:]
    /// nil for a stream of unknown length.
    var length: Int?
    let content: BodyFraming
    var added: Int?
    /// The names of the fields that are left.
    var left: [String] = []
    var keepsAlive = true
    var testDescription: String { name }
  }

  static let cases = [
    Case(name: "RFC 9112 §6.2: a known length is said", length: 5, content: .length(5), added: 5),
    Case(
      name: "a length that is right is left alone", fields: ["Content-Length": "5"], length: 5, content: .length(5),
      left: ["content-length"]),
    Case(
      name: "a length that is wrong is replaced", fields: ["Content-Length": "6"], length: 5, content: .length(5),
      added: 5),
    Case(
      name: "two lengths are replaced", fields: ["Content-Length": "5", "content-length": "5"], length: 5,
      content: .length(5), added: 5),
    Case(
      name: "a length that is none is replaced", fields: ["Content-Length": "x"], length: 0, content: .length(0),
      added: 0),
    Case(name: "RFC 9112 §7.1: an unknown length makes chunks", content: .chunked),
    Case(name: "RFC 9112 §6.3: HTTP/1.0 knows no chunks", version: .zero, content: .untilClose, keepsAlive: false),
    Case(
      name: "a stream whose fields say its length", fields: ["Content-Length": "5"], content: .length(5),
      left: ["content-length"]),
    Case(
      name: "RFC 9110 §9.3.2: HEAD keeps the length of what is not sent", method: .head,
      fields: ["Content-Length": "5"],
      length: 0, content: .none, left: ["content-length"]),
    Case(name: "HEAD says the length of content that there is", method: .head, length: 5, content: .none, added: 5),
    Case(name: "HEAD says nothing about what nobody knows", method: .head, length: 0, content: .none),
    Case(
      name: "RFC 9110 §15.4.5: 304 keeps the length of what is not sent", status: 304, fields: ["Content-Length": "5"],
      length: 0, content: .none, left: ["content-length"]),
    Case(
      name: "RFC 9110 §8.6: 204 has no length", status: 204, fields: ["Content-Length": "0"], length: 0, content: .none),
    Case(name: "204 has no content either", status: 204, length: 5, content: .none),
    Case(
      name: "RFC 9110 §7.6.1: the handler's hop-by-hop fields are the server's business",
      fields: ["Transfer-Encoding": "chunked", "Connection": "upgrade", "Keep-Alive": "x", "A": "b"], length: 5,
      content: .length(5), added: 5, left: ["a"]),
    Case(
      name: "a handler may end the connection", fields: ["Connection": "Close"], length: 0, content: .length(0),
      added: 0,
      keepsAlive: false),
  ]

  @Test(arguments: cases)
  func `RFC 9112 §6: how a response is framed`(_ example: Case) {
    let body = example.length.map { Body(Bytes(String(repeating: "x", count: $0))) } ?? Body(CountedStub())
    let response = CacheResponse(status: example.status, fields: example.fields, body: body)
    let framing = ResponseFraming(
      response, method: example.method, version: example.version, acceptsTrailers: false, keepsAlive: true)
    #expect(framing.content == example.content)
    #expect(framing.addedLength == example.added)
    #expect(framing.keepsAlive == example.keepsAlive)
    #expect(framing.fields(of: response).map(\.name.canonical) == example.left)
  }

  private final class CountedStub: BodySource {
    func next() async throws -> Bytes? { nil }
  }
}

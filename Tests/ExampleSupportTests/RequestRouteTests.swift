//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import ExampleSupport

/// What a peer that is a trusted proxy says, and what is taken from it.
@Suite struct RequestRouteTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let fields: HeaderFields
    let nodes: [String]
    var scheme: String?
    var authority: String?
    var testDescription: String { name }

    init(
      _ name: String, _ fields: [(HeaderName, String)], _ nodes: [String], _ scheme: String? = nil,
      _ authority: String? = nil
    ) {
      self.name = name
      var all = HeaderFields()
      for (name, value) in fields { all.append(name, value) }
      self.fields = all
      self.nodes = nodes
      self.scheme = scheme
      self.authority = authority
    }
  }

  static let peer = "10.0.0.1"
  static let for_: HeaderName = "X-Forwarded-For"
  static let cases: [Case] = [
    Case("nothing is said", [], [peer]),
    Case("one client", [(for_, "203.0.113.5")], ["203.0.113.5", peer]),
    Case("an IPv6 client, in brackets and with a port", [(for_, "[2001:db8::5]:4711")], ["2001:db8::5", peer]),
    Case("an IPv4 client with a port", [(for_, "203.0.113.5:4711")], ["203.0.113.5", peer]),
    Case("what a client claims about itself goes", [(for_, "6.6.6.6, 203.0.113.5")], ["203.0.113.5", peer]),
    Case("two fields are one list", [(for_, "6.6.6.6"), (for_, "203.0.113.5")], ["203.0.113.5", peer]),
    Case(
      "a trusted proxy behind a trusted proxy", [(for_, "203.0.113.5, 10.0.0.2")], ["203.0.113.5", "10.0.0.2", peer]),
    Case(
      "a claim to have come through a trusted proxy", [(for_, "6.6.6.6, 10.0.0.9, 203.0.113.5, 10.0.0.2")],
      ["203.0.113.5", "10.0.0.2", peer]),
    Case("all are trusted: the first is the client", [(for_, "10.0.0.3, 10.0.0.2")], ["10.0.0.3", "10.0.0.2", peer]),
    Case("no address ends the list", [(for_, "6.6.6.6, nonsense, 10.0.0.2")], ["10.0.0.2", peer]),
    Case("no address at all", [(for_, "unknown")], [peer]),
    Case("obfuscated", [(for_, "_hidden")], [peer]),
    Case("an empty list", [(for_, ""), (for_, ", ,")], [peer]),
    Case("the scheme", [(for_, "203.0.113.5"), ("X-Forwarded-Proto", "HTTPS")], ["203.0.113.5", peer], "https"),
    Case("no scheme that HTTP has", [("X-Forwarded-Proto", "javascript")], [peer]),
    Case("the host", [("X-Forwarded-Host", "Example.org:8443")], [peer], nil, "Example.org:8443"),
    Case("no host", [("X-Forwarded-Host", "evil.example/path")], [peer]),
    Case("user information", [("X-Forwarded-Host", "u@evil.example")], [peer]),
    Case(
      "a list of hosts: the one that was added with the client's address",
      [(for_, "203.0.113.5, 10.0.0.2"), ("X-Forwarded-Host", "forged.example, example.org, inner")],
      ["203.0.113.5", "10.0.0.2", peer], nil, "example.org"),
    Case(
      "a host that was set by the first proxy", [(for_, "203.0.113.5, 10.0.0.2"), ("X-Forwarded-Host", "example.org")],
      ["203.0.113.5", "10.0.0.2", peer], nil, "example.org"),
    Case(
      "the port", [("X-Forwarded-Host", "example.org"), ("X-Forwarded-Port", "8443"), ("X-Forwarded-Proto", "https")],
      [peer], "https", "example.org:8443"),
    Case(
      "the scheme's own port",
      [("X-Forwarded-Host", "example.org"), ("X-Forwarded-Port", "443"), ("X-Forwarded-Proto", "https")], [peer],
      "https",
      "example.org"),
    Case(
      "no port", [("X-Forwarded-Host", "example.org"), ("X-Forwarded-Port", "+80x")], [peer], nil, "example.org"),
    Case(
      "RFC 7239 §4: Forwarded",
      [("Forwarded", "for=203.0.113.5;proto=https;host=example.org, For=\"[2001:db8::9]:1\";by=x")],
      ["2001:db8::9", peer]),
    Case(
      "RFC 7239: the element of the nearest trusted proxy to the client says scheme and host",
      [
        (
          "Forwarded",
          "for=6.6.6.6;host=forged, for=203.0.113.5;Proto=https;host=\"example.org:8443\", for=10.0.0.2;host=in"
        )
      ],
      ["203.0.113.5", "10.0.0.2", peer], "https", "example.org:8443"),
    Case("RFC 7239 §6: no address", [("Forwarded", "for=unknown, for=_a")], [peer]),
    Case("RFC 7239 §4: a parameter twice", [("Forwarded", "for=203.0.113.5;for=6.6.6.6")], [peer]),
    Case("RFC 7239: a quote without end", [("Forwarded", "for=\"203.0.113.5")], [peer]),
    Case(
      "X-Forwarded-For wins over Forwarded",
      [("Forwarded", "for=6.6.6.6;proto=https;host=evil"), (for_, "203.0.113.5")],
      ["203.0.113.5", peer]),
    Case("X-Real-IP, if there is nothing else", [("X-Real-IP", "203.0.113.5")], ["203.0.113.5", peer]),
    Case(
      "X-Forwarded-For wins over X-Real-IP", [("X-Real-IP", "6.6.6.6"), (for_, "203.0.113.5")], ["203.0.113.5", peer]),
    Case("X-Real-IP is no list", [("X-Real-IP", "6.6.6.6, 203.0.113.5")], [peer]),
  ]

  @Test(arguments: cases)
  func `the client is the right-most who is not trusted`(_ example: Case) throws {
    let route = RequestRoute(peer: Self.peer, fields: example.fields, trusting: try TrustedProxies("10.0.0.0/24"))
    #expect(route.nodes == example.nodes)
    #expect(route.scheme == example.scheme)
    #expect(route.authority == example.authority)
  }

  @Test func `a trusted peer without an address leaves the others`() throws {
    let trusted = try TrustedProxies("unix")
    #expect(RequestRoute(peer: "unknown", fields: [:], trusting: trusted).nodes == ["unknown"])
    #expect(
      RequestRoute(peer: "unknown", fields: ["X-Forwarded-For": "203.0.113.5"], trusting: trusted).nodes
        == ["203.0.113.5"])
  }
}

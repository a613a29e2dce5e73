//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@testable import ExampleSupport

@Suite struct AddressTests {
  @Test(
    arguments: [
      ("192.0.2.1", "192.0.2.1"), ("::1", "::1"), ("2001:DB8:0::1", "2001:db8::1"), ("::ffff:192.0.2.1", "192.0.2.1"),
      ("::ffff:c000:201", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("::", "::"),
      ("127.1", nil), ("01.2.3.4", nil), ("1.2.3", nil), ("1.2.3.4.5", nil), ("256.1.1.1", nil), ("0x7f.0.0.1", nil),
      ("[::1]", nil), ("::1%lo", nil), ("fe80::1%1", nil), ("1.2.3.4:80", nil), (" 1.2.3.4", nil), ("", nil),
      ("localhost", nil),
      ("1.2.3.4\0", nil), ("１.2.3.4", nil), (":::1", nil), ("1::2::3", nil),
    ] as [(String, String?)])
  func `an address is read as it is usually written, and no other way`(_ text: String, _ expected: String?) {
    #expect(IPAddress(text)?.description == expected)
  }

  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"), ("::1", "::"),
    ("::ffff:10.1.2.3", "10.1.2.3"),
  ])
  func `one client has one address of IPv4 or 64 bits of IPv6`(_ text: String, _ network: String) {
    #expect(IPAddress(text)?.clientNetwork.description == network)
  }

  @Test(arguments: [
    ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::ffff:10.0.0.1", true),
    ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false), ("192.0.2.6/31", "192.0.2.7", true),
    ("192.0.2.7/32", "192.0.2.6", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "::1", false),
    ("::/0", "2001:db8::1", true), ("::/0", "10.0.0.1", false), ("2001:db8::/32", "2001:db8:ffff::1", true),
    ("2001:db8::/32", "2001:db9::1", false), ("2001:db8::/65", "2001:db8::7fff:0:0:1", true),
    ("2001:db8::/65", "2001:db8::8000:0:0:1", false), ("fe80::/10", "febf::1", true),
    ("::ffff:0:0/96", "10.0.0.1", true),
    ("::1", "::1", true), ("::1", "127.0.0.1", false),
  ])
  func `a range has the addresses that begin as it does`(_ range: String, _ address: String, _ expected: Bool) throws {
    #expect(try AddressRange(range).contains(try #require(IPAddress(address))) == expected)
  }

  @Test(arguments: [
    "", ",", "loopback,", ",loopback", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.0/", "/8",
    "10.0.0.0/8/8", "10.0.0.1/8", "::/129", "2001:db8::1/64", "10/8", "10.0.0/8", "all", "Loopback", "loopback unix",
    "localhost", "127.0.0.1:80", "[::1]", "10.0.0.0/ 8", "10.0.0.0/8, 127.0.0.1", "10.0.0.0/99999999999999999999",
    "10.0.0.0/٨",
  ])
  func `a list of trusted proxies with a mistake in it is refused, and the mistake named`(_ text: String) {
    #expect(throws: InvalidAddressError.self) { try TrustedProxies(text) }
    #expect(throws: CommandLineError.self) {
      try OptionKind<TrustedProxies>.trustedProxies.parse(text, "trusted-proxies")
    }
  }

  @Test(arguments: [
    ("loopback", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"], ["10.0.0.1", "::2", "unknown"]),
    ("unix", ["unknown"], ["127.0.0.1", "::1"]),
    ("10.0.0.0/8,2001:db8::1,unix", ["10.1.1.1", "2001:db8::1", "unknown"], ["2001:db8::2", "11.0.0.1"]),
  ])
  func `a list of trusted proxies`(_ text: String, _ trusted: [String], _ others: [String]) throws {
    let proxies = try TrustedProxies(text)
    #expect(trusted.allSatisfy { proxies.contains(peer: $0) })
    #expect(!others.contains { proxies.contains(peer: $0) })
    #expect(TrustedProxies.none.isEmpty && !proxies.isEmpty)
    #expect(proxies.description == text)
  }

  @Test(
    arguments: [
      (["192.0.2.1"], "192.0.2.1"), (["192.0.2.1, 10.0.0.1"], "192.0.2.1"),
      (["2001:db8::1", "10.0.0.1"], "2001:db8::1"),
      (["unknown"], nil), ([], nil), (["", "10.0.0.1"], nil),
    ] as [([String], String?)])
  func `the client of a request is the first in X-Forwarded-For`(_ values: [String], _ expected: String?) {
    var request = CacheRequest()
    for value in values { request.fields.append("X-Forwarded-For", value) }
    #expect(request.clientAddress?.description == expected)
  }
}

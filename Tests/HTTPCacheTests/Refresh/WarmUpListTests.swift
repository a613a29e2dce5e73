//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct WarmUpListTests {
  @Test func `a list comes back as it was written, without credentials and conditions`() {
    let requests = [
      CacheRequest(scheme: "https", authority: "example.com", target: "/a?b=c&d"),
      CacheRequest(
        authority: "example.com:8080", target: "/ä",
        fields: [
          "Accept-Language": "de", "Authorization": "Basic x", "Cookie": "a=b", "If-None-Match": "\"x\"",
          "X-Tenant": "t: 1",
        ]),
      CacheRequest(method: .post, authority: "example.com", target: "/not"),
    ]
    let list = WarmUpList(parsing: WarmUpList(requests).text)
    #expect(list.requests.map(\.description) == ["GET https://example.com/a?b=c&d", "GET http://example.com:8080/ä"])
    #expect(list.requests[1].fields.map { "\($0.name): \($0.value)" } == ["Accept-Language: de", "X-Tenant: t: 1"])
  }

  @Test(arguments: ["", "# a comment", "nonsense", "://", "http://", "http:///x", "1http://a/", "\t\t", "http//a/b"])
  func `lines that say nothing sensible are left out`(line: String) {
    #expect(WarmUpList(parsing: line + "\nhttp://a/b\r\n").requests.map(\.target) == ["/b"])
  }

  @Test func `a URL without a path asks for the root`() {
    #expect(WarmUpList(parsing: "http://example.com").requests.map(\.target) == ["/"])
  }
}

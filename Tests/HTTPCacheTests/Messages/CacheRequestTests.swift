//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import Testing

@Suite struct CacheRequestTests {
  @Test(
    arguments: [
      ("http", "Example.COM", "example.com"), ("http", "example.com:80", "example.com"),
      ("https", "example.com:443", "example.com"), ("https", "example.com:80", "example.com:80"),
      ("HTTP", "example.com:8080", "example.com:8080"), ("http", "[::1]:80", "[::1]"),
    ])
  func `the authority is normalised (RFC 3986 §6.2)`(scheme: String, given: String, normalised: String) {
    #expect(CacheRequest(scheme: scheme, authority: given).authority == normalised)
    var request = CacheRequest(scheme: scheme)
    request.authority = given
    #expect(request.authority == normalised)
  }

  @Test(
    arguments: [
      ("/", "/", nil), ("/a?b=c", "/a", "b=c"), ("/a?", "/a", ""), ("/a?b?c", "/a", "b?c"), ("", "/", nil),
    ] as [(String, String, String?)])
  func `path and query`(target: String, path: String, query: String?) {
    let request = CacheRequest(target: target)
    #expect(request.path == path)
    #expect(request.query.map(String.init) == query)
  }

  @Test func `an unknown method counts as unsafe (RFC 9110 §9.2.1)`() {
    #expect(RequestMethod.get.isSafe && RequestMethod.options.isSafe)
    #expect(
      !RequestMethod.post.isSafe && !RequestMethod(rawValue: "FROB").isSafe && !RequestMethod(rawValue: "get").isSafe)
  }
}

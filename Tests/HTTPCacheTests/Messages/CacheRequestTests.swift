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
      ("http", "h:", "h"), ("https", "h:", "h"), ("HTTP", "H:", "h"), ("http", "[::1]:", "[::1]"),
      ("https", "[2001:DB8::1]:", "[2001:db8::1]"), ("https", "[::1]:443", "[::1]"), ("https", "[::1]:80", "[::1]:80"),
      ("http", "[::80]", "[::80]"), ("http", "[::80]:80", "[::80]"), ("http", "[::]:8080", "[::]:8080"),
      ("http", "h:0080", "h"), ("http", "h:08080", "h:8080"), ("https", "h:0443", "h"), ("http", "h:0", "h:0"),
      ("http", "h:00", "h:0"), ("http", "h:443", "h:443"), ("http", "h:8", "h:8"), ("http", "h:800", "h:800"),
      ("ftp", "h:", "h"), ("ftp", "h:80", "h:80"), ("http", "127.0.0.1:", "127.0.0.1"), ("http", "h80", "h80"),
      ("http", ":80", ":80"), ("http", ":", ":"), ("http", "", ""), ("http", "a:b:80", "a:b:80"),
      ("http", "h::", "h::"),
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

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

/// Routes by prefix and path, which are compared octet by octet.
@Suite struct RouteMatchTests {
  @Test(arguments: [
    ("/api/", "/api/users?page=2", true), ("/api/", "/api/", true), ("/api/", "/api", false), ("/api/", "/", false),
    ("/", "/anything", true), ("", "/anything", true), ("/a?b", "/a?b=1", true), ("/API/", "/api/x", false),
    ("/e\u{301}", "/\u{e9}", false),
  ])
  func `a prefix is that of path and query`(prefix: String, target: String, isMatch: Bool) {
    #expect(RouteMatch.prefix(prefix).matches(CacheRequest(target: target)) == isMatch)
  }

  @Test func `a path with a query matches nothing`() throws {
    let resolved = try ResolvedRouter(
      PolicyRouter(default: CachePolicy(), routes: [.path("/a?x", nil)]), clock: .system)
    #expect(resolved.policy(for: CacheRequest(target: "/a?x")) != nil)
  }

  @Test(arguments: [
    ("/a", "/a", true), ("/a", "/a?x=1", true), ("/a", "/a?", true), ("/a", "/ab", false), ("/a", "/a/", false),
    ("/a", "/", false), ("/a/b", "/a/b?c=/d", true), ("", "/", false),
  ])
  func `a path is the whole path, with any query`(path: String, target: String, isMatch: Bool) {
    #expect(RouteMatch.path(path).matches(CacheRequest(target: target)) == isMatch)
    #expect((CacheRequest(target: target).path == path) == isMatch)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// What is collected for a response is let go of when the response has ended: each miss makes some.
@Suite(.timeLimit(.minutes(5))) struct TagScopeLifetimeTests {
  private final class Weak: Sendable {
    private let find: @Sendable () -> TagScope?

    init(_ scope: TagScope?) {
      find = { [weak scope] in scope }
    }

    var scope: TagScope? { find() }
  }

  @Test(arguments: ["max-age=60", "private", "max-age=60, no-store"], [200, 404, 500])
  func `of a response that is stored, refused or a failure`(cacheControl: String, status: Int) async throws {
    let fixture = try Fixture()
    let seen = Locked(Weak(nil))
    let service = CountingOrigin { _, _ in
      CacheTags.add("a")
      CacheTags.invalidate("b")
      let weak = Weak(TagScope.current)
      seen.withLock { $0 = weak }
      return CacheResponse(status: status, fields: ["Cache-Control": cacheControl], body: "x")
    }.layer(fixture.cache)
    for method in [RequestMethod.get, .head, .post] {
      _ = try await service.call(CacheRequest(method: method, authority: "example.com", target: "/")).text()
      await eventually { seen.withLock { $0 }.scope == nil }
    }
    #expect(TagScope.ambient == nil)
  }
}

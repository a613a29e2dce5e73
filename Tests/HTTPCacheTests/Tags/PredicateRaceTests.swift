//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// An invalidation by predicate looks at entries while others do.
@Suite(.timeLimit(.minutes(5))) struct PredicateRaceTests {
  @Test func `an entry that a lookup makes stale at that moment is forgotten all the same`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: .seconds(60), staleWhileRevalidate: .seconds(60)))
    let service = CountingOrigin { _, _ in
      CacheTags.add("a")
      return CacheResponse(body: "x")
    }.layer(fixture.cache)
    _ = try await service.call(.get("/"))
    await fixture.cache.invalidate(tag: "a", mode: .soft)
    let backend = fixture.backend
    let clock = fixture.clock
    await fixture.cache.invalidate(
      CacheInvalidation(
        .matching { key, _ in
          // As if another request came between the look at the entries and the removal.
          if case .found = backend.peek(key, at: clock.now) { return true }
          return false
        }))
    #expect(backend.statistics.entryCount == 0)
    #expect(try await service.call(.get("/")).outcome == .miss(.absent))
  }
}

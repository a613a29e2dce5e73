//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Invalidations of which the store could not be told.
@Suite(.timeLimit(.minutes(5))) struct InvalidationFailureTests {
  private struct Broken: CacheBackend {
    func lookup(_ key: CacheKey) async throws -> CacheLookup { throw OriginError() }
    func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult { throw OriginError() }
    func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt { throw OriginError() }
  }

  @Test func `a store that could not be told is reported, and nobody shares what cannot be compared`() async throws {
    let events = EventRecorder()
    let clock = ManualClock()
    let cache = try CacheLayer(backend: Broken(), observers: [events], clock: CacheClock(clock))
    let origin = ScriptedService()
    let service = origin.layer(cache)
    async let first = service.call(.get("/p/1"))
    let call = await origin.nextCall()
    async let second = service.call(.get("/p/1"))
    await cache.waitForWaiters(2)
    let receipt = await cache.invalidate(tag: "x")
    #expect(receipt == InvalidationReceipt(flightCount: 1, isComplete: false))
    async let late = service.call(.get("/p/1"))
    await origin.nextCall().respond(InvalidationTests.response("new"))
    #expect(try await late.text() == "new")
    call.respond(InvalidationTests.response("old"))
    #expect(try await first.text() == "old")
    #expect(try await second.text() == "old")
  }

  @Test func `after an invalidation by tag that a store could not be told, nobody joins a call from before`()
    async throws
  {
    let backend = FaultyBackend(try SharedStore())
    let cache = try CacheLayer(backend: backend)
    let origin = ScriptedService()
    let service = origin.layer(cache)
    async let first = service.call(.get("/p/1"))
    let call = await origin.nextCall()
    backend.always(.invalidate, .error(OriginError()))
    // The stamp that the store gives afterwards is the same as before.
    #expect(await cache.invalidate(tag: "x") == InvalidationReceipt(flightCount: 1, isComplete: false))
    async let late = service.call(.get("/p/1"))
    await origin.nextCall().respond(InvalidationTests.response("new"))
    #expect(try await late.text() == "new")
    call.respond(InvalidationTests.response("old"))
    #expect(try await first.text() == "old")
    #expect(try await service.call(.get("/p/1")).text() == "new")
  }
}

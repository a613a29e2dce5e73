//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// A cache and its stores read one clock, which is given once.
@Suite struct OneClockTests {
  private struct Fixed: TimeSource {
    var now: CacheInstant { CacheInstant(nanoseconds: 0) }
    var unixTime: UnixTime { UnixTime(seconds: 0) }
    func sleep(until deadline: CacheInstant) async throws {}
  }

  @Test func `a cache takes over its backend's clock`() async throws {
    let clock = ManualClock()
    let cache = try CacheLayer(
      backend: InMemoryBackend(clock: CacheClock(clock)), policy: CachePolicy(timeToLive: .seconds(60)))
    let service = Handler { _ in CacheResponse(body: "x") }.layer(cache)
    _ = try await service.call(CacheRequest(target: "/"))
    clock.advance(by: .seconds(59))
    #expect(try await service.call(CacheRequest(target: "/")).outcome == .hit)
    clock.advance(by: .seconds(1))
    #expect(try await service.call(CacheRequest(target: "/")).outcome != .hit)
  }

  @Test func `a cache that is given another clock than its backend is refused`() throws {
    let clock = CacheClock(ManualClock())
    let other = CacheClock(ManualClock())
    for (backend, layer) in [(clock, other), (.system, clock), (clock, .system)] {
      let error = #expect(throws: CacheConfigurationError.self) {
        try CacheLayer(backend: InMemoryBackend(clock: backend), clock: layer)
      }
      #expect("\(try #require(error))".contains("different clocks"))
    }
    _ = try CacheLayer(backend: InMemoryBackend(clock: clock), clock: clock)
  }

  @Test func `the same source in two clocks is one clock`() throws {
    let source = ManualClock()
    _ = try CacheLayer(backend: InMemoryBackend(clock: CacheClock(source)), clock: CacheClock(source))
    _ = try CacheLayer(backend: InMemoryBackend(clock: CacheClock(Fixed())), clock: CacheClock(Fixed()))
  }

  @Test func `tiers take over the clock of their stores, and refuse two`() throws {
    let clock = CacheClock(ManualClock())
    let tiers = try MultiTierBackend(near: InMemoryBackend(clock: clock), far: InMemoryBackend(clock: clock))
    #expect(tiers.configuration.clock.isSame(as: clock))
    #expect(throws: CacheConfigurationError.self) {
      try MultiTierBackend(near: InMemoryBackend(clock: clock), far: InMemoryBackend())
    }
    #expect(throws: CacheConfigurationError.self) {
      try MultiTierBackend(
        near: InMemoryBackend(), far: InMemoryBackend(), configuration: TierConfiguration(clock: clock))
    }
    #expect(throws: CacheConfigurationError.self) { try CacheLayer(backend: tiers, clock: .system) }
    _ = try CacheLayer(backend: tiers)
  }
}

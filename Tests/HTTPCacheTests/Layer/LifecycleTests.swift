//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// `run()` and `shutdown()`, as a server uses them.
@Suite(.timeLimit(.minutes(5))) struct LifecycleTests {
  private func cache(_ clock: ManualClock = ManualClock()) throws -> CacheLayer {
    try CacheLayer(
      backend: InMemoryBackend(configuration: .init(clock: CacheClock(clock))),
      policy: CachePolicy(timeToLive: .seconds(60)),
      autoRefresh: AutoRefreshPolicy(minimumRequestsPerMinute: 1, window: .seconds(20)), clock: CacheClock(clock))
  }

  /// Moves the clock on, never ahead of the schedule: the sweeper of the store and the schedule sleep by it.
  private func untilRefreshed(_ clock: ManualClock, _ isRefreshed: @Sendable () -> Bool) async {
    while !isRefreshed(), !Task.isCancelled {
      await eventually { clock.sleeperCount >= 2 || isRefreshed() }
      if !isRefreshed() { clock.advance(by: .seconds(1)) }
    }
  }

  @Test(arguments: [1, 2, 10])
  func `shutdown ends every run`(count: Int) async throws {
    let cache = try cache()
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<count { group.addTask { await cache.run() } }
      group.addTask { cache.shutdown() }
      await group.waitForAll()
    }
    // After it, too, and as often as one likes.
    cache.shutdown()
    await cache.run()
  }

  @Test func `shutdown before run ends it at once, and requests are still answered`() async throws {
    let cache = try cache()
    cache.shutdown()
    await cache.run()
    let service = Handler { _ in CacheResponse(body: "x") }.layer(cache)
    #expect(try await service.call(CacheRequest(target: "/")).outcome == .miss(.absent))
    #expect(try await service.call(CacheRequest(target: "/")).outcome == .hit)
  }

  @Test func `cancelling ends a run as well`() async throws {
    let cache = try cache()
    let run = Task { await cache.run() }
    run.cancel()
    await run.value
  }

  /// A refresh whose handler never answers.
  @Test func `a refresh that never ends holds up no shutdown`() async throws {
    let clock = ManualClock()
    let cache = try cache(clock)
    let gate = TestGate()
    gate.close()
    let calls = Locked(0)
    let service = Handler { _ in
      let isFirst = calls.withLock { calls in
        calls += 1
        return calls == 1
      }
      if !isFirst { await gate.pass() }
      return CacheResponse(body: "x")
    }.layer(cache)
    for _ in 0..<20 { _ = try await service.call(CacheRequest(target: "/")) }
    let run = Task { await cache.run() }
    await untilRefreshed(clock) { calls.withLock { $0 } > 1 }
    cache.shutdown()
    let hasEnded = Locked(false)
    let watch = Task {
      await run.value
      hasEnded.withLock { $0 = true }
    }
    await advance(clock, by: .seconds(1)) { hasEnded.withLock { $0 } }
    await watch.value
    gate.open()
  }

  @Test func `a refresh that is under way is waited for`() async throws {
    let clock = ManualClock()
    let cache = try cache(clock)
    let gate = TestGate()
    gate.close()
    let calls = Locked(0)
    let service = Handler { _ in
      let number = calls.withLock { calls in
        calls += 1
        return calls
      }
      if number > 1 { await gate.pass() }
      return CacheResponse(body: Body("\(number)"))
    }.layer(cache)
    for _ in 0..<20 { _ = try await service.call(CacheRequest(target: "/")) }
    await untilRefreshed(clock) { calls.withLock { $0 } > 1 }
    let run = Task { await cache.run() }
    cache.shutdown()
    gate.open()
    await run.value
    let response = try await service.call(CacheRequest(target: "/"))
    #expect(response.outcome == .hit)
    #expect(response.body.bytes == "2")
  }

  @Test func `what is due at the moment of the shutdown is either waited for or not begun`() async throws {
    for round in 0..<100 {
      let clock = ManualClock()
      let cache = try cache(clock)
      let service = Handler { _ in CacheResponse(body: "x") }.layer(cache)
      for _ in 0..<3 {
        for number in 0..<8 { _ = try await service.call(CacheRequest(target: "/\(number)")) }
      }
      await clock.waitForSleepers(2)
      let moment = Task { clock.advance(by: .seconds(41)) }
      for _ in 0..<round % 10 { await Task.yield() }
      cache.shutdown()
      await cache.run()
      #expect(cache.refresher?.load.running == 0)
      await moment.value
    }
  }

  // MARK: Tiers

  @Test(arguments: [false, true], [1, 3])
  func `shutdown of tiers ends every run, and writes what waits`(hasBackplane: Bool, runs: Int) async throws {
    let fixture = try TierFixture(
      TierConfiguration(writing: .back), backplane: hasBackplane ? InProcessBackplane.Hub().makeNode() : nil)
    fixture.far.always(.store, .error(CacheError(.unavailable, "down")))
    for number in 0..<10 { try await fixture.put(fixture.entry("/\(number)")) }
    let tasks = (0..<runs).map { _ in Task { await fixture.tiers.run() } }
    let end: @Sendable () -> Void = { fixture.tiers.shutdown() }
    end()
    end()
    fixture.far.heal()
    let hasEnded = Locked(0)
    for task in tasks {
      Task {
        await task.value
        hasEnded.withLock { $0 += 1 }
      }
    }
    await fixture.advance { hasEnded.withLock { $0 } == runs }
    #expect(fixture.tiers.waitingWriteCount == 0)
    for number in 0..<10 { #expect(try await fixture.store.lookup(TierFixture.key("/\(number)")).entry != nil) }
    await fixture.tiers.run()
  }

  @Test func `a far tier that stays down holds up no shutdown`() async throws {
    let fixture = try TierFixture(TierConfiguration(writing: .back))
    fixture.far.always(.error(CacheError(.unavailable, "down")))
    try await fixture.put(fixture.entry("/a"), in: fixture.tiers)
    let run = Task { await fixture.tiers.run() }
    let hasEnded = Locked(false)
    Task {
      await run.value
      hasEnded.withLock { $0 = true }
    }
    fixture.tiers.shutdown() as Void
    await fixture.advance { hasEnded.withLock { $0 } }
    await run.value
  }
}

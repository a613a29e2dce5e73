//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite(.timeLimit(.minutes(5))) struct WarmUpTests {
  @Test func `what is on the list is stored afterwards, and progress is told`() async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin { request, _ in
      if request.target == "/throws" { throw OriginError() }
      return CacheResponse(status: request.target == "/broken" ? 500 : 200, body: Body(request.target))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/stored"))
    let seen = Locked([Int]())
    let requests = ["/a", "/b", "/stored", "/broken", "/throws"].map { CacheRequest.get($0) }
    let done = Task {
      await fixture.cache.warmUp(requests, next: origin, maximumConcurrency: 1, perSecond: 1) { progress in
        seen.withLock { $0.append(progress.finished) }
      }
    }
    for second in 1..<5 {
      await eventually { fixture.clock.sleeperCount >= 2 }
      #expect(origin.count.value <= second + 1)
      fixture.advance(1)
    }
    let progress = await done.value
    #expect(progress.total == 5 && progress.finished == 5 && progress.failed == 2 && progress.alreadyStored == 1)
    #expect(seen.withLock { $0 } == [1, 2, 3, 4, 5])
    for target in ["/a", "/b"] { #expect(try await service.call(.get(target)).outcome == .hit) }
  }

  @Test func `so many at a time, and it ends when it is cancelled`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let requests = (0..<100).map { CacheRequest.get("/\($0)") }
    let done = Task {
      await fixture.cache.warmUp(requests, next: origin, maximumConcurrency: 3, perSecond: 1e6)
    }
    var calls: [ScriptedService.Call] = []
    for _ in 0..<3 {
      calls.append(await origin.nextCall())
      fixture.clock.advance(by: .milliseconds(1))
    }
    #expect(origin.callCount == 3)
    done.cancel()
    let progress = await done.value
    #expect(progress.finished < 100)
    #expect(origin.callCount <= 4)
  }

  @Test func `what was hot in one life is fetched first in the next`() async throws {
    let clock = ManualClock()
    func cache() throws -> CacheLayer {
      try CacheLayer(
        backend: InMemoryBackend(clock: CacheClock(clock)),
        autoRefresh: AutoRefreshPolicy(minimumRequestsPerMinute: 3), clock: CacheClock(clock))
    }
    let origin = CountingOrigin()
    let first = try cache()
    let service = origin.layer(first)
    for number in 1...5 {
      for _ in 0..<number * 2 { _ = try await service.call(.get("/\(number)")) }
    }
    let saved = WarmUpList(first.hotRequests()).text
    let second = try cache()
    let list = WarmUpList(parsing: saved).requests
    #expect(list.map(\.target) == ["/5", "/4", "/3", "/2"])
    let warming = Task { await second.warmUp(list, next: origin, perSecond: 1e6) }
    await eventually {
      clock.advance(by: .milliseconds(1))
      return origin.count.value == 5 + list.count
    }
    #expect(await warming.value.failed == 0)
    #expect(try await origin.layer(second).call(.get("/5")).outcome == .hit)
  }
}

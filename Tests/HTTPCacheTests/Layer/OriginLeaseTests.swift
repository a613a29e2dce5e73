//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Several nodes on one store make one call to the origin.
@Suite(.timeLimit(.minutes(5))) struct OriginLeaseTests {
  private let start = CacheInstant(nanoseconds: 1_000_000_000_000)

  private func policy(_ lease: Duration = .seconds(5)) -> CachePolicy {
    var policy = CachePolicy()
    policy.originLease = lease
    return policy
  }

  @Test func `the state machine waits in growing steps, to the limit, and knows why a lease is free`() {
    var machine = OriginLease(duration: .seconds(2), waitLimit: .seconds(10), now: start)
    #expect(machine.granted(at: start) == .go)
    var now = start
    var count = 0
    while case .wait(let moment) = machine.held(at: now, jitter: 0.5) {
      #expect(moment > now)
      #expect(moment.duration(since: now) <= .milliseconds(251))
      now = moment
      count += 1
      if count == 5 {
        // Given back before it has run out: its holder has nothing for us.
        #expect(machine.granted(at: now) == .release)
      }
    }
    #expect(now == start.advanced(by: .milliseconds(2500)))
    #expect(count < 30)
    // It has run out: its holder may have died, and one takes over.
    #expect(machine.granted(at: now) == .go)
    var impatient = OriginLease(duration: .seconds(60), waitLimit: .milliseconds(100), now: start)
    #expect(impatient.held(at: start.advanced(by: .milliseconds(100)), jitter: 0) == .go)
  }

  @Test func `a store that has not answered is not asked for a lease`() async throws {
    let store = FaultyBackend(try SharedStore())
    store.always(.lookup, .error(CacheError(.timedOut, "hangs")))
    let cache = try CacheLayer(backend: store, policy: policy())
    let service = Handler { _ in CacheResponse(body: "made") }.layer(cache)
    #expect(try await service.call(.get("/")).text() == "made")
    #expect(store.count(.lookup) == 1)
    #expect(store.count(.lease) == 0)
    store.heal()
    #expect(try await service.call(.get("/")).text() == "made")
    // Giving it back counts too.
    await eventually { store.count(.lease) == 2 }
  }

  private func ask(
    _ count: Int, _ service: some Service<CacheRequest, CacheResponse>, _ cache: CacheLayer
  ) async -> [Task<String, any Error>] {
    let tasks = (0..<count).map { _ in
      Task { try await service.call(.get("/")).text() }
    }
    await cache.waitForWaiters(count)
    return tasks
  }

  @Test func `two hundred clients on each of two nodes make one call`() async throws {
    let store = try SharedStore()
    let origin = ScriptedService()
    let caches = try (0..<2).map { _ in try CacheLayer(backend: store, policy: policy(.seconds(60))) }
    var tasks: [Task<String, any Error>] = []
    for cache in caches { tasks += await ask(200, origin.layer(cache), cache) }
    // Both have asked for the lease, one of them in vain.
    await eventually { store.counts.leases >= 2 }
    await origin.nextCall().respond(CacheResponse(body: "once"))
    for task in tasks { #expect(try await task.value == "once") }
    #expect(origin.callCount == 1)
    await eventually { store.heldLeases.isEmpty }
    let statistics = caches.map(\.statistics)
    #expect(statistics.reduce(0) { $0 + $1.misses.values.reduce(0, +) } == 1)
    #expect(statistics.reduce(0) { $0 + $1.collapsed } == 399)
  }

  @Test func `the same through tiers, and each node has its copy afterwards`() async throws {
    let store = try SharedStore()
    let origin = ScriptedService()
    let backends = try (0..<2).map { _ in
      try MultiTierBackend(near: InMemoryBackend(), far: store, configuration: TierConfiguration(timeout: nil))
    }
    let caches = try backends.map { try CacheLayer(backend: $0, policy: policy(.seconds(60))) }
    var tasks: [Task<String, any Error>] = []
    for cache in caches { tasks += await ask(50, origin.layer(cache), cache) }
    await eventually { store.counts.leases >= 2 }
    await origin.nextCall().respond(CacheResponse(body: "once"))
    for task in tasks { #expect(try await task.value == "once") }
    #expect(origin.callCount == 1)
    await eventually { store.heldLeases.isEmpty }
    for cache in caches {
      let response = try await origin.layer(cache).call(.get("/"))
      #expect(response.outcome == .hit)
    }
    let lookups = store.counts.lookups
    for cache in caches { #expect(try await origin.layer(cache).call(.get("/")).outcome == .hit) }
    #expect(store.counts.lookups == lookups)
  }

  /// A node on a manual clock, and a lease that another one holds.
  private func heldUp(_ lease: Duration, _ policy: CachePolicy) throws -> (
    clock: ManualClock, store: SharedStore, cache: CacheLayer, key: CacheKey
  ) {
    let clock = ManualClock()
    let store = try SharedStore(clock: CacheClock(clock))
    let cache = try CacheLayer(backend: store, policy: policy, clock: CacheClock(clock))
    return (clock, store, cache, CacheKey(scheme: "http", authority: "example.com", target: "/"))
  }

  private func advance(_ clock: ManualClock, until condition: () async -> Bool) async {
    await HTTPCacheTests.advance(clock, by: .milliseconds(50), until: condition)
  }

  @Test func `a holder that never gives the lease back holds others up until it has run out`() async throws {
    let (clock, store, cache, key) = try heldUp(.seconds(5), policy())
    _ = try await store.acquireLease(for: key, duration: .seconds(5))
    let origin = ScriptedService()
    let begin = clock.now
    let tasks = await ask(20, origin.layer(cache), cache)
    await advance(clock) { origin.callCount == 1 }
    #expect(clock.now.duration(since: begin) >= .seconds(4))
    #expect(clock.now.duration(since: begin) <= .seconds(7))
    await origin.nextCall().respond(CacheResponse(body: "late"))
    for task in tasks { #expect(try await task.value == "late") }
    #expect(origin.callCount == 1)
  }

  @Test func `nobody waits longer than the wait limit`() async throws {
    var policy = policy(.seconds(60))
    policy.waitLimit = .seconds(1)
    let (clock, store, cache, key) = try heldUp(.seconds(60), policy)
    _ = try await store.acquireLease(for: key, duration: .seconds(60))
    let origin = ScriptedService()
    let begin = clock.now
    async let response = origin.layer(cache).call(.get("/"))
    await advance(clock) { origin.callCount == 1 }
    #expect(clock.now.duration(since: begin) <= .seconds(2))
    await origin.nextCall().respond(CacheResponse(body: "own"))
    #expect(try await response.text() == "own")
  }

  @Test func `a response that is not stored releases the others at once`() async throws {
    let store = try SharedStore()
    let origin = ScriptedService()
    let caches = try (0..<3).map { _ in try CacheLayer(backend: store, policy: policy(.seconds(60))) }
    var tasks: [Task<String, any Error>] = []
    for cache in caches { tasks += await ask(1, origin.layer(cache), cache) }
    await eventually { store.counts.leases >= 3 }
    let uncacheable = CacheResponse(fields: ["Cache-Control": "no-store"], body: "own")
    await origin.nextCall().respond(uncacheable)
    // Both, although neither has been answered.
    let others = [await origin.nextCall(), await origin.nextCall()]
    for call in others { call.respond(uncacheable) }
    for task in tasks { #expect(try await task.value == "own") }
    #expect(origin.callCount == 3)
    await eventually { store.heldLeases.isEmpty }
  }

  @Test func `a store that fails does not hold anybody up`() async throws {
    let down = CacheError(.unavailable, "down")
    for operation in [FaultyBackend<SharedStore>.Operation.lease, .lookup, .store] {
      let store = try SharedStore()
      let faulty = FaultyBackend(store)
      let origin = ScriptedService()
      let cache = try CacheLayer(backend: faulty, policy: policy())
      faulty.always(operation, .error(down))
      async let response = origin.layer(cache).call(.get("/"))
      await origin.nextCall().respond(CacheResponse(body: "here"))
      #expect(try await response.text() == "here")
      await eventually { cache.statistics.backendFailures >= 1 }
    }
  }

  @Test func `a store that fails while a node waits lets it go`() async throws {
    let (clock, store, _, key) = try heldUp(.seconds(30), policy(.seconds(4)))
    let faulty = FaultyBackend(store, clock: CacheClock(clock))
    let cache = try CacheLayer(backend: faulty, policy: policy(.seconds(4)), clock: CacheClock(clock))
    _ = try await store.acquireLease(for: key, duration: .seconds(30))
    let origin = ScriptedService()
    let begin = clock.now
    async let response = origin.layer(cache).call(.get("/"))
    await advance(clock) { faulty.count(.lease) >= 3 }
    faulty.always(.hang)
    await advance(clock) { origin.callCount == 1 }
    #expect(clock.now.duration(since: begin) < .seconds(10))
    await origin.nextCall().respond(CacheResponse(body: "here"))
    #expect(try await response.text() == "here")
    faulty.heal()
  }

  @Test func `when all clients have left, nobody goes on waiting`() async throws {
    let (clock, store, cache, key) = try heldUp(.seconds(5), policy())
    _ = try await store.acquireLease(for: key, duration: .seconds(5))
    let origin = ScriptedService()
    let tasks = await ask(3, origin.layer(cache), cache)
    await clock.waitForSleepers()
    for task in tasks { task.cancel() }
    for task in tasks { await #expect(throws: CancellationError.self) { try await task.value } }
    await eventually { cache.flights.isEmpty }
    #expect(origin.callCount == 0)
  }

  @Test func `a node refreshes what another has refreshed already without asking the origin`() async throws {
    let clock = ManualClock()
    let store = try SharedStore(clock: CacheClock(clock))
    var policy = policy()
    policy.timeToLive = .seconds(10)
    let origin = CountingOrigin()
    let services = try (0..<2).map { _ in
      let near = try InMemoryBackend(configuration: .init(clock: CacheClock(clock)))
      let tiers = try MultiTierBackend(
        near: near, far: store,
        configuration: TierConfiguration(nearTimeToLive: .seconds(100), clock: CacheClock(clock)))
      return origin.layer(try CacheLayer(backend: tiers, policy: policy, clock: CacheClock(clock)))
    }
    for service in services {
      #expect(try await service.call(.get("/")).text() == "answer 1")
      await eventually { store.counts.stores == 1 && store.heldLeases.isEmpty }
    }
    clock.advance(by: .seconds(11))
    #expect(try await services[0].call(.get("/")).text() == "answer 2")
    await eventually { store.counts.stores == 2 && store.heldLeases.isEmpty }
    let response = try await services[1].call(.get("/"))
    #expect(try await response.text() == "answer 2")
    #expect(response.outcome == .hit)
    #expect(origin.count.value == 2)
  }

  @Test func `whoever authenticates asks for himself`() async throws {
    let store = try SharedStore()
    let origin = CountingOrigin()
    let cache = try CacheLayer(backend: store, policy: policy())
    _ = try await origin.layer(cache).call(.get("/", ["Authorization": "Basic x"]))
    #expect(store.counts.leases == 0)
    #expect(origin.count.value == 1)
  }

  @Test func `a lease of no length is refused`() {
    #expect(throws: CacheConfigurationError.self) { try policy(.zero).validate() }
    #expect(throws: CacheConfigurationError.self) { try policy(.seconds(-1)).validate() }
  }
}

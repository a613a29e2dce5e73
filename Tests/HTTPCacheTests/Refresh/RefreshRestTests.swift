//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// The rest after a failed refresh, on stores of every kind.
@Suite(.timeLimit(.minutes(2))) struct RefreshRestTests {
  /// A store whose lookups each return an entry of their own, as those do that decode what they have.
  struct DecodingBackend: CacheBackend {
    let store: DictionaryBackend
    let lookups = Counter()

    func lookup(_ key: CacheKey) async throws -> CacheLookup {
      lookups.increment()
      let found = try await store.lookup(key)
      return CacheLookup(entry: found.entry.map { $0.with(times: $0.times) }, stamp: found.stamp)
    }

    func store(_ entry: CacheEntry, stamp: InvalidationStamp) async throws -> CacheStoreResult {
      try await store.store(entry, stamp: stamp)
    }

    func invalidate(_ invalidation: CacheInvalidation) async throws -> InvalidationReceipt {
      try await store.invalidate(invalidation)
    }
  }

  /// An origin that fails after its first answer, until it is told to recover.
  private static func origin(_ directives: String, _ isFailing: Locked<Bool>) -> CountingOrigin {
    CountingOrigin { _, number in
      if isFailing.withLock({ $0 }) { return CacheResponse(status: 503) }
      return CacheResponse(fields: ["Cache-Control": "\(directives)"], body: Body("answer \(number)"))
    }
  }

  @Test(
    "after a failed refresh the origin rests, also where each lookup makes a new entry",
    arguments: ["max-age=1, stale-while-revalidate=600", "max-age=1, stale-if-error=600"])
  func rest(_ directives: String) async throws {
    let clock = ManualClock()
    for backend in try Self.backends(CacheClock(clock)) { try await Self.check(backend, clock, directives) }
  }

  private static func check(_ backend: some CacheBackend, _ clock: ManualClock, _ directives: String) async throws {
    let cache = try CacheLayer(backend: backend, clock: CacheClock(clock))
    let isFailing = Locked(false)
    let origin = Self.origin(directives, isFailing)
    let service = origin.layer(cache)
    _ = try await service.call(.get("/")).text()
    clock.advance(by: .seconds(2))
    isFailing.withLock { $0 = true }
    #expect(try await service.call(.get("/")).text() == "answer 1")
    // A client's request that fails is followed by one of the cache's own; a refresh is that.
    let count = directives.contains("stale-if-error") ? 3 : 2
    await eventually { origin.count.value == count && cache.flights.all.isEmpty }
    // Ten seconds in which nobody asks.
    for _ in 0..<5 {
      clock.advance(by: .milliseconds(1_500))
      let response = try await service.call(.get("/"))
      #expect(response.outcome == .stale(.retryPending))
      #expect(try await response.text() == "answer 1")
    }
    #expect(origin.count.value == count)
    // Then one does; when it succeeds all is well at once.
    clock.advance(by: .seconds(3))
    isFailing.withLock { $0 = false }
    _ = try await service.call(.get("/")).text()
    await eventually { origin.count.value == count + 1 && cache.flights.all.isEmpty }
    #expect(try await service.call(.get("/")).text() == "answer \(count + 1)")
    // The next failure is a new one, with a rest of its own.
    clock.advance(by: .seconds(2))
    _ = try await service.call(.get("/")).text()
    await eventually { origin.count.value == count + 2 && cache.flights.all.isEmpty }
  }

  private static func backends(_ clock: CacheClock) throws -> [any CacheBackend] {
    [
      DecodingBackend(store: DictionaryBackend(clock: clock)), DictionaryBackend(clock: clock),
      try InMemoryBackend(configuration: InMemoryBackend.Configuration(capacity: 1 << 20, clock: clock)),
    ]
  }

  @Test func `a refresh is made and reported once, however many stale hits come until it has been stored`() async throws
  {
    let clock = ManualClock()
    for backend in try Self.backends(CacheClock(clock)) {
      try await Self.checkOnce(backend, clock)
    }
  }

  private static func checkOnce(_ backend: some CacheBackend, _ clock: ManualClock) async throws {
    let cache = try CacheLayer(backend: backend, clock: CacheClock(clock))
    let origin = ScriptedService()
    let service = origin.layer(cache)
    func response(_ body: Body) -> CacheResponse {
      CacheResponse(fields: ["Cache-Control": "max-age=1, stale-while-revalidate=600"], body: body)
    }
    async let first = service.call(.get("/")).text()
    await origin.nextCall().respond(response("old"))
    #expect(try await first == "old")
    await eventually { cache.flights.all.isEmpty }
    clock.advance(by: .seconds(2))
    func ask() async throws {
      for _ in 0..<20 { #expect(try await service.call(.get("/")).outcome == .stale(.whileRevalidating)) }
      #expect(cache.statistics.refreshes == 1 && origin.callCount == 2)
    }
    let channel = BodyChannel()
    _ = try await service.call(.get("/"))
    let refresh = await origin.nextCall()
    try await ask()
    // The head is there, the body is not.
    refresh.respond(response(channel.body))
    await eventually { cache.flights.all.allSatisfy { !$0.isCalling } }
    try await ask()
    #expect(await channel.write("new"))
    channel.finish()
    await eventually { cache.flights.all.isEmpty }
    #expect(try await service.call(.get("/")).text() == "new")
  }

  @Test("the rests that are remembered are bounded, and end by themselves") func bounded() throws {
    let rests = RefreshRests(limit: 100)
    let now = CacheInstant(nanoseconds: 1_000_000_000_000)
    func entry(_ number: Int, receivedAt: CacheInstant) -> CacheEntry {
      let times = EntryTimes(
        birth: receivedAt, receivedAt: receivedAt, freshUntil: receivedAt, staleWhileRevalidateUntil: receivedAt,
        staleIfErrorUntil: receivedAt, reclaimAt: receivedAt)
      return CacheEntry(
        key: CacheKey(scheme: "http", authority: "a", target: "/\(number)"), status: 200, fields: [:], body: Bytes(),
        times: times)
    }
    for round in 0..<10 {
      for number in 0..<1_000 {
        rests.begin(
          for: entry(number, receivedAt: now), at: now.advanced(by: .seconds(round)),
          until: now.advanced(by: .seconds(round + 10)))
      }
    }
    #expect(rests.count == 100)
    let failedAt = now.advanced(by: .seconds(9))
    #expect(rests.isResting(entry(999, receivedAt: now), at: failedAt))
    #expect(!rests.isResting(entry(0, receivedAt: now), at: failedAt))
    // Received since.
    #expect(!rests.isResting(entry(999, receivedAt: failedAt.advanced(by: .seconds(1))), at: failedAt))
    #expect(!rests.isResting(entry(999, receivedAt: now), at: now.advanced(by: .seconds(19))))
    // The same few again and again, while time passes.
    for second in 100..<10_000 {
      let moment = now.advanced(by: .seconds(second))
      rests.begin(for: entry(second % 5, receivedAt: now), at: moment, until: moment.advanced(by: .seconds(10)))
    }
    #expect(rests.count <= 5)
  }

  @Test("a refresh that stores under another selection leaves the old entry to be validated")
  func gateAfterOtherSelection() async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin { _, number in
      CacheResponse(
        fields: [
          "Vary": number == 1 ? "X-A" : "User-Agent", "Cache-Control": "max-age=1, stale-while-revalidate=600",
        ], body: Body("answer \(number)"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/", ["X-A": "1", "User-Agent": "1"])).text()
    fixture.advance(2)
    #expect(try await service.call(.get("/", ["X-A": "1", "User-Agent": "1"])).text() == "answer 1")
    await eventually { origin.count.value == 2 && fixture.cache.flights.all.isEmpty }
    // The refresh has said nothing about this client's selection.
    #expect(try await service.call(.get("/", ["X-A": "1", "User-Agent": "1"])).text() == "answer 3")
    #expect(try await service.call(.get("/", ["X-A": "1", "User-Agent": "1"])).outcome == .hit)
    // Nor about that of another, which still selects the old one.
    #expect(try await service.call(.get("/", ["X-A": "1", "User-Agent": "2"])).text() == "answer 4")
    #expect(try await service.call(.get("/", ["X-A": "1", "User-Agent": "2"])).outcome == .hit)
  }
}

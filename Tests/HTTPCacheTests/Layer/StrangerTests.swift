//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Nobody can take an entry away from others by what he asks, or by what the origin answers to him.
@Suite struct StrangerTests {
  static let demands = Strangers.demands
  static let answers = Strangers.answers

  /// An origin that answers strangers in one way and all others in another.
  static func origin(
    fields: HeaderFields, stranger: (status: Int, fields: HeaderFields)
  ) -> CountingOrigin {
    CountingOrigin { request, number in
      request.fields.contains("X-Stranger")
        ? CacheResponse(status: stranger.status, fields: stranger.fields, body: Body("for a stranger"))
        : CacheResponse(fields: fields, body: Body("answer \(number)"))
    }
  }

  static func stranger(_ demand: HeaderFields, method: RequestMethod = .get) -> CacheRequest {
    Strangers.request(demand, method: method)
  }

  @Test(.timeLimit(.minutes(5)), arguments: [false, true])
  func `nobody loses an entry of a store that nodes share, nor of tiers`(isTiered: Bool) async throws {
    let store = try SharedStore()
    let caches = try (0..<2).map { _ in
      isTiered
        ? try CacheLayer(backend: MultiTierBackend(near: InMemoryBackend(), far: store), policy: CachePolicy())
        : try CacheLayer(backend: store, policy: CachePolicy())
    }
    #expect(try await Strangers.violations(caches) == [])
    #expect(try await Strangers.cookieViolations(caches) == [])
    for cache in caches { await cache.waitForLandings() }
  }

  @Test(arguments: demands, [false, true])
  func `a demanded refresh removes nothing that is fresh`(demand: HeaderFields, hasValidator: Bool) async throws {
    for answer in Self.answers {
      let fixture = try Fixture()
      var fields: HeaderFields = ["Cache-Control": "max-age=600"]
      if hasValidator { fields.append("ETag", "\"a\"") }
      let origin = Self.origin(fields: fields, stranger: answer)
      let service = origin.layer(fixture.cache)
      _ = try await service.call(.get("/hot"))
      for _ in 0..<5 { _ = try await service.call(Self.stranger(demand)).text() }
      let before = origin.count.value
      for _ in 0..<20 {
        let response = try await service.call(.get("/hot"))
        #expect(response.outcome == .hit, "\(answer)")
        #expect(try await response.text() == "answer 1", "\(answer)")
      }
      #expect(origin.count.value == before)
      // Nor is anything remembered that keeps the next one from being stored.
      fixture.advance(601)
      _ = try await service.call(.get("/hot"))
      #expect(try await service.call(.get("/hot")).outcome == .hit, "\(answer)")
    }
  }

  @Test(
    arguments: [
      ["Content-Length": "1"], ["ETag": "\"other\""], ["Last-Modified": "Sun, 06 Nov 1994 08:49:37 GMT"],
      ["Cache-Control": "no-store"], ["Cache-Control": "private"], ["Vary": "*"], ["Set-Cookie": "a=b"],
    ] as [HeaderFields])
  func `nor does a demanded HEAD`(fields: HeaderFields) async throws {
    let fixture = try Fixture()
    let origin = Self.origin(
      fields: ["Cache-Control": "max-age=600", "ETag": "\"a\""], stranger: (200, fields))
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/hot"))
    for demand in Self.demands { _ = try await service.call(Self.stranger(demand, method: .head)) }
    #expect(try await service.call(.get("/hot")).outcome == .hit)
  }

  @Test(arguments: demands)
  func `what may stand in for a failing origin stays`(demand: HeaderFields) async throws {
    for answer in Self.answers where answer.fields["Cache-Control"]?.contains("max-age=60") != true {
      let fixture = try Fixture(CachePolicy(timeToLive: nil, negativeTimeToLive: nil))
      let isDown = Locked(false)
      let origin = CountingOrigin { request, number in
        if request.fields.contains("X-Stranger") {
          return CacheResponse(status: answer.status, fields: answer.fields, body: Body("for a stranger"))
        }
        if isDown.withLock({ $0 }) { return CacheResponse(status: 503) }
        return CacheResponse(
          fields: ["Cache-Control": "max-age=10, stale-if-error=600", "ETag": "\"a\""], body: Body("answer \(number)"))
      }
      let service = origin.layer(fixture.cache)
      _ = try await service.call(.get("/hot"))
      fixture.advance(20)
      for _ in 0..<3 { _ = try await service.call(Self.stranger(demand)).text() }
      isDown.withLock { $0 = true }
      #expect(try await service.call(.get("/hot")).text().hasPrefix("answer"), "\(answer)")
    }
  }

  @Test func `an error keeps nobody from storing what is not there yet`() async throws {
    for answer in Self.answers where answer.fields["Cache-Control"]?.contains("max-age=60") != true {
      let fixture = try Fixture(CachePolicy(timeToLive: nil, negativeTimeToLive: nil))
      let origin = Self.origin(fields: ["Cache-Control": "max-age=5"], stranger: answer)
      let service = origin.layer(fixture.cache)
      var hits = 0
      // The entry expires again and again, and each time strangers come first.
      for _ in 0..<20 {
        for _ in 0..<3 { _ = try await service.call(Self.stranger(["Cookie": "u=1"])).text() }
        for _ in 0..<10 where try await service.call(.get("/hot")).outcome == .hit { hits += 1 }
        fixture.advance(6)
      }
      #expect(hits >= 20 * 9, "\(answer): \(hits) of 200")
    }
  }

  @Test(
    arguments: [
      ["Cache-Control": "no-store"], ["Cache-Control": "private"], ["Vary": "*"],
      ["Cache-Control": "no-cache, private"],
    ] as [HeaderFields], [[:], ["Cookie": "u=1"], ["Authorization": "x"]] as [HeaderFields])
  func `a 304 that forbids to store, to what a client has demanded, costs nobody the stored response`(
    fields: HeaderFields, credentials: HeaderFields
  ) async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin { request, number in
      let isStranger = request.fields.contains("X-Stranger")
      let isCondition = request.fields.contains("If-None-Match")
      var answer = CacheResponse(
        status: isCondition ? 304 : 200, fields: isStranger ? fields : ["Cache-Control": "max-age=600"])
      answer.fields.append("ETag", "\"a\"")
      if !isCondition { answer.body = Body("answer \(number)") }
      return answer
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/hot")).text()
    for _ in 0..<3 {
      var request = Self.stranger(["Cache-Control": "no-cache"])
      request.fields.append(contentsOf: credentials)
      #expect(try await service.call(request).text() == "answer 1")
      // It is confirmed at most, not made anew.
      #expect(try await service.call(.get("/hot")).text() == "answer 1")
      #expect(try await service.call(.get("/hot")).outcome == .hit)
    }
  }

  @Test(arguments: [404, 410])
  func `a refresh of the cache's own removes what is gone`(status: Int) async throws {
    var policy = CachePolicy(timeToLive: nil, negativeTimeToLive: nil)
    policy.refreshBeforeExpiration = .seconds(50)
    let fixture = try Fixture(policy)
    let isGone = Locked(false)
    let origin = CountingOrigin { _, number in
      isGone.withLock { $0 }
        ? CacheResponse(status: status)
        : CacheResponse(fields: ["Cache-Control": "max-age=100"], body: Body("answer \(number)"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/hot"))
    isGone.withLock { $0 = true }
    fixture.advance(60)
    #expect(try await service.call(.get("/hot")).outcome == .hit)
    await eventually { await fixture.isAbsent("/hot") }
    #expect(try await service.call(.get("/hot")).status == status)
  }

  @Test func `unsafe methods invalidate as before`() async throws {
    for (status, isThere) in [(200, false), (204, false), (303, false), (400, true), (404, true), (500, true)] {
      let fixture = try Fixture()
      let origin = CountingOrigin { request, _ in
        request.method == .get
          ? CacheResponse(fields: ["Cache-Control": "max-age=600"], body: Body("x")) : CacheResponse(status: status)
      }
      let service = origin.layer(fixture.cache)
      _ = try await service.call(.get("/hot"))
      _ = try await service.call(CacheRequest.get("/hot").as(.delete))
      #expect((try await service.call(.get("/hot")).outcome == .hit) == isThere, "\(status)")
    }
  }

  // MARK: Refreshes of the cache's own

  static let credentials: [HeaderFields] = [
    ["Authorization": "Bearer ann"], ["Cookie": "session=ann"], ["Proxy-Authorization": "Basic x"],
    ["Cookie": "a=1", "Authorization": "Basic x"], ["X-API-Key": "k"],
  ]

  @Test(arguments: credentials)
  func `a background refresh has no credentials`(credentials: HeaderFields) async throws {
    let fixture = try Fixture()
    let seen = Locked<[CacheRequest]>([])
    let origin = CountingOrigin { request, number in
      seen.withLock { $0.append(request) }
      return CacheResponse(
        fields: ["Cache-Control": "public, max-age=10, stale-while-revalidate=60"], body: Body("answer \(number)"))
    }
    let service = origin.layer(fixture.cache)
    var request = CacheRequest.get("/hot", credentials)
    request.fields.append("X-Other", "not the cache's")
    request.fields.append("User-Agent", "the client's")
    request.fields.append("Cache-Control", "max-stale=60")
    _ = try await service.call(request)
    fixture.advance(20)
    #expect(try await service.call(request).outcome == .stale(.whileRevalidating))
    await eventually { origin.count.value == 2 }
    let refresh = seen.withLock { $0[1] }
    for field in credentials.lines { #expect(!refresh.fields.contains(field), "\(field)") }
    #expect(refresh.fields["X-Other"] == nil && refresh.fields["User-Agent"] == "swift-http-cache")
    #expect(refresh.fields["Cache-Control"] == nil)
  }

  @Test(arguments: [401, 403, 302, 404, 407, 200])
  func `a refresh that fails for want of credentials removes nothing`(status: Int) async throws {
    let fixture = try Fixture()
    let origin = CountingOrigin { request, number in
      request.fields.contains("Authorization")
        ? CacheResponse(
          fields: ["Cache-Control": "public, max-age=10, stale-while-revalidate=60, stale-if-error=600"],
          body: Body("answer \(number)"))
        : CacheResponse(status: status, fields: ["Cache-Control": "no-store", "Location": "/login"])
    }
    let service = origin.layer(fixture.cache)
    let request = CacheRequest.get("/hot", ["Authorization": "x"])
    _ = try await service.call(request)
    fixture.advance(20)
    _ = try await service.call(request)
    await fixture.events.waitFor(.refreshFailed)
    #expect(try await service.call(.get("/hot")).text() == "answer 1")
  }

  @Test func `a variant for certain credentials is refreshed by its own client`() async throws {
    let fixture = try Fixture()
    let seen = Locked<[CacheRequest]>([])
    let origin = CountingOrigin { request, number in
      seen.withLock { $0.append(request) }
      return CacheResponse(
        fields: ["Cache-Control": "max-age=10, stale-while-revalidate=60", "Vary": "Cookie"],
        body: Body("\(request.fields[.cookie] ?? "-") \(number)"))
    }
    let service = origin.layer(fixture.cache)
    let ann = CacheRequest.get("/hot", ["Cookie": "u=ann"])
    _ = try await service.call(ann)
    #expect(try await service.call(ann).outcome == .hit)
    fixture.advance(20)
    #expect(try await service.call(ann).text() == "u=ann 2")
    #expect(seen.withLock { $0.allSatisfy { $0.fields[.cookie] == "u=ann" } })
    // Without a cookie there is nothing to leave out.
    _ = try await service.call(.get("/hot"))
    fixture.advance(20)
    #expect(try await service.call(.get("/hot")).outcome == .stale(.whileRevalidating))
  }

  @Test func `what is looked after is asked for without credentials`() async throws {
    let clock = ManualClock()
    let time = CacheClock(clock)
    let seen = Locked<[CacheRequest]>([])
    let origin = CountingOrigin { request, number in
      seen.withLock { $0.append(request) }
      return CacheResponse(fields: ["Cache-Control": "public, max-age=100"], body: Body("answer \(number)"))
    }
    let cache = try CacheLayer(
      backend: InMemoryBackend(configuration: .init(capacity: 1 << 20, clock: time)),
      autoRefresh: AutoRefreshPolicy(minimumRequestsPerMinute: 2), clock: time)
    let service = origin.layer(cache)
    for _ in 0..<10 {
      _ = try await service.call(
        .get("/hot", ["Cookie": "u=ann", "Authorization": "x", "X-Other": "a", "User-Agent": "the client's"]))
    }
    #expect(!cache.hotRequests().isEmpty)
    for request in cache.hotRequests() {
      #expect(!request.fields.contains("Cookie") && !request.fields.contains("Authorization"))
      #expect(request.fields["X-Other"] == nil && request.fields["User-Agent"] == "swift-http-cache")
    }
  }
}

extension Fixture {
  func isAbsent(_ target: String) async -> Bool {
    let key = KeyExtractor.resource.key(for: CacheRequest.get(target))
    guard let key else { return true }
    return await backend.lookup(key).entry == nil
  }
}

extension HeaderFields {
  /// The names that are there.
  fileprivate var lines: [HeaderName] {
    FetchPlan.credentials.filter { contains($0) }
  }
}

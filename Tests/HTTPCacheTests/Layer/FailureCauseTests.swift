//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// A failure that one client causes, or a client that leaves, keeps nobody else from a newer response.
@Suite(.timeLimit(.minutes(5))) struct FailureCauseTests {
  private static let windows: HeaderFields = [
    "Cache-Control": "max-age=10, stale-while-revalidate=600, stale-if-error=600", "ETag": "\"a\"",
  ]

  /// Requests of a client to which the origin answers with a failure.
  static let strangers: [HeaderFields] = [
    ["Cookie": "broken=1"], ["Authorization": "Basic eA=="], ["Cache-Control": "no-cache"],
    ["Cache-Control": "max-age=0", "X-API-Key": "1"], ["Pragma": "no-cache"], ["Cache-Control": "no-store"],
  ]

  @Test(arguments: strangers, [500, 502, 503, 504, 0])
  func `a failure of one client's request does not stop refreshes for all`(
    stranger: HeaderFields, status: Int
  ) async throws {
    let isTold = stranger["Cache-Control"] != nil || stranger.contains("Pragma")
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = CountingOrigin { request, number in
      let isStranger =
        FetchPlan.hasCredentials(request.fields) || request.fields.contains("Cache-Control")
        || request.fields.contains("Pragma")
      guard isStranger else { return CacheResponse(fields: Self.windows, body: Body("answer \(number)")) }
      if status == 0 { throw CacheError(.unavailable, "the origin has closed the connection") }
      return CacheResponse(status: status)
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/hot")).text()
    fixture.advance(20)
    // As often as the stranger likes.
    for _ in 0..<3 { _ = try? await service.call(.get("/hot", stranger)).text() }
    // A stale response to one without demands is refreshed, and stays so.
    try await eventually {
      let response = try await service.call(.get("/hot"))
      return response.outcome == .hit
    }
    let text = try await service.call(.get("/hot")).text()
    #expect(text != "answer 1", "\(isTold)")
    await fixture.cache.waitForLandings()
  }

  @Test(
    arguments: ["X-HTTP-Method-Override", "Accept-Language", "User-Agent", "X-Long", "Referer", "Accept"]
      as [HeaderName],
    ["max-age=10, stale-if-error=600", "max-age=10, stale-if-error=600, stale-while-revalidate=60"])
  func `a failure caused by any field does not stop refreshes for all`(name: HeaderName, directives: String)
    async throws
  {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = CountingOrigin { request, number in
      request.fields[name] == "attack"
        ? CacheResponse(status: 500) : CacheResponse(fields: ["Cache-Control": directives], body: Body("\(number)"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/hot")).text()
    for _ in 0..<3 {
      fixture.advance(20)
      let stale = try await service.call(.get("/hot", [name: "attack"])).text()
      try await eventually { try await service.call(.get("/hot")).outcome == .hit }
      #expect(try await service.call(.get("/hot")).text() != stale)
    }
  }

  @TaskLocal private static var user: String?

  @Test func `a refresh carries nothing of the client's task`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = CountingOrigin { _, _ in CacheResponse(fields: Self.windows, body: Body(Self.user ?? "nobody")) }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/hot")).text()
    fixture.advance(20)
    let stale = try await Self.$user.withValue("ann") { try await service.call(.get("/hot")) }
    #expect(stale.outcome == .stale(.whileRevalidating))
    try await eventually { try await service.call(.get("/hot")).outcome == .hit }
    #expect(try await service.call(.get("/hot")).text() == "nobody")
    #expect(origin.count.value == 2)
  }

  @Test func `an origin that fails for all is left alone, whoever finds out`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let isDown = Locked(false)
    let origin = CountingOrigin { _, number in
      isDown.withLock { $0 }
        ? CacheResponse(status: 503)
        : CacheResponse(
          fields: ["Cache-Control": "max-age=10, stale-if-error=600"], body: Body("answer \(number)"))
    }
    let service = origin.layer(fixture.cache)
    _ = try await service.call(.get("/hot")).text()
    fixture.advance(20)
    isDown.withLock { $0 = true }
    #expect(try await service.call(.get("/hot", ["Cookie": "u=1"])).text() == "answer 1")
    // The cache's own call has failed as well by now.
    await fixture.cache.waitForLandings()
    let count = origin.count.value
    #expect(count <= 3)
    for user in 0..<20 {
      let response = try await service.call(.get("/hot", ["Cookie": "u=\(user)"]))
      #expect(response.outcome == .stale(.retryPending))
    }
    #expect(origin.count.value == count)
  }

  @Test func `a client that leaves is no failure of the origin`() async throws {
    let fixture = try Fixture(CachePolicy(timeToLive: nil))
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/hot"))
    await origin.nextCall().respond(
      CacheResponse(fields: ["Cache-Control": "max-age=10, stale-if-error=600"], body: "v1"))
    _ = try await first
    fixture.advance(20)
    for _ in 0..<3 {
      let impatient = Task { try await service.call(.get("/hot")).text() }
      let call = await origin.nextCall()
      impatient.cancel()
      _ = await impatient.result
      await call.waitForCancellation()
      call.fail(CancellationError())
      await fixture.cache.waitForLandings()
    }
    async let response = service.call(.get("/hot"))
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "max-age=10"], body: "v2"))
    #expect(try await response.text() == "v2")
  }

  @Test func `nor does it lower the adaptive limit of the origin`() async throws {
    let clock = ManualClock()
    let cache = try CacheLayer(
      backend: InMemoryBackend(
        configuration: InMemoryBackend.Configuration(capacity: 1 << 20, clock: CacheClock(clock))),
      originLimit: .adaptive(), clock: CacheClock(clock))
    let origin = ScriptedService()
    let service = origin.layer(cache)
    let limit = try #require(cache.originLoad?.limit)
    for number in 0..<100 {
      let impatient = Task { try await service.call(.get("/\(number)")).text() }
      let call = await origin.nextCall()
      clock.advance(by: .milliseconds(100))
      impatient.cancel()
      _ = await impatient.result
      await call.waitForCancellation()
      call.fail(CancellationError())
      await cache.waitForLandings()
    }
    #expect(cache.originLoad?.running == 0)
    #expect(try #require(cache.originLoad?.limit) >= limit)
  }

  @Test(arguments: ["Cookie", "X-API-Key", "Authorization"])
  func `a refresh without credentials is not stored under a key made of them`(name: String) async throws {
    let name = try #require(HeaderName(name))
    var policy = CachePolicy(timeToLive: nil, staleWhileRevalidate: .seconds(600))
    policy.key = .custom { "\($0.target) \($0.fields[name] ?? "-")" }
    let fixture = try Fixture(policy)
    let origin = CountingOrigin { request, _ in
      CacheResponse(
        fields: ["Cache-Control": "public, max-age=10"], body: Body("for \(request.fields[name] ?? "nobody")"))
    }
    let service = origin.layer(fixture.cache)
    for user in ["ann", "bob"] {
      _ = try await service.call(.get("/page", [name: user])).text()
    }
    for _ in 0..<5 {
      fixture.advance(20)
      for user in ["ann", "bob"] {
        #expect(try await service.call(.get("/page", [name: user])).text() == "for \(user)")
        await fixture.cache.waitForLandings()
        #expect(try await service.call(.get("/page", [name: user])).text() == "for \(user)")
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// A client whose request makes the origin slow holds up others only for ``CachePolicy/slowCallLimit``.
@Suite(.timeLimit(.minutes(1))) struct SlowCallTests {
  private static let policy: CachePolicy = {
    var policy = CachePolicy()
    policy.slowCallLimit = .seconds(2)
    return policy
  }()

  private struct Client {
    let task: Task<CacheResponse, any Error>

    var text: String {
      get async throws { try await task.value.text() }
    }
  }

  private func ask(
    _ service: some Service<CacheRequest, CacheResponse>, _ fixture: Fixture, _ fields: HeaderFields = [:],
    waiting count: Int
  ) async -> Client {
    let task = Task { try await service.call(.get("/", fields)) }
    await fixture.cache.waitForWaiters(count)
    return Client(task: task)
  }

  /// A leader with a field of its own, whose call takes longer than the limit, and `count` others.
  private func slowLeader(
    _ fixture: Fixture, _ origin: ScriptedService, followers count: Int
  ) async -> (leader: Client, call: ScriptedService.Call, followers: [Client]) {
    let service = origin.layer(fixture.cache)
    let leader = await ask(service, fixture, ["X-Slow": "1"], waiting: 1)
    let call = await origin.nextCall()
    var followers: [Client] = []
    for number in 0..<count {
      followers.append(
        await ask(
          service, fixture, ["X-Slow": "1", "Accept-Language": "en", "Cookie": "id=\(number)"], waiting: number + 2))
    }
    // Nobody watches a leader that is alone.
    if count > 0 { await fixture.clock.waitForSleepers() }
    return (leader, call, followers)
  }

  /// The leader leaves; its call is wanted for a while still.
  private func giveUp(_ leader: Client, _ slow: ScriptedService.Call, _ fixture: Fixture) async {
    leader.task.cancel()
    _ = await leader.task.result
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    await slow.waitForCancellation()
    await fixture.cache.waitForLandings()
  }

  private static let lasting: HeaderFields = ["Cache-Control": "max-age=60"]

  @Test func `followers share one neutral call, and the slow leader goes on waiting for its own`() async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 20)
    fixture.advance(2)
    let neutral = await origin.nextCall()
    #expect(neutral.request.fields["User-Agent"] == "swift-http-cache")
    #expect(neutral.request.fields["Accept-Language"] == "en")
    #expect(neutral.request.fields["X-Slow"] == nil && neutral.request.fields["Cookie"] == nil)
    await fixture.cache.waitForWaiters(21)
    neutral.respond(CacheResponse(fields: Self.lasting, body: "for all"))
    for follower in followers { #expect(try await follower.text == "for all") }
    #expect(origin.callCount == 2 && !slow.isCancelled)
    slow.respond(CacheResponse(fields: Self.lasting, body: "for one"))
    #expect(try await leader.text == "for one")
    await fixture.cache.waitForLandings()
  }

  @Test func `the slow call's answer is for all if it comes first, and the neutral call is given up`() async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 5)
    fixture.advance(2)
    let neutral = await origin.nextCall()
    await fixture.cache.waitForWaiters(6)
    slow.respond(CacheResponse(fields: Self.lasting, body: "first"))
    #expect(try await leader.text == "first")
    for follower in followers { #expect(try await follower.text == "first") }
    await neutral.waitForCancellation()
    await fixture.cache.waitForLandings()
    #expect(origin.callCount == 2)
  }

  @Test func `who comes when the call is slow already asks neutrally at once`() async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, _) = await slowLeader(fixture, origin, followers: 0)
    fixture.advance(3)
    let follower = await ask(origin.layer(fixture.cache), fixture, waiting: 2)
    let neutral = await origin.nextCall()
    #expect(neutral.request.fields["User-Agent"] == "swift-http-cache")
    neutral.respond(CacheResponse(fields: Self.lasting, body: "for all"))
    #expect(try await follower.text == "for all")
    #expect(try await follower.task.value.outcome == .miss(.absent))
    await giveUp(leader, slow, fixture)
  }

  @Test(arguments: [403, 500, 503])
  func `a neutral call that is refused is followed by one with a client's own request`(status: Int) async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 1)
    fixture.advance(2)
    await origin.nextCall().respond(CacheResponse(status: status, fields: ["Cache-Control": "no-store"]))
    let own = await origin.nextCall()
    #expect(own.request.fields["Cookie"] == "id=0")
    own.respond(CacheResponse(fields: Self.lasting, body: "own"))
    #expect(try await followers[0].text == "own")
    await giveUp(leader, slow, fixture)
  }

  @Test func `the origin that refuses the neutral request costs a crowd two more calls, not one for each`() async throws
  {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 20)
    fixture.advance(2)
    await origin.nextCall().respond(CacheResponse(status: 401, fields: ["Cache-Control": "no-store"]))
    await origin.nextCall().respond(CacheResponse(fields: Self.lasting, body: "own"))
    for follower in followers { #expect(try await follower.text == "own") }
    #expect(origin.callCount == 3)
    await giveUp(leader, slow, fixture)
  }

  @Test func `a client's own request after the neutral one is under the limit, too`() async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 2)
    fixture.advance(2)
    await origin.nextCall().respond(CacheResponse(status: 500))
    let second = await origin.nextCall()
    await fixture.clock.waitForSleepers()
    fixture.advance(2)
    // The other does not wait for it any longer.
    await origin.nextCall().respond(CacheResponse(fields: Self.lasting, body: "for all"))
    await eventually { fixture.cache.statistics.stores == 1 }
    second.respond(CacheResponse(fields: Self.lasting, body: "late"))
    var texts: Set<String> = []
    for follower in followers { texts.insert(try await follower.text) }
    #expect(texts.isSubset(of: ["for all", "late"]) && texts.contains("for all"))
    #expect(try await origin.layer(fixture.cache).call(.get("/")).text() == "for all")
    await giveUp(leader, slow, fixture)
  }

  @Test func `whoever begins the neutral call waits for it no longer than others do`() async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 1)
    fixture.advance(2)
    let neutral = await origin.nextCall()
    #expect(neutral.request.fields["User-Agent"] == "swift-http-cache")
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    await origin.nextCall().respond(CacheResponse(fields: Self.lasting, body: "own"))
    #expect(try await followers[0].text == "own")
    await giveUp(leader, slow, fixture)
  }

  @Test(arguments: [200, 404]) func `a slow answer does not replace what a later request has brought`(
    status: Int
  ) async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 1)
    fixture.advance(2)
    await origin.nextCall().respond(CacheResponse(fields: Self.lasting, body: "new"))
    #expect(try await followers[0].text == "new")
    fixture.advance(1)
    slow.respond(CacheResponse(status: status, fields: ["Cache-Control": "max-age=600"], body: "old"))
    #expect(try await leader.text == "old")
    #expect(try await leader.task.value.fields["Cache-Status"]?.contains("detail=superseded") == true)
    #expect(try await origin.layer(fixture.cache).call(.get("/")).text() == "new")
    await fixture.cache.waitForLandings()
  }

  @Test func `another variant ends nobody's wait`() async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 2)
    fixture.advance(2)
    let neutral = await origin.nextCall()
    await fixture.cache.waitForWaiters(3)
    let varying: HeaderFields = ["Cache-Control": "max-age=60", "Vary": "X-Slow, Accept-Language"]
    slow.respond(CacheResponse(fields: varying, body: "another"))
    #expect(try await leader.text == "another")
    await eventually { fixture.cache.statistics.stores == 1 }
    #expect(!neutral.isCancelled)
    neutral.respond(CacheResponse(fields: Self.lasting, body: "for all"))
    _ = followers
    for follower in followers { follower.task.cancel() }
    for follower in followers { _ = await follower.task.result }
    await fixture.cache.waitForLandings()
  }

  @Test func `what the slow call shows of the resource is for those who wait for the neutral one`() async throws {
    let fixture = try Fixture(Self.policy)
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 3)
    fixture.advance(2)
    let neutral = await origin.nextCall()
    await fixture.cache.waitForWaiters(4)
    slow.respond(CacheResponse(fields: ["Cache-Control": "private"], body: "leader's"))
    #expect(try await leader.text == "leader's")
    await neutral.waitForCancellation()
    for _ in 0..<3 { await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "private"], body: "own")) }
    for follower in followers { #expect(try await follower.text == "own") }
    await fixture.cache.waitForLandings()
  }

  @Test func `without a limit others wait for the wait limit`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let (leader, slow, followers) = await slowLeader(fixture, origin, followers: 1)
    fixture.advance(9)
    await fixture.clock.waitForSleepers()
    slow.respond(CacheResponse(fields: Self.lasting, body: "for all"))
    #expect(try await followers[0].text == "for all")
    #expect(try await leader.text == "for all")
    #expect(origin.callCount == 1)
  }

  @Test func `a crowd at a slow origin costs two calls, by the clock of the system`() async throws {
    var policy = Self.policy
    policy.slowCallLimit = .milliseconds(20)
    for _ in 0..<20 {
      let cache = try CacheLayer(backend: InMemoryBackend(), policy: policy)
      let origin = ScriptedService()
      let service = origin.layer(cache)
      let tasks = (0..<20).map { _ in Task { try await service.call(.get("/")).text() } }
      let first = await origin.nextCall()
      let second = await origin.nextCall()
      await eventually { cache.waiterCount == 20 }
      #expect(origin.callCount == 2)
      second.respond(CacheResponse(fields: Self.lasting, body: "x"))
      first.respond(CacheResponse(fields: Self.lasting, body: "x"))
      for task in tasks { #expect(try await task.value == "x") }
      await cache.waitForLandings()
    }
  }

  @Test func `time in the queue for the origin does not count`() async throws {
    let clock = ManualClock()
    let cacheClock = CacheClock(clock)
    let backend = try InMemoryBackend(
      configuration: InMemoryBackend.Configuration(capacity: 1 << 20, clock: cacheClock))
    let cache = try CacheLayer(
      backend: backend, policy: Self.policy, originLimit: .fixed(1, queueDeadline: .seconds(60)), clock: cacheClock)
    let origin = ScriptedService()
    let service = origin.layer(cache)
    let other = Task { try await service.call(.get("/other")) }
    let held = await origin.nextCall()
    let leader = Task { try await service.call(.get("/", ["X-Slow": "1"])) }
    await cache.waitForWaiters(2)
    let follower = Task { try await service.call(.get("/")).text() }
    await cache.waitForWaiters(3)
    clock.advance(by: .seconds(5))
    held.respond(CacheResponse(body: "other"))
    _ = try await other.value
    let slow = await origin.nextCall()
    #expect(slow.request.fields["X-Slow"] == "1")
    slow.respond(CacheResponse(fields: Self.lasting, body: "for all"))
    #expect(try await follower.value == "for all")
    _ = try await leader.value
    #expect(origin.callCount == 2)
  }

  @Test func `the state machine: who has been released as overdue is not let in again, whatever the clock says`() {
    func at(_ seconds: Int) -> CacheInstant { CacheInstant(nanoseconds: 1_000_000_000 * Int64(100 + seconds)) }
    var machine = FlightStateMachine<Void>(
      isKept: false, attempts: 2, hardDeadline: nil, beganAt: at(0), slowCallLimit: .seconds(2))
    _ = machine.join(deadline: nil)
    _ = machine.join(deadline: nil, waitLimit: .seconds(10), at: at(0))
    #expect(machine.due(at: at(2)) == .init(overdue: [2]))
    // A clock that lags behind.
    #expect(machine.join(deadline: nil, waitLimit: .seconds(10), at: at(1)) == .overdue)
    var hung = FlightStateMachine<Void>(isKept: false, attempts: 2, hardDeadline: nil, beganAt: at(0))
    _ = hung.join(deadline: nil)
    _ = hung.join(deadline: nil, waitLimit: .seconds(10), at: at(0))
    #expect(hung.due(at: at(10)).expired == [2])
    #expect(hung.join(deadline: nil, waitLimit: .seconds(10), at: at(9)) == .refuse)
  }

  @Test func `the state machine: others are released when the call of a client's request is overdue`() {
    func at(_ seconds: Int) -> CacheInstant { CacheInstant(nanoseconds: 1_000_000_000 * Int64(100 + seconds)) }
    func machine(isRefresh: Bool = false, waitsForTurn: Bool = false) -> FlightStateMachine<Void> {
      FlightStateMachine<Void>(
        isKept: false, attempts: 2, hardDeadline: nil, beganAt: at(0), isRefresh: isRefresh,
        slowCallLimit: .seconds(2), waitsForTurn: waitsForTurn)
    }
    var plain = machine()
    #expect(plain.join(deadline: nil) == .wait(1))
    // A leader that is alone needs no alarm.
    #expect(plain.nextDeadline == nil)
    #expect(plain.join(deadline: nil, waitLimit: .seconds(10), at: at(1)) == .wait(2))
    #expect(plain.nextDeadline == at(2))
    #expect(plain.due(at: at(2)) == .init(overdue: [2]))
    #expect(plain.waiters.count == 1 && plain.isCalling && plain.isOverdue(at: at(2)))
    #expect(plain.join(deadline: nil, waitLimit: .seconds(10), at: at(2)) == .overdue)
    // The answer is wanted for a while, if the leader goes as well.
    #expect(plain.cancels(leave: 1) == false)
    #expect(plain.nextDeadline == at(12))
    #expect(plain.due(at: at(12)).cancelsOrigin)
    // A call in nobody's name is not overdue.
    var refresh = machine(isRefresh: true)
    #expect(refresh.join(deadline: nil, waitLimit: .seconds(10), at: at(3)) == .wait(1))
    #expect(refresh.nextDeadline == at(10) && !refresh.isOverdue(at: at(9)))
    var retried = machine()
    _ = retried.join(deadline: nil)
    _ = retried.join(deadline: nil, waitLimit: .seconds(10), at: at(1))
    #expect(retried.failure() == .retry(2))
    retried.callsForAll()
    #expect(!retried.isOverdue(at: at(9)))
    // Time in the queue does not count.
    var queued = machine(waitsForTurn: true)
    _ = queued.join(deadline: nil)
    _ = queued.join(deadline: nil, waitLimit: .seconds(10), at: at(1))
    #expect(queued.nextDeadline == at(10) && !queued.isOverdue(at: at(9)))
    queued.originAsked(at: at(5))
    #expect(queued.nextDeadline == at(7) && queued.isOverdue(at: at(7)))
  }
}

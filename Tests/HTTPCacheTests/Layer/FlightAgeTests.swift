//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// What others wait for is measured from the beginning of the call (``CachePolicy/waitLimit``).
@Suite(.timeLimit(.minutes(5))) struct FlightAgeTests {
  private func ask(
    _ service: some Service<CacheRequest, CacheResponse>, _ cache: CacheLayer, waiting count: Int
  ) async -> Task<String, any Error> {
    let task = Task { try await service.call(.get("/")).text() }
    await cache.waitForWaiters(count)
    return task
  }

  @Test func `a call that is never answered holds up followers until its limit, and later requests not at all`()
    async throws
  {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let leader = await ask(service, fixture.cache, waiting: 1)
    let hung = await origin.nextCall()
    fixture.advance(4)
    let follower = await ask(service, fixture.cache, waiting: 2)
    await fixture.clock.waitForSleepers()
    // Six seconds later, not ten, it begins another call. Whoever comes now shares that, and what it brings is stored.
    fixture.advance(6)
    let second = await origin.nextCall()
    let others = [await ask(service, fixture.cache, waiting: 3), await ask(service, fixture.cache, waiting: 4)]
    second.respond(CacheResponse(body: "new"))
    for task in [follower] + others { #expect(try await task.value == "new") }
    await fixture.events.waitFor(.stored)
    #expect(try await service.call(.get("/")).outcome == .hit)
    #expect(origin.callCount == 2)
    #expect(fixture.cache.statistics.bypasses == [:])
    // Its leader still waits for the first.
    #expect(!hung.isCancelled)
    leader.cancel()
    _ = await leader.result
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    await hung.waitForCancellation()
    await fixture.cache.waitForLandings()
  }

  @Test func `all who have waited in vain share one more call, and only then go their own ways`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let leader = await ask(service, fixture.cache, waiting: 1)
    _ = await origin.nextCall()
    var followers: [Task<String, any Error>] = []
    for count in 2...20 { followers.append(await ask(service, fixture.cache, waiting: count)) }
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    _ = await origin.nextCall()
    await fixture.cache.waitForWaiters(20)
    #expect(origin.callCount == 2)
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    // The leader of the second still waits for it.
    for _ in 0..<18 { await origin.nextCall().respond(CacheResponse(body: "alone")) }
    await eventually { fixture.cache.statistics.bypasses == [.waitLimit: 18] }
    for task in [leader] + followers { task.cancel() }
    for task in followers { _ = await task.result }
  }

  @Test func `who has waited in vain gets what is stale when the origin fails`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    async let first = service.call(.get("/"))
    await origin.nextCall().respond(
      CacheResponse(fields: ["Cache-Control": "max-age=10, stale-if-error=600"], body: "v1"))
    _ = try await first
    fixture.advance(20)
    let leader = await ask(service, fixture.cache, waiting: 1)
    _ = await origin.nextCall()
    let follower = await ask(service, fixture.cache, waiting: 2)
    for _ in 0..<2 {
      await fixture.clock.waitForSleepers()
      fixture.advance(10)
      if origin.callCount == 2 { await origin.nextCall().respond(CacheResponse(status: 503)) }
    }
    #expect(try await follower.value == "v1")
    leader.cancel()
    _ = await leader.result
  }

  @Test func `followers that have waited in vain do not keep a call alive for ever`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let leader = await ask(service, fixture.cache, waiting: 1)
    let hung = await origin.nextCall()
    let follower = await ask(service, fixture.cache, waiting: 2)
    leader.cancel()
    _ = await leader.result
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "no-store"], body: "alone"))
    #expect(try await follower.value == "alone")
    #expect(!hung.isCancelled)
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    await hung.waitForCancellation()
    await fixture.cache.waitForLandings()
  }

  @Test func `an answer that comes a little late is stored, although all have gone their own ways`() async throws {
    let fixture = try Fixture()
    let origin = ScriptedService()
    let service = origin.layer(fixture.cache)
    let leader = await ask(service, fixture.cache, waiting: 1)
    let slow = await origin.nextCall()
    let follower = await ask(service, fixture.cache, waiting: 2)
    leader.cancel()
    _ = await leader.result
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "no-store"], body: "alone"))
    _ = try await follower.value
    slow.respond(CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "late"))
    await fixture.events.waitFor(.stored)
    #expect(try await service.call(.get("/")).text() == "late")
  }

  @Test func `the state machine: limits count from the beginning of the call`() {
    func at(_ seconds: Int) -> CacheInstant { CacheInstant(nanoseconds: 1_000_000_000 * Int64(100 + seconds)) }
    func machine(isKept: Bool = false, isRefresh: Bool = false) -> FlightStateMachine<Void> {
      FlightStateMachine<Void>(
        isKept: isKept, attempts: 1, hardDeadline: nil, beganAt: at(0), isRefresh: isRefresh)
    }
    var plain = machine()
    #expect(plain.join(deadline: nil) == .wait(1))
    #expect(plain.join(deadline: nil, waitLimit: .seconds(10), at: at(4)) == .wait(2))
    #expect(plain.nextDeadline == at(10))
    // Something stale at hand: its own deadline comes first.
    #expect(plain.join(deadline: at(7), waitLimit: .seconds(10), at: at(6)) == .wait(3))
    #expect(plain.due(at: at(7)) == .init(expired: [3]))
    #expect(plain.isKept)
    #expect(plain.due(at: at(10)) == .init(expired: [2]))
    #expect(plain.join(deadline: nil, waitLimit: .seconds(10), at: at(10)) == .refuse)
    plain.replaced(waitLimit: .seconds(10), at: at(10))
    #expect(plain.cancels(leave: 1) == false)
    #expect(plain.due(at: at(20)) == .init(cancelsOrigin: true))
    // A refresh that never ends is replaced as well; what the policy wants to be finished is finished.
    var refresh = machine(isKept: true, isRefresh: true)
    refresh.replaced(waitLimit: .seconds(10), at: at(11))
    #expect(refresh.due(at: at(21)) == .init(cancelsOrigin: true))
    var kept = machine(isKept: true)
    kept.replaced(waitLimit: .seconds(10), at: at(11))
    #expect(kept.nextDeadline == nil && kept.isCalling)
    // Attaching to a body takes no waiting.
    var answered = machine()
    _ = answered.join(deadline: nil)
    _ = answered.answered(for: [1], isShared: true)
    #expect(answered.join(deadline: nil, waitLimit: .seconds(10), at: at(100)) == .attach)
  }

  @Test func `the state machine: a body is waited for as long as a head`() {
    func at(_ seconds: Int) -> CacheInstant { CacheInstant(nanoseconds: 1_000_000_000 * Int64(100 + seconds)) }
    func answered(isKept: Bool = false, isRefresh: Bool = false) -> FlightStateMachine<Void> {
      var machine = FlightStateMachine<Void>(
        isKept: isKept, attempts: 1, hardDeadline: nil, beganAt: at(0), isRefresh: isRefresh)
      _ = machine.join(deadline: nil)
      _ = machine.answered(for: [1], isShared: true)
      machine.bodyIsSilent(since: at(8))
      return machine
    }
    var machine = answered()
    #expect(machine.join(deadline: nil, waitLimit: .seconds(10), at: at(17)) == .attach)
    #expect(machine.join(deadline: nil, waitLimit: .seconds(10), at: at(18)) == .refuse)
    machine.bodyIsSilent(since: at(18))
    machine.replaced(waitLimit: .seconds(10), at: at(20))
    #expect(machine.nextDeadline == nil && !machine.isWanted)
    machine.replaced(waitLimit: .seconds(10), at: at(28))
    #expect(machine.nextDeadline == at(38) && machine.isWanted)
    // Whoever reads keeps it.
    var read = machine
    #expect(read.due(at: at(38), isUnread: false) == .init() && !read.isWanted && !read.isClosed)
    #expect(machine.due(at: at(38), isUnread: true) == .init(cancelsOrigin: true) && machine.isClosed)
    // What is all there is waited for no longer.
    var complete = answered()
    complete.bodyIsSilent(since: nil)
    #expect(complete.join(deadline: nil, waitLimit: .seconds(10), at: at(100)) == .attach)
    // A refresh is given up; what the policy wants to be finished is finished.
    var refresh = answered(isKept: true, isRefresh: true)
    refresh.replaced(waitLimit: .seconds(10), at: at(18))
    #expect(refresh.due(at: at(28), isUnread: true).cancelsOrigin)
    var kept = answered(isKept: true)
    kept.replaced(waitLimit: .seconds(10), at: at(18))
    #expect(kept.nextDeadline == nil && kept.isWanted)
  }
}

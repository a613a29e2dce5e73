//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// An origin that sends a head, and then nothing: nobody waits for the rest longer than ``CachePolicy/waitLimit``.
@Suite(.timeLimit(.minutes(5))) struct SilentBodyTests {
  private let fixture: Fixture
  private let origin = ScriptedService()
  private let isCancelled = OneShot<Void>()
  private let channel: BodyChannel
  private let service: Layered<CacheLayer, ScriptedService>

  init() throws {
    fixture = try Fixture()
    channel = BodyChannel { [isCancelled] in isCancelled.finish(()) }
    service = origin.layer(fixture.cache)
  }

  private func answer(_ body: Body, _ fields: HeaderFields = [:]) -> CacheResponse {
    var response = CacheResponse(fields: ["Cache-Control": "max-age=3600"], body: body)
    for field in fields { response.fields.append(field.name, field.value) }
    return response
  }

  private func ask(_ fields: HeaderFields = [:]) -> Task<CacheResponse, any Error> {
    Task { [service] in try await service.call(.get("/", fields)) }
  }

  @Test func `a body that has been silent for the limit takes nobody new, and the next request calls the origin`()
    async throws
  {
    let first = ask()
    await origin.nextCall().respond(answer(channel.body))
    let leader = try await first.value
    fixture.advance(9)
    let follower = try await ask().value
    #expect(follower.outcome == .collapsed)
    fixture.advance(1)
    let next = ask()
    await origin.nextCall().respond(answer("new"))
    #expect(try await next.value.text() == "new")
    #expect(try await ask().value.outcome == .hit)
    #expect(origin.callCount == 2)
    // Who reads already is served to the end, if there is one.
    #expect(await channel.write("late"))
    channel.finish()
    for response in [leader, follower] { #expect(try await response.text() == "late") }
  }

  @Test func `a body that goes on, however slowly, is shared`() async throws {
    let first = ask()
    await origin.nextCall().respond(answer(channel.body))
    let reader = try await first.value.body.makeReader()
    for _ in 0..<10 {
      fixture.advance(9)
      #expect(try await ask().value.outcome == .collapsed)
      #expect(await channel.write("x"))
      _ = try await reader.next()
    }
    fixture.advance(9)
    let last = try await ask().value
    channel.finish()
    #expect(try await last.text() == "xxxxxxxxxx")
    #expect(origin.callCount == 1)
  }

  @Test func `a silent body that nobody reads is given up one more limit after another has taken its place`()
    async throws
  {
    // This client needs no body; the next one would.
    let first = ask(["If-None-Match": "\"a\""])
    await origin.nextCall().respond(answer(channel.body, ["ETag": "\"a\""]))
    #expect(try await first.value.status == 304)
    fixture.advance(10)
    let next = ask()
    await origin.nextCall().respond(answer("new"))
    #expect(try await next.value.text() == "new")
    fixture.advance(9)
    #expect(isCancelled.current == nil)
    fixture.advance(1)
    _ = await isCancelled.value()
    await fixture.cache.waitForLandings()
  }

  /// A call whose follower has given up after the limit, which gives the call as long again.
  private func callWithoutFollower(leader: Task<CacheResponse, any Error>) async throws -> ScriptedService.Call {
    let call = await origin.nextCall()
    let follower = ask()
    await fixture.cache.waitForWaiters(2)
    await fixture.clock.waitForSleepers()
    fixture.advance(10)
    await origin.nextCall().respond(CacheResponse(fields: ["Cache-Control": "no-store"], body: "alone"))
    #expect(try await follower.value.text() == "alone")
    return call
  }

  @Test func `the time that a late call is given ends also when its head has come, and only silence follows`()
    async throws
  {
    let leader = ask()
    let call = try await callWithoutFollower(leader: leader)
    leader.cancel()
    _ = await leader.result
    #expect(!call.isCancelled)
    call.respond(answer(channel.body))
    await eventually { fixture.cache.flights.all.contains { !$0.isCalling } }
    fixture.advance(9)
    #expect(isCancelled.current == nil)
    fixture.advance(1)
    _ = await isCancelled.value()
    await fixture.cache.waitForLandings()
  }

  @Test func `in that time a body is stored also when its last reader has gone`() async throws {
    let leader = ask()
    let call = try await callWithoutFollower(leader: leader)
    call.respond(answer(channel.body))
    try await leader.value.body.cancel()
    #expect(await channel.write("late"))
    channel.finish()
    await fixture.events.waitFor(.stored)
    #expect(try await ask().value.text() == "late")
    #expect(origin.callCount == 2)
  }
}

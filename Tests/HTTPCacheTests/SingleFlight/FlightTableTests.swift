//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Testing

@testable import HTTPCache

@Suite struct FlightTableTests {
  private func key(_ number: Int) -> CacheKey { CacheKey(custom: "key \(number)") }

  private func flight(_ number: Int) throws -> Flight {
    let clock = CacheClock.system
    let plan = try FetchPlan(
      request: CacheRequest(), directives: .none, policy: ResolvedPolicy(CachePolicy(), clock: clock),
      key: key(number), next: AnyService(Handler { _ in CacheResponse() }), stored: nil, reason: .absent, stamp: nil,
      startedAt: clock.now, outer: nil)
    return Flight(
      key: nil, for: plan, isRefresh: false, isAlone: false, isStamped: false, scope: TagScope(isAmbient: false),
      clock: clock,
      machine: FlightStateMachine(isKept: false, attempts: 1, hardDeadline: nil, isRefresh: false), leader: false,
      deadline: nil)
  }

  private func land(_ number: Int, _ table: FlightTable) throws {
    let flight = try flight(number)
    let (found, landings) = table.flight(for: key(number))
    #expect(found == nil)
    #expect(table.insert(flight, replacing: nil, landings: landings))
    #expect(table.flight(for: key(number)).flight === flight)
    table.remove(flight)
    flight.close()
  }

  @Test func `what has landed since is known by its key`() throws {
    let table = FlightTable()
    try land(1, table)
    let before = table.landings
    #expect(!table.hasLanded(key(1), since: before))
    try land(2, table)
    #expect(table.hasLanded(key(2), since: before))
    #expect(!table.hasLanded(key(1), since: before))
    #expect(!table.hasLanded(key(2), since: table.landings))
    #expect(table.hasLanded(key(1), since: before - 1))
  }

  @Test func `who has missed many landings cannot know`() throws {
    let table = FlightTable()
    let before = table.landings
    for number in 0..<1_000 { try land(number, table) }
    #expect(table.hasLanded(key(5_000), since: before))
    #expect(!table.hasLanded(key(5_000), since: table.landings))
    #expect(table.isEmpty)
  }

  @Test func `a flight is not added to a table that has changed`() throws {
    let table = FlightTable()
    let (_, landings) = table.flight(for: key(1))
    try land(1, table)
    let late = try flight(1)
    #expect(!table.insert(late, replacing: nil, landings: landings))
    late.close()
  }
}

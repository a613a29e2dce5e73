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
      request: CacheRequest(), policy: ResolvedPolicy(CachePolicy(), clock: clock), key: key(number),
      next: AnyService(Handler { _ in CacheResponse() }), startedAt: clock.now)
    return Flight(
      for: plan, scope: TagScope(isAmbient: false), clock: clock,
      machine: FlightStateMachine(isKept: false, attempts: 1, hardDeadline: nil))
  }

  private func end(_ number: Int, _ table: FlightTable) throws {
    let flight = try flight(number)
    let (found, endedCount) = table.flight(for: key(number))
    #expect(found == nil)
    #expect(table.insert(flight, replacing: nil, endedCount: endedCount))
    #expect(table.flight(for: key(number)).flight === flight)
    table.remove(flight)
    flight.close()
  }

  @Test func `what has ended since is known by its key`() throws {
    let table = FlightTable()
    try end(1, table)
    let before = table.endedCount
    #expect(!table.hasEnded(key(1), since: before))
    try end(2, table)
    #expect(table.hasEnded(key(2), since: before))
    #expect(!table.hasEnded(key(1), since: before))
    #expect(!table.hasEnded(key(2), since: table.endedCount))
    #expect(table.hasEnded(key(1), since: before - 1))
  }

  @Test func `who has missed many ends cannot know`() throws {
    let table = FlightTable()
    let before = table.endedCount
    for number in 0..<1_000 { try end(number, table) }
    #expect(table.hasEnded(key(5_000), since: before))
    #expect(!table.hasEnded(key(5_000), since: table.endedCount))
    #expect(table.isEmpty)
  }

  @Test func `a flight is not added to a table that has changed`() throws {
    let table = FlightTable()
    let (_, endedCount) = table.flight(for: key(1))
    try end(1, table)
    let late = try flight(1)
    #expect(!table.insert(late, replacing: nil, endedCount: endedCount))
    late.close()
  }
}

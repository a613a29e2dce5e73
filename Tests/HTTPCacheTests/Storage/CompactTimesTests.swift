//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite struct CompactTimesTests {
  private static let now: Int64 = 86_400_123_456_789

  /// Times by their distances: of birth before receipt, of the end of freshness after birth, of the rest after that.
  private static func times(
    age: Int64 = 0, lifetime: Int64, windows: (Int64, Int64) = (0, 0), kept: Int64 = 0
  ) -> EntryTimes {
    let birth = CacheInstant(nanoseconds: now - age)
    let freshUntil = birth.advanced(byNanoseconds: lifetime)
    return EntryTimes(
      birth: birth, receivedAt: CacheInstant(nanoseconds: now), freshUntil: freshUntil,
      staleWhileRevalidateUntil: freshUntil.advanced(byNanoseconds: windows.0),
      staleIfErrorUntil: freshUntil.advanced(byNanoseconds: windows.1),
      reclaimAt: freshUntil.advanced(byNanoseconds: kept))
  }

  private static let second: Int64 = 1_000_000_000

  @Test(arguments: [
    times(lifetime: 0), times(age: 123_456_789, lifetime: 3600 * second),
    times(
      age: 3 * second, lifetime: 31_536_000 * second, windows: (60 * second, 86_400 * second), kept: 604_800 * second),
    times(lifetime: 1500 * 1_000_000), times(lifetime: 100_000_001_000), times(lifetime: .max),
    times(lifetime: 60 * second, windows: (.max, 0), kept: .max),
  ])
  func `what is usual fits, and loses nothing`(times: EntryTimes) {
    #expect(CompactTimes(times)?.times == times)
  }

  @Test func `a policy's lifetime counts from receipt`() {
    var times = Self.times(age: 123_456_789, lifetime: 0)
    times.freshUntil = times.receivedAt.advanced(by: .seconds(60))
    times.staleWhileRevalidateUntil = times.freshUntil
    times.staleIfErrorUntil = times.freshUntil
    times.reclaimAt = times.receivedAt.advanced(by: .seconds(90))
    #expect(CompactTimes(times)?.times == times)
  }

  @Test(arguments: [
    times(age: -1, lifetime: 0), times(age: second + 1, lifetime: second), times(lifetime: second + 1),
    times(lifetime: second, windows: (-1, 0)), times(lifetime: second, kept: .min),
    times(lifetime: .max - now - 1),
  ])
  func `what does not fit is kept as it is`(times: EntryTimes) {
    #expect(CompactTimes(times) == nil)
    let entry = CacheEntry(key: EntrySample.key(1), status: 200, fields: [:], body: Bytes(), times: times)
    #expect(entry.times == times)
    #expect(entry.with(times: Self.times(lifetime: 0)).times == Self.times(lifetime: 0))
    #expect(entry.objectByteCount > CacheEntry.allocationSize)
  }

  @Test func `any times come back`() {
    var generator = SplitMix64(seed: 11)
    func moment() -> CacheInstant {
      let magnitude = Int64(1) << Int64.random(in: 0..<63, using: &generator)
      let unit: Int64 = [1, 1000, 1_000_000, 1_000_000_000].randomElement(using: &generator) ?? 1
      let moment = Int64.random(in: -magnitude..<magnitude, using: &generator) / unit * unit
      return Bool.random(using: &generator) ? CacheInstant(nanoseconds: moment) : .distantFuture
    }
    for _ in 0..<20_000 {
      let times = EntryTimes(
        birth: moment(), receivedAt: moment(), freshUntil: moment(), staleWhileRevalidateUntil: moment(),
        staleIfErrorUntil: moment(), reclaimAt: moment())
      let entry = CacheEntry(key: EntrySample.key(1), status: 200, fields: [:], body: Bytes(), times: times)
      #expect(entry.times == times)
    }
  }

  @Test(arguments: [0, 1, 536_870_910, 536_870_911, 600_000_000_001, 700_000_000_000_001, 536_000_000_000_000_001])
  func `what is rounded fits`(distance: Int64) {
    let down = CompactTimes.rounded(distance, .down)
    let up = CompactTimes.rounded(distance, .up)
    #expect(down <= distance && distance <= up)
    // By a millionth at most.
    #expect(distance - down <= distance / 500_000 && up - distance <= distance / 500_000)
    let receivedAt = CacheInstant(nanoseconds: 0)
    let birth = CacheInstant(nanoseconds: -up)
    #expect(
      CompactTimes(
        EntryTimes(
          birth: birth, receivedAt: receivedAt, freshUntil: birth.advanced(byNanoseconds: down),
          staleWhileRevalidateUntil: birth.advanced(byNanoseconds: down),
          staleIfErrorUntil: birth.advanced(byNanoseconds: down), reclaimAt: birth.advanced(byNanoseconds: down)))
        != nil)
  }
}

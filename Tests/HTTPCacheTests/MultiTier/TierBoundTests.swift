//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// The bounds of the tiers hold when the same keys come again and again, and when time passes.
@Suite(.timeLimit(.minutes(5))) struct TierBoundTests {
  private let down = CacheError(.unavailable, "down")

  @Test(arguments: [1, 37, 1000])
  func `writes of the same keys that wait for a failed tier take no more memory`(keys: Int) async throws {
    var configuration = TierConfiguration(writing: .back)
    configuration.suspension = .seconds(1)
    let fixture = try TierFixture(configuration)
    fixture.far.always(.store, .error(down))
    for number in 0..<(20_000 / keys) {
      for key in 0..<keys { try await fixture.put(fixture.entry("/\(key)", Bytes("\(number)"))) }
      if number % 10 == 0 { fixture.clock.advance(by: .milliseconds(100)) }
    }
    #expect(fixture.tiers.waitingWriteCount <= keys + 8)
    #expect(capacity(fixture) <= 16 * (keys + 64))
    fixture.far.heal()
    await fixture.advance { fixture.tiers.waitingWriteCount == 0 }
    let last = 20_000 / keys - 1
    #expect(try await fixture.store.lookup(TierFixture.key("/0")).entry?.body == Bytes("\(last)"))
    #expect(capacity(fixture) <= 256)
  }

  private func capacity(_ fixture: TierFixture) -> Int { fixture.tiers.writes.withLock { $0.capacity } }

  @Test func `a write that fails again and again moves no place of the line`() throws {
    let fixture = try TierFixture()
    var writes = WaitingWrites(maximumCount: 100, maximumWeight: 1 << 20)
    for key in 0..<50 {
      _ = writes.add(
        .init(entry: fixture.entry("/\(key)"), stamp: InvalidationStamp(0), since: .distantPast, isServable: true))
    }
    for _ in 0..<10_000 {
      guard let write = writes.beginOldest() else { break }
      #expect(write.entry.key == TierFixture.key("/0"))
      let waitsAgain = writes.retry(write.entry.key, maximumAttempts: .max)
      #expect(waitsAgain)
    }
    #expect(writes.count == 50)
  }

  /// The two reports come from calls that were under way at the same time.
  @Test func `a tier that answers again is not left alone, in whatever order success and failure are reported`()
    async throws
  {
    let clock = ManualClock()
    var configuration = TierConfiguration(clock: CacheClock(clock))
    configuration.failureThreshold = 1
    configuration.timeout = nil
    let tier = Tier(
      InMemoryBackend(),
      names: .init(failed: .farFailed, suspended: .farSuspended, recovered: .farRecovered, text: "far"),
      configuration: configuration, reporter: TierReporter(nil))
    let down = down
    for _ in 0..<300 {
      await withTaskGroup(of: Void.self) { group in
        for number in 0..<8 {
          group.addTask { @concurrent in
            for _ in 0..<50 {
              try? await tier.call(as: .lookup) { _ in if number % 2 == 0 { throw down } }
              clock.advance(by: .seconds(31))
            }
          }
        }
      }
      clock.advance(by: .seconds(60))
      try? await tier.call(as: .lookup) { _ in }
      guard !tier.isSuspended else {
        Issue.record("the tier counts as suspended after a call that it has answered")
        return
      }
    }
  }
}

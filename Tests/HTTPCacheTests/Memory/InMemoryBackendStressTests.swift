//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

@Suite(.timeLimit(.minutes(5))) struct InMemoryBackendStressTests {
  /// Threads of their own, so that they really run at the same time.
  private static func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for number in 0..<count {
      group.enter()
      Thread.detachNewThread {
        body(number)
        group.leave()
      }
    }
    group.wait()
  }

  @Test(arguments: EvictionPolicy.all, [1, 16]) func `threads at once`(policy: EvictionPolicy, shardCount: Int) throws {
    let counter = LifeCounter()
    let capacity = 300_000
    let backend = try InMemoryBackend(
      configuration: .init(capacity: capacity, evictionPolicy: policy, shardCount: shardCount))
    let wrong = SharedCounter()
    Self.runThreads(6) { thread in
      var generator = SplitMix64(seed: UInt64(thread))
      for step in 0..<8000 {
        let number = Int.random(in: 0..<500, using: &generator)
        let now = backend.configuration.clock.now
        switch Int.random(in: 0..<100, using: &generator) {
        case 0..<55:
          if let entry = backend.peek(EntrySample.key(number), at: now).entry, entry.key != EntrySample.key(number) {
            wrong.add(1)
          }
        case 55..<90:
          let lifetime = Duration.microseconds(Int.random(in: 0...20_000, using: &generator))
          _ = backend.storeNow(
            EntrySample.entry(
              number, weight: Int.random(in: 400...20_000, using: &generator),
              reclaimAt: Bool.random(using: &generator) ? .distantFuture : now.advanced(by: lifetime), counter: counter)
          )
        case 90..<97: backend.removeEntryNow(for: EntrySample.key(number))
        case 97: backend.sweep(at: now)
        case 98: _ = backend.statistics
        default: if step % 50 == 0 { backend.removeAllNow() }
        }
      }
    }
    #expect(wrong.value == 0)
    #expect(backend.inconsistency() == nil)
    #expect(counter.count == backend.statistics.entryCount)
    #expect(backend.statistics.byteCount <= capacity)
    backend.removeAllNow()
    #expect(counter.count == 0)
  }
}

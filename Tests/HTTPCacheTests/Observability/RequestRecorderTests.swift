//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCacheTesting
import Testing

@testable import HTTPCache

/// Records of requests: all for a key or none, bounded, never waited for.
@Suite struct RequestRecorderTests {
  private final class Consumer: RequestRecordConsumer {
    let threshold: UInt64
    let digests = Locked<[KeyDigest]>([])
    let entered = DispatchSemaphore(value: 0)
    let gate: DispatchSemaphore?

    init(threshold: UInt64, gate: DispatchSemaphore? = nil) {
      self.threshold = threshold
      self.gate = gate
    }

    func consume(_ records: [RequestRecord]) {
      entered.signal()
      gate?.wait()
      digests.withLock { $0 += records.map(\.digest) }
    }
  }

  @Test func `all requests for a key are recorded, or none`() async throws {
    let cache = try CacheLayer(backend: InMemoryBackend(), policy: CachePolicy())
    let consumer = Consumer(threshold: .max / 2)
    cache.recorder.add(consumer)
    let service = Handler { _ in CacheResponse(fields: ["Cache-Control": "max-age=60"], body: "x") }.layer(cache)
    for _ in 0..<4 {
      for number in 0..<100 { _ = try await service.call(.get("/\(number)")) }
      cache.recorder.drain()
    }
    let counts = consumer.digests.withLock { Dictionary($0.map { ($0, 1) }, uniquingKeysWith: +) }
    let sampled = counts.filter { $0.key.high < .max / 2 }
    // Four requests, and the store.
    #expect(sampled.values.allSatisfy { $0 == 5 })
    #expect((20...80).contains(sampled.count))
    cache.recorder.remove(consumer)
    let before = consumer.digests.withLock { $0.count }
    for number in 0..<100 { _ = try await service.call(.get("/\(number)")) }
    cache.recorder.drain()
    #expect(consumer.digests.withLock { $0.count } == before)
  }

  @Test func `what a ring has no room for is dropped and counted, and nobody waits`() {
    let recorder = RequestRecorder()
    let gate = DispatchSemaphore(value: 0)
    let consumer = Consumer(threshold: .max, gate: gate)
    recorder.add(consumer)
    recorder.append(RequestRecord(.stored, KeyDigest(high: 0, low: 0), at: .distantPast))
    let hasDrained = DispatchSemaphore(value: 0)
    _ = DetachedThread.start {
      recorder.drain()
      hasDrained.signal()
    }
    consumer.entered.wait()
    // Whoever hands records on is stuck.
    for _ in 0..<RequestRecorder.ringCapacity + 88 {
      recorder.append(RequestRecord(.stored, KeyDigest(high: 0, low: 1), at: .distantPast))
    }
    #expect(recorder.dropCount == 88)
    for _ in 0..<4 { gate.signal() }
    hasDrained.wait()
    recorder.drain()
    #expect(consumer.digests.withLock { $0.count } == RequestRecorder.ringCapacity + 1)
  }
}

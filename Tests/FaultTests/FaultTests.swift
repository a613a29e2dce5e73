//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import FaultHarness
import Foundation
import ServerHarness
import Testing

/// A few of the cases of `scripts/fault_check.sh`, each in about three seconds.
@Suite(
  .serialized, .timeLimit(.minutes(60)),
  .enabled(
    if: RedisServerProcess.executable != nil && MemcachedServerProcess.executable != nil,
    "no redis-server or memcached on this machine"))
struct FaultTests {
  private static let chosen = [
    "Redis: kill -9", "Redis: SIGSTOP", "Redis: connections reset", "Redis: values corrupted", "Redis: full",
    "Redis Sentinel: kill -9, the replica lacks",
    "memory, Redis: SIGSTOP", "memcached: kill -9", "memcached: values corrupted",
  ]

  @Test(arguments: chosen)
  func `under load nobody gets an error or a wrong body, and it goes on by itself`(name: String) async throws {
    let fault = try #require(FaultCase.all.first { $0.name.hasPrefix(name) })
    let result = try await fault.run(.short)
    print(
      "\(fault.name): \(result.requests) requests, p99 \(result.latency.p99), used again after \(result.recovery, default: "-")"
    )
    #expect(result.errors == 0 && result.wrong == 0 && result.void == 0)
    // Under a sanitizer everything takes many times as long, so that times and hits say nothing.
    let environment = ProcessInfo.processInfo.environment
    guard environment["TSAN_OPTIONS"] == nil, environment["ASAN_OPTIONS"] == nil else { return }
    // How long they wait is for `scripts/fault_check.sh` to judge: here other things go on beside it.
    for promise in result.broken { Issue.record("\(promise) (\(result.notes))") }
    #expect(result.requests > 500)
    #expect(result.invalidations > 0)
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import HTTPCacheMemcached
import ServerHarness
import Testing

/// Everything that talks to servers, one test at a time: many watch the time, and one counts what the process holds open.
@Suite(.serialized, .enabled(if: MemcachedServerProcess.executable != nil, "no memcached found in PATH"))
struct MemcachedIntegrationTests {}

extension MemcachedConfiguration {
  /// For servers that a test has started: patient enough for a busy machine.
  init(_ servers: [MemcachedServerProcess], namespace: String = "test") {
    self.init(
      hosts: servers.map { server in
        server.socketPath.map { MemcachedHost(unixSocket: $0) } ?? MemcachedHost("127.0.0.1", port: server.port)
      }, namespace: namespace, timeout: .seconds(2), connectTimeout: .seconds(1), responseTimeout: .seconds(2),
      retryTimeout: .milliseconds(50), deadTimeout: .milliseconds(200))
  }
}

let hour = MemcachedExpiration(lifetime: .seconds(3600), now: CacheClock.system.unixTime)!

func whole(_ text: String) -> MemcachedValue { MemcachedValue(bytes: Bytes(text), flags: MemcachedFormat.whole) }

/// Runs `body` and says how long it took.
func timed<Value>(_ body: () async throws -> Value) async rethrows -> (value: Value, duration: Duration) {
  let start = ContinuousClock.now
  let value = try await body()
  return (value, ContinuousClock.now - start)
}

/// Tries `body` until it is true, for ten seconds at most.
func eventually(_ body: () async throws -> Bool) async throws -> Bool {
  let end = ContinuousClock.now + .seconds(60)
  while ContinuousClock.now < end {
    if try await body() { return true }
    try await Task.sleep(for: .milliseconds(10))
  }
  return false
}

/// The code of the error that `body` throws.
func failure(_ body: () async throws -> Void) async -> MemcachedError.Code? {
  do {
    try await body()
    return nil
  } catch {
    return (error as? MemcachedError)?.code
  }
}

/// How many descriptors this process has open, and how many threads of ours it runs.
func holdings() throws -> (descriptors: Int, threads: Int) {
  let descriptors = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  let threads = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").filter { task in
    (try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8))?.hasPrefix("memcached-") == true
  }.count
  return (descriptors, threads)
}

/// Bytes that differ from place to place.
func noise(_ count: Int, seed: UInt64 = 1) -> Bytes {
  Bytes(unsafeUninitializedCapacity: count + 8) { memory in
    var state = seed
    for offset in stride(from: 0, to: count, by: 8) {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      memory.storeBytes(of: state ^ state >> 29, toByteOffset: offset, as: UInt64.self)
    }
    return count
  }
}

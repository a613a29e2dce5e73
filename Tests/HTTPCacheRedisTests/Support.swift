//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheRedis

/// Whether this machine can run the tests that need a server.
let hasRedis = RedisServerProcess.executable != nil && RedisServerProcess.client != nil

/// What runs against real servers. One test after the other: they watch the time, and each keeps several processes busy.
@Suite(.serialized, .enabled(if: hasRedis, "no redis-server on this machine")) enum RedisIntegration {}

extension RedisServerProcess {
  var endpoint: RedisEndpoint { .tcp(port: port) }

  /// A client for this server that is connected.
  func client(_ change: (inout RedisConfiguration) -> Void = { _ in }) async throws -> RedisClient {
    var configuration = RedisConfiguration(mode: .single(endpoint))
    // The machine that runs the tests may be busy with other things.
    configuration.commandTimeout = .seconds(2)
    configuration.headOfLineTimeout = .seconds(4)
    configuration.reconnect = .init(minimum: .milliseconds(5), maximum: .milliseconds(100))
    change(&configuration)
    let client = try RedisClient(configuration)
    try await client.waitUntilReady(within: .seconds(5))
    return client
  }

  /// Where its connections are numbered: the number of the one that `client` uses.
  static func connectionID(_ client: RedisClient) async throws -> Int64? {
    try await client.send(RedisCommand("CLIENT", ["ID"])).integer
  }
}

/// Returns when `condition` holds.
func eventually(
  _ what: Comment, within limit: Duration = .seconds(60), sourceLocation: SourceLocation = #_sourceLocation,
  _ condition: () async throws -> Bool
) async throws {
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else {
      Issue.record(what, sourceLocation: sourceLocation)
      return
    }
    try await Task.sleep(for: .milliseconds(5))
  }
}

/// The code of the error that `body` throws; nil when it throws none.
func code(_ body: () async throws -> some Any) async -> RedisError.Code? {
  do {
    _ = try await body()
    return nil
  } catch {
    return (error as? RedisError)?.code
  }
}

/// Values of every length, told apart by a number.
func value(_ number: Int, count: Int) -> Bytes {
  // The same 256 octets over and over: made one by one, large ones would take seconds in a debug build.
  let period = (0..<256).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ number) }
  return Bytes(unsafeUninitializedCapacity: count) { memory in
    for offset in stride(from: 0, to: count, by: period.count) {
      UnsafeMutableRawBufferPointer(rebasing: memory[offset..<min(count, offset + period.count)]).copyBytes(
        from: period.prefix(count - offset))
    }
    return count
  }
}

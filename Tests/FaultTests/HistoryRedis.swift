//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import ServerHarness

@testable import HTTPCacheRedis

/// A Redis server that histories lose records of, one after the other, and that nodes reach through a proxy.
struct HistoryRedis: Sendable {
  /// A way in which the server does not do, or does not answer, what it is asked.
  enum Fault: String, CaseIterable {
    case memoryIsFull, replicaIsMissing, isReplica, mayNotAppend, answersAreLost
  }

  let server: RedisServerProcess
  let proxy: FaultyProxy
  private let client: RedisClient

  init() async throws {
    server = try RedisServerProcess()
    proxy = try FaultyProxy(to: server.port)
    client = try RedisClient(
      RedisConfiguration(
        mode: .single(.tcp(port: server.port)), commandTimeout: .seconds(10),
        headOfLineTimeout: .seconds(20)))
    try await client.waitUntilReady(within: .seconds(10))
  }

  func shutdown() async {
    await client.shutdown()
    proxy.close()
    server.kill()
  }

  /// Removes everything.
  func clear() async throws { try await command("FLUSHALL") }

  private func command(_ name: StaticString, _ arguments: RedisCommand.Argument...) async throws {
    _ = try await client.send(RedisCommand(name, arguments)).checked()
  }

  private static let copy = RedisScript(
    """
    redis.call('SELECT', 1)
    redis.call('FLUSHDB')
    redis.call('SELECT', 0)
    for _, key in ipairs(redis.call('KEYS', '*')) do redis.call('COPY', key, key, 'DB', 1) end
    return redis.call('DBSIZE')
    """)

  /// Keeps the present state, entries and log.
  func save() async throws { _ = try await client.evaluate(Self.copy, keys: [], arguments: []).checked() }

  /// Goes back to the state that was kept last: as after a failover to a replica that lacks what came later.
  func fallBack() async throws {
    try await command("SWAPDB", "0", "1")
    try await save()
  }

  func remove(_ key: String) async throws { try await command("DEL", .text(key)) }

  func begin(_ fault: Fault) async throws { try await set(fault, true) }
  func end(_ fault: Fault) async throws { try await set(fault, false) }

  private func set(_ fault: Fault, _ isOn: Bool) async throws {
    switch fault {
    case .memoryIsFull: try await command("CONFIG", "SET", "maxmemory", isOn ? "1" : "0")
    case .replicaIsMissing: try await command("CONFIG", "SET", "min-replicas-to-write", isOn ? "1" : "0")
    case .isReplica: try await isOn ? command("REPLICAOF", "127.0.0.1", "1") : command("REPLICAOF", "NO", "ONE")
    case .mayNotAppend: try await command("ACL", "SETUSER", "default", isOn ? "-xadd" : "+xadd")
    case .answersAreLost: proxy.fault = isOn ? .init(resetsWithin: 0) : .init()
    }
  }
}

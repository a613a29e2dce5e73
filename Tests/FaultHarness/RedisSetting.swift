//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheRedis
import ServerHarness

/// A cache in one Redis server, reached through a proxy that can be told to misbehave.
struct RedisSetting: Sendable {
  let server: RedisServerProcess
  let proxy: FaultyProxy
  let backend: RedisBackend
  let configuration: RedisConfiguration

  init() async throws {
    server = try RedisServerProcess()
    proxy = try FaultyProxy(to: server.port)
    configuration = RedisConfiguration(mode: .single(.tcp(port: proxy.port)))
    backend = try RedisBackend(configuration: configuration)
    try await backend.waitUntilReady(within: .seconds(10))
  }

  /// Changes a setting of the server.
  func set(_ name: String, _ value: String) throws {
    guard try server.command("CONFIG", "SET", name, value) == "OK" else {
      throw FaultError(description: "the server does not take \(name) \(value)")
    }
  }

  /// Appends so many invalidations that the log has as many records as it keeps.
  func fillLog() async throws {
    for round in 0..<17 {
      // Eight tags a record.
      for part in 0..<4 {
        let tags = (0..<8_000).map { "none:\(round):\(part):\($0)" }
        try await backend.invalidate(CacheInvalidation(.anyTag(tags)))
      }
    }
    guard let length = try Int(server.command("XLEN", "swift-http-cache:log")), length >= 65_536 else {
      throw FaultError(description: "the log is not full")
    }
  }

  func stage(
    strike: @escaping @Sendable () async throws -> Void, heal: @escaping @Sendable () async throws -> Void = {}
  ) -> Stage {
    Stage(backend: backend, configuration, strike: strike, heal: heal) { [server, proxy] in
      proxy.close()
      server.kill()
    }
  }
}

extension Stage {
  /// A cache that is kept in `backend`, alone.
  init(
    backend: RedisBackend, _ configuration: RedisConfiguration, strike: @escaping @Sendable () async throws -> Void,
    heal: @escaping @Sendable () async throws -> Void, close: @escaping @Sendable () -> Void
  ) {
    self.init(
      backend: backend, timeout: configuration.commandTimeout, strike: strike, heal: heal,
      // So many that in a cluster every node has some.
      isWell: { await answers(backend, Stage.probes) }, notes: { summary(backend.statistics) },
      close: {
        await backend.shutdown()
        close()
      })
  }

  /// Nothing is stored under these.
  static let probes = (0..<12).map { CacheKey(custom: "probe \($0)") }

  /// The same store behind this process's memory.
  func behindMemory(_ far: some CacheBackend) throws -> Stage {
    // Short, so that the far tier goes on being asked.
    let tiers = try MultiTierBackend(
      near: InMemoryBackend(), far: far,
      configuration: TierConfiguration(nearTimeToLive: .milliseconds(500), timeout: timeout))
    var stage = self
    stage.backend = tiers
    stage.isWell = { [isWell] in
      let statistics = tiers.statistics
      guard statistics[.farSuspended] == statistics[.farRecovered], tiers.pendingInvalidationCount == 0 else {
        // Somebody has to try it.
        for probe in Stage.probes { _ = try? await tiers.lookup(probe) }
        return false
      }
      return await isWell()
    }
    stage.notes = { [notes] in
      let counts = [TierEvent.Kind.farFailed, .farSuspended, .usedUnconfirmed, .writeDropped, .invalidationReplayed]
        .filter { tiers.statistics[$0] > 0 }.map { "\(tiers.statistics[$0]) × \($0)" }
      return ([notes()] + counts).filter { !$0.isEmpty }.joined(separator: ", ")
    }
    stage.close = { [close] in
      await tiers.shutdown(within: .seconds(2))
      await close()
    }
    return stage
  }
}

/// Whether all of `keys` can be looked for.
func answers(_ backend: some CacheBackend, _ keys: [CacheKey]) async -> Bool {
  for key in keys { if (try? await backend.lookup(key)) == nil { return false } }
  return true
}

func summary(_ statistics: RedisStatistics) -> String {
  var parts = statistics.failures.sorted { $0.value > $1.value }.map { "\($0.value) × \($0.key)" }
  let unreadable = statistics.unreadableEntries.values.reduce(0, +)
  if unreadable > 0 { parts.append("\(unreadable) unreadable") }
  if statistics.redirections > 0 { parts.append("\(statistics.redirections) redirections") }
  return parts.joined(separator: ", ")
}

/// Damages entries in a server as fast as one after the other.
struct RedisSaboteur: Sendable {
  private static let script = RedisScript(
    """
    local key = redis.call('RANDOMKEY')
    if not key or not string.find(key, ':entry:', 1, true) then return 0 end
    if redis.call('TYPE', key).ok ~= 'string' then return 0 end
    local kind, place = tonumber(ARGV[1]), tonumber(ARGV[2])
    local size = redis.call('STRLEN', key)
    if size == 0 then return 0 end
    if kind == 0 then
      local at = place % size
      local old = string.byte(redis.call('GETRANGE', key, at, at))
      redis.call('SETRANGE', key, at, string.char((old + 1 + place % 250) % 256))
    elseif kind == 1 then
      redis.call('SET', key, redis.call('GETRANGE', key, 0, place % size), 'KEEPTTL')
    elseif kind == 2 then
      redis.call('APPEND', key, 'x')
    elseif kind == 3 then
      local other = redis.call('RANDOMKEY')
      if redis.call('TYPE', other).ok ~= 'string' then return 0 end
      redis.call('SET', key, redis.call('GET', other), 'KEEPTTL')
    else
      local left = redis.call('PTTL', key)
      redis.call('DEL', key)
      redis.call('RPUSH', key, 'not', 'a', 'string')
      redis.call('PEXPIRE', key, math.max(left, 1))
    end
    return 1
    """)

  let client: RedisClient
  private let task: Task<Void, Never>

  init(_ server: RedisServerProcess) throws {
    let client = try RedisClient(RedisConfiguration(mode: .single(.tcp(port: server.port))))
    self.client = client
    task = Task {
      while !Task.isCancelled {
        _ = try? await client.evaluate(
          Self.script, keys: [],
          arguments: [.integer(.random(in: 0...4)), .integer(.random(in: 0..<1_000_000))])
        try? await Task.sleep(for: .milliseconds(4))
      }
    }
  }

  func stop() async {
    task.cancel()
    await task.value
    await client.shutdown()
  }
}

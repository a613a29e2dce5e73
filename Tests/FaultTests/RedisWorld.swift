//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheRedis
import HTTPCacheTesting
import ServerHarness

/// Three nodes of a Redis server, each with memory in front or without.
struct RedisWorld: StoreWorld {
  private typealias Tiers = MultiTierBackend<InMemoryBackend, RedisBackend>

  private let redis: HistoryRedis
  private let configuration: RedisConfiguration
  private let clocks: [CacheClock]
  private let progress = HistoryClock.Progress()
  private var backends: [RedisBackend] = []
  private var tiers: [Tiers] = []
  private var fault: HistoryRedis.Fault?

  let copyLifetime: Duration?
  var nodes: [any CacheBackend] { copyLifetime == nil ? backends : tiers }
  var clock: CacheClock { clocks[0] }

  init(_ redis: HistoryRedis, seed: UInt64, isBehindMemory: Bool) async throws {
    self.redis = redis
    try await redis.clear()
    try await redis.save()
    var configuration = RedisConfiguration(
      mode: .single(.tcp(port: redis.proxy.port)), commandTimeout: .seconds(5), headOfLineTimeout: .seconds(10))
    configuration.reconnect = .init(minimum: .milliseconds(2), maximum: .milliseconds(10))
    configuration.circuitBreaker = .init(openDuration: .milliseconds(5), maximumOpenDuration: .milliseconds(10))
    self.configuration = configuration
    copyLifetime = isBehindMemory ? .seconds(10) : nil
    let ahead: [Duration] = [.zero, .zero, [.zero, .seconds(3600), .seconds(-3600)][Int(seed % 3)]]
    clocks = ahead.map { [progress] in CacheClock(HistoryClock(ahead: $0, progress: progress)) }
    for clock in clocks {
      let backend = try await backend(clock)
      backends.append(backend)
      if isBehindMemory { tiers.append(try Self.tiers(backend, clock)) }
    }
  }

  private func backend(_ clock: CacheClock) async throws -> RedisBackend {
    let backend = try RedisBackend(configuration: configuration, clock: clock)
    if fault != .answersAreLost { try await backend.waitUntilReady() }
    return backend
  }

  private static func tiers(_ backend: RedisBackend, _ clock: CacheClock) throws -> Tiers {
    var configuration = TierConfiguration(nearTimeToLive: .seconds(10), timeout: .seconds(5))
    configuration.suspension = .milliseconds(5)
    configuration.longestSuspension = .milliseconds(10)
    return try MultiTierBackend(near: InMemoryBackend(clock: clock), far: backend, configuration: configuration)
  }

  func advance(by duration: Duration) { progress.add(duration) }

  func unconfirmedUses(by node: Int) -> Int {
    copyLifetime == nil ? 0 : tiers[node].statistics[.usedUnconfirmed]
  }

  func isSettled(_ node: Int) -> Bool {
    guard backends[node].statistics.waitingInvalidations == 0 else { return false }
    guard copyLifetime != nil else { return true }
    let statistics = tiers[node].statistics
    return tiers[node].pendingInvalidationCount == 0 && statistics[.farSuspended] == statistics[.farRecovered]
  }

  mutating func restart(_ node: Int) async throws {
    await end(node)
    backends[node] = try await backend(clocks[node])
    if copyLifetime != nil { tiers[node] = try Self.tiers(backends[node], clocks[node]) }
  }

  func save() async throws { try await redis.save() }

  mutating func lose(_ random: inout SplitMix64) async throws -> (text: String, isForgotten: Bool) {
    if Int.random(in: 0..<4, using: &random) == 0 {
      try await redis.remove("\(configuration.namespace):log")
      return ("the log", true)
    }
    try await redis.fallBack()
    return ("what came last", true)
  }

  mutating func hurt(_ random: inout SplitMix64) async throws -> String {
    let fault = HistoryRedis.Fault.allCases.randomElement(using: &random) ?? .memoryIsFull
    self.fault = fault
    try await redis.begin(fault)
    return fault.rawValue
  }

  mutating func heal() async throws {
    if let fault { try await redis.end(fault) }
    fault = nil
  }

  func shutdown() async { for node in nodes.indices { await end(node) } }

  private func end(_ node: Int) async {
    if copyLifetime != nil { await tiers[node].shutdown(within: .zero) }
    await backends[node].shutdown()
  }
}

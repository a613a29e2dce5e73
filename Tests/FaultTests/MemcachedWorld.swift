//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import ServerHarness

@testable import HTTPCacheMemcached

/// Three nodes of two memcached servers.
struct MemcachedWorld: StoreWorld {
  /// The servers, each behind a proxy.
  struct Servers {
    let servers: [MemcachedServerProcess]
    let proxies: [FaultyProxy]

    init() throws {
      servers = try (0..<2).map { _ in try MemcachedServerProcess() }
      proxies = try servers.map { try FaultyProxy(to: $0.port) }
    }

    func shutdown() {
      for proxy in proxies { proxy.close() }
      for server in servers { server.kill() }
    }
  }

  private let servers: Servers
  private let configuration: MemcachedConfiguration
  private let clocks: [CacheClock]
  private let progress = HistoryClock.Progress()
  private var backends: [MemcachedBackend]

  let copyLifetime: Duration? = nil
  var nodes: [any CacheBackend] { backends }
  var clock: CacheClock { clocks[0] }

  init(_ servers: Servers, seed: UInt64) throws {
    self.servers = servers
    let configuration = MemcachedConfiguration(
      hosts: servers.proxies.map { MemcachedHost("127.0.0.1", port: $0.port) }, namespace: "history-\(seed)",
      timeout: .seconds(5), connectTimeout: .seconds(2), responseTimeout: .seconds(2), failureThreshold: 1000,
      retryTimeout: .milliseconds(5), deadTimeout: .milliseconds(10))
    self.configuration = configuration
    let ahead: [Duration] = [.zero, .zero, [.zero, .seconds(3600), .seconds(-3600)][Int(seed % 3)]]
    clocks = ahead.map { [progress] in CacheClock(HistoryClock(ahead: $0, progress: progress)) }
    backends = try clocks.map { try MemcachedBackend(configuration: configuration, clock: $0) }
  }

  func advance(by duration: Duration) { progress.add(duration) }

  func unconfirmedUses(by node: Int) -> Int { 0 }

  func isSettled(_ node: Int) -> Bool { !backends[node].logs.contains { $0.pending.isWaiting } }

  mutating func restart(_ node: Int) async throws {
    await backends[node].shutdown()
    backends[node] = try MemcachedBackend(configuration: configuration, clock: clocks[node])
  }

  func save() {}

  mutating func lose(_ random: inout SplitMix64) async throws -> (text: String, isForgotten: Bool) {
    let keys = MemcachedKeySpace(namespace: configuration.namespace)
    let kinds: [(String, [MemcachedKey])] = [
      ("the counter", [keys.sharedKey(.clock)]), ("the ledger", [keys.sharedKey(.ledger)]),
      ("counter and ledger", [keys.sharedKey(.clock), keys.sharedKey(.ledger)]),
      ("marks of tags", ["tag:0", "tag:1", "all"].map { keys.key(.tag, $0) }),
      ("the mark of a key", (0..<6).map { MemcachedPlace(StoreHistory.key($0), keys, backends[0].client).bucket }),
      ("everything", []),
    ]
    let (text, lost) = kinds[Int.random(in: 0..<kinds.count, using: &random)]
    let server = servers.servers[Int.random(in: 0..<2, using: &random)]
    for key in lost { _ = try server.ask("delete \(key)") }
    if lost.isEmpty { _ = try server.ask("flush_all") }
    // What is left tells everybody.
    return (text, false)
  }

  mutating func hurt(_ random: inout SplitMix64) async throws -> String {
    let some = [[0], [1], [0, 1]][Int.random(in: 0..<3, using: &random)]
    let refusesWrites = Bool.random(using: &random)
    for index in some {
      servers.proxies[index].fault =
        refusesWrites ? .init(forbidden: ["set ", "add ", "cas "]) : .init(resetsWithin: 0)
    }
    return "\(refusesWrites ? "writes are refused" : "answers are lost"), \(some.count) of 2"
  }

  mutating func heal() { for proxy in servers.proxies { proxy.fault = .init() } }

  func shutdown() async { for backend in backends { await backend.shutdown() } }
}

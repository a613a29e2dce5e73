//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import HTTPCacheMemcached
import HTTPCacheRedis
import ServerHarness

extension FaultCase {
  /// All there are.
  public static let all: [FaultCase] =
    redis + redisStart + redisBehindMemory + cluster + sentinel + memcached + memcachedBehindMemory

  private typealias Step = @Sendable () async throws -> Void

  /// A fault of one server, whatever is in front of it.
  private struct ServerFault<Setting: Sendable>: Sendable {
    var name: String
    var duration = Duration.seconds(3)
    var workers: Int?
    var steps: @Sendable (Setting) -> (strike: Step, heal: Step)
  }

  private static let killed = "kill -9, back after 3 s"
  private static let hung = "SIGSTOP for 10 s"
  private static let emptied = "restarted, empty"
  private static let delayed = "20 ms more in each direction"
  private static let lost = "300 ms more in each direction"
  private static let distant = "25 ms more in each direction"
  private static let full = "full: maxmemory 1, noeviction"
  private static let lonely = "min-replicas-to-write 1, no replica"
  private static let reset = "connections reset mid-reply"
  private static let corrupted = "values corrupted in the server"

  // MARK: Redis

  private static let redisFaults: [ServerFault<RedisSetting>] = [
    ServerFault(name: killed) { setting in ({ setting.server.kill() }, { try setting.server.start() }) },
    ServerFault(name: hung, duration: .seconds(10)) { setting in
      ({ setting.server.pause() }, { setting.server.resume() })
    },
    ServerFault(name: emptied, duration: .seconds(1)) { setting in
      (
        {
          setting.server.kill()
          try setting.server.start()
        }, {}
      )
    },
    ServerFault(name: delayed) { proxied($0.proxy, .init(delay: .milliseconds(20))) },
    ServerFault(name: distant) { proxied($0.proxy, .init(delay: .milliseconds(25))) },
    ServerFault(name: lost) { proxied($0.proxy, .init(delay: .milliseconds(300))) },
    ServerFault(name: full) { setting in
      ({ try setting.set("maxmemory", "1") }, { try setting.set("maxmemory", "0") })
    },
    ServerFault(name: lonely) { setting in
      ({ try setting.set("min-replicas-to-write", "1") }, { try setting.set("min-replicas-to-write", "0") })
    },
    ServerFault(name: reset) { proxied($0.proxy, .init(resetsWithin: 60_000)) },
    ServerFault(name: corrupted) { setting in
      let saboteur = Locked<RedisSaboteur?>(nil)
      return (
        {
          let started = try RedisSaboteur(setting.server)
          saboteur.withLock { $0 = started }
        }, { await saboteur.withLock { $0 }?.stop() }
      )
    },
  ]

  private static func proxied(_ proxy: FaultyProxy, _ fault: FaultyProxy.Fault) -> (strike: Step, heal: Step) {
    ({ proxy.fault = fault }, { proxy.fault = .init() })
  }

  private static let redis = redisFaults.map { fault in
    FaultCase(store: "Redis", fault: fault.name, duration: fault.duration) {
      let setting = try await RedisSetting()
      let (strike, heal) = fault.steps(setting)
      return setting.stage(strike: strike, heal: heal)
    }
  }

  /// A process that starts while the log of invalidations is full, and is asked by many at once.
  private static let redisStart = [Duration.zero, .milliseconds(25)].map { delay in
    let place = delay == .zero ? "" : ", 25 ms more in each direction"
    return FaultCase(
      store: "Redis", fault: "start with a full log, 100 clients\(place)", duration: .seconds(3), clients: 100
    ) {
      let setting = try await RedisSetting()
      try await setting.fillLog()
      let process = RestartableBackend(setting.backend)
      var stage = setting.stage {
        setting.proxy.fault = .init(delay: delay)
        try await process.restart(setting.configuration)
      } heal: {
        setting.proxy.fault = .init()
      }
      let close = stage.close
      stage.backend = process
      stage.isWell = { await answers(process, Stage.probes) }
      stage.notes = { process.notes }
      stage.close = {
        await process.shutdown()
        await close()
      }
      return stage
    }
  }

  private static let redisBehindMemory = redisFaults.map { fault in
    FaultCase(store: "memory, Redis", fault: fault.name, duration: fault.duration) {
      let setting = try await RedisSetting()
      let (strike, heal) = fault.steps(setting)
      return try setting.stage(strike: strike, heal: heal).behindMemory(setting.backend)
    }
  }

  // MARK: Redis Cluster

  private static func clusterCase(
    _ name: String, replicas: Int, duration: Duration,
    _ steps: @escaping @Sendable (RedisClusterProcess) throws -> (strike: Step, heal: Step)
  ) -> FaultCase {
    FaultCase(store: "Redis Cluster", fault: name, duration: duration) {
      let cluster = try RedisClusterProcess(replicasPerMaster: replicas)
      let configuration = RedisConfiguration(mode: .cluster(seeds: [.tcp(port: cluster.nodes[0].port)]))
      let backend = try RedisBackend(configuration: configuration)
      try await backend.waitUntilReady(within: .seconds(10))
      let (strike, heal) = try steps(cluster)
      return Stage(backend: backend, configuration, strike: strike, heal: heal) {
        for node in cluster.nodes { node.kill() }
      }
    }
  }

  private static let log = "swift-http-cache:log"

  private static let cluster: [FaultCase] = [
    clusterCase("slots move all the time", replicas: 0, duration: .seconds(5)) { cluster in
      let mover = Locked<SlotMover?>(nil)
      return (
        {
          let started = try SlotMover(cluster)
          mover.withLock { $0 = started }
        },
        {
          let count = try await mover.withLock { $0 }?.stop() ?? 0
          guard count > 0 else { throw FaultError(description: "no slot was moved") }
        }
      )
    },
    // The one that has the log of invalidations: all others depend on it.
    clusterCase("kill -9 of a master, its replica takes over", replicas: 1, duration: .milliseconds(100)) { cluster in
      ({ try cluster.owner(of: log).kill() }, {})
    },
    clusterCase("CLUSTER FAILOVER, from master to replica", replicas: 1, duration: .seconds(2)) { cluster in
      (
        {
          let master = try cluster.owner(of: log)
          guard let index = cluster.nodes.firstIndex(where: { $0 === master }) else { return }
          let identity = try cluster.identity(cluster.nodes[index])
          let replica = try cluster.nodes.first {
            try $0.command("CLUSTER", "NODES").split(separator: "\n").contains {
              $0.contains("myself,slave \(identity)")
            }
          }
          guard try replica?.command("CLUSTER", "FAILOVER") == "OK" else {
            throw FaultError(description: "the replica does not take over")
          }
        }, {}
      )
    },
  ]

  // MARK: Redis Sentinel

  private static func sentinelCase(
    _ name: String, duration: Duration, _ strike: @escaping @Sendable (RedisServerProcess) async throws -> Void,
    heal: @escaping @Sendable (RedisServerProcess) -> Void = { _ in }
  ) -> FaultCase {
    FaultCase(store: "Redis Sentinel", fault: name, duration: duration) {
      let master = try RedisServerProcess()
      let replica = try RedisServerProcess(options: [
        "--replicaof", "127.0.0.1 \(master.port)", "--repl-diskless-sync-delay", "0",
      ])
      let sentinels = try (0..<3).map { _ in
        try RedisServerProcess(
          .sentinel([
            "sentinel monitor cache 127.0.0.1 \(master.port) 2", "sentinel down-after-milliseconds cache 1000",
            "sentinel failover-timeout cache 5000",
          ]))
      }
      // They have to know each other and the replica before they can agree.
      for _ in 0..<1000 {
        let isComplete = try sentinels.allSatisfy {
          let words = try $0.command("SENTINEL", "MASTER", "cache").split(separator: "\n").map(String.init)
          func value(_ name: String) -> String? { words.firstIndex(of: name).map { words[$0 + 1] } }
          return value("num-other-sentinels") == "2" && value("num-slaves") == "1"
        }
        if isComplete { break }
        try await Task.sleep(for: .milliseconds(20))
      }
      let configuration = RedisConfiguration(
        mode: .sentinel(master: "cache", sentinels: sentinels.map { .tcp(port: $0.port) }))
      let backend = try RedisBackend(configuration: configuration)
      try await backend.waitUntilReady(within: .seconds(10))
      return Stage(backend: backend, configuration, strike: { try await strike(master) }, heal: { heal(master) }) {
        for server in sentinels + [replica, master] { server.kill() }
      }
    }
  }

  private static let sentinel: [FaultCase] = [
    sentinelCase("kill -9 of the master, failover", duration: .milliseconds(100)) { $0.kill() },
    sentinelCase("kill -9, the replica lacks the last invalidations", duration: .milliseconds(100)) { master in
      // From now on the replica gets nothing.
      try master.command("ACL", "SETUSER", "default", "-psync", "-sync")
      try master.command("CLIENT", "KILL", "TYPE", "replica")
      let last = try master.command("XLEN", log)
      for _ in 0..<1000 {
        if let before = Int(last), let now = Int(try master.command("XLEN", log)), now >= before + 10 { break }
        try await Task.sleep(for: .milliseconds(20))
      }
      master.kill()
    },
    sentinelCase("SIGSTOP of the master for 10 s, failover", duration: .seconds(10)) {
      $0.pause()
    } heal: {
      $0.resume()
    },
  ]

  // MARK: memcached

  private static let memcachedFaults: [ServerFault<MemcachedSetting>] = [
    ServerFault(name: "\(killed), one of two") { setting in
      ({ setting.servers[0].kill() }, { try setting.servers[0].start() })
    },
    ServerFault(name: "\(hung), one of two", duration: .seconds(10)) { setting in
      ({ setting.servers[0].pause() }, { setting.servers[0].resume() })
    },
    ServerFault(name: emptied, duration: .seconds(1)) { setting in
      ({ for server in setting.servers { try server.restart() } }, {})
    },
    // Each worker waits for one answer at a time.
    ServerFault(name: "\(delayed), 32 workers", workers: 32) { all($0.proxies, .init(delay: .milliseconds(20))) },
    ServerFault(name: lost) { all($0.proxies, .init(delay: .milliseconds(300))) },
    ServerFault(name: reset) { all($0.proxies, .init(resetsWithin: 60_000)) },
    ServerFault(name: corrupted) { setting in
      let saboteur = Locked<MemcachedSaboteur?>(nil)
      return (
        {
          let started = MemcachedSaboteur(setting.servers)
          saboteur.withLock { $0 = started }
        }, { await saboteur.withLock { $0 }?.stop() }
      )
    },
  ]

  private static func all(_ proxies: [FaultyProxy], _ fault: FaultyProxy.Fault) -> (strike: Step, heal: Step) {
    ({ for proxy in proxies { proxy.fault = fault } }, { for proxy in proxies { proxy.fault = .init() } })
  }

  private static let memcached = memcachedFaults.map { fault in
    FaultCase(store: "memcached", fault: fault.name, duration: fault.duration) {
      let setting = try MemcachedSetting(workers: fault.workers)
      let (strike, heal) = fault.steps(setting)
      return setting.stage(strike: strike, heal: heal)
    }
  }

  private static let memcachedBehindMemory = memcachedFaults.map { fault in
    FaultCase(store: "memory, memcached", fault: fault.name, duration: fault.duration) {
      let setting = try MemcachedSetting(workers: fault.workers)
      let (strike, heal) = fault.steps(setting)
      return try setting.stage(strike: strike, heal: heal).behindMemory(setting.backend)
    }
  }
}

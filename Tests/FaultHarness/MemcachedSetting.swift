//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheMemcached
import ServerHarness

/// A cache in two memcached servers, each reached through a proxy that can be told to misbehave.
struct MemcachedSetting: Sendable {
  let servers: [MemcachedServerProcess]
  let proxies: [FaultyProxy]
  let backend: MemcachedBackend
  let configuration: MemcachedConfiguration

  /// - Parameter workers: How many things a host can be asked at the same time; nil for the default.
  init(workers: Int? = nil) throws {
    servers = try (0..<2).map { _ in try MemcachedServerProcess() }
    proxies = try servers.map { try FaultyProxy(to: $0.port) }
    var configuration = MemcachedConfiguration(hosts: proxies.map { MemcachedHost("127.0.0.1", port: $0.port) })
    if let workers { configuration.workersPerHost = workers }
    self.configuration = configuration
    backend = try MemcachedBackend(configuration: configuration)
  }

  func stage(
    strike: @escaping @Sendable () async throws -> Void, heal: @escaping @Sendable () async throws -> Void = {}
  ) -> Stage {
    Stage(
      backend: backend, timeout: configuration.timeout, strike: strike, heal: heal,
      isWell: { [backend] in
        guard await answers(backend, Stage.probes) else { return false }
        return backend.statistics.allSatisfy { $0.availability == .up }
      },
      notes: { [backend] in
        let statistics = backend.statistics
        let counts = [
          ("failures", statistics.map(\.failures)), ("timeouts", statistics.map(\.timeouts)),
          ("refusals", statistics.map(\.refusals)), ("overflows", statistics.map(\.overflows)),
          ("reconnections", statistics.map(\.reconnections)), ("damaged", [backend.damagedEntryCount]),
        ]
        return counts.map { ($0, $1.reduce(0, +)) }.filter { $1 > 0 }.map { "\($1) × \($0)" }.joined(separator: ", ")
      },
      close: { [backend, servers, proxies] in
        await backend.shutdown()
        for proxy in proxies { proxy.close() }
        for server in servers { server.kill() }
      })
  }
}

/// Damages entries in memcached servers as fast as one after the other.
struct MemcachedSaboteur: Sendable {
  private let task: Task<Void, Never>

  init(_ servers: [MemcachedServerProcess]) {
    task = Task {
      while !Task.isCancelled {
        for server in servers {
          let keys = ((try? server.keys()) ?? []).filter { $0.contains(":e:") || $0.contains(":c:") }
          for key in keys.shuffled().prefix(10) where !Task.isCancelled {
            _ = try? server.change(key) { value in
              guard !value.isEmpty else { return }
              switch Int.random(in: 0...3) {
              case 0: value[.random(in: value.indices)] &+= .random(in: 1...255)
              case 1: value = Array(value.prefix(.random(in: 0..<value.count)))
              case 2: value.append(120)
              default: value = (0..<value.count).map { _ in .random(in: 0...255) }
              }
            }
            try? await Task.sleep(for: .milliseconds(4))
          }
        }
      }
    }
  }

  func stop() async {
    task.cancel()
    await task.value
  }
}

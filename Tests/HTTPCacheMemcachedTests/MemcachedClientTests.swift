//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheMemcached

extension MemcachedIntegrationTests {
  @Suite(.timeLimit(.minutes(5))) struct Client {
    private let keys = MemcachedKeySpace(namespace: "test")

    @Test(arguments: [MemcachedConfiguration.WireProtocol.text, .binary])
    func `every command does what memcached says it does`(wireProtocol: MemcachedConfiguration.WireProtocol)
      async throws
    {
      let server = try MemcachedServerProcess()
      var configuration = MemcachedConfiguration([server])
      configuration.wireProtocol = wireProtocol
      let client = try MemcachedClient(configuration: configuration)
      let key = keys.key(.entry, "key")

      #expect(try await client.get(key) == nil)
      #expect(try await client.delete(key) == false)
      #expect(try await client.set(key, whole("one"), hour) == .stored)
      let found = try #require(try await client.get(key))
      #expect(found.value == whole("one"))
      #expect(try await client.add(key, whole("two"), hour) == .notStored)
      #expect(try await client.compareAndSet(key, whole("three"), hour, unique: found.unique) == .stored)
      #expect(try await client.compareAndSet(key, whole("four"), hour, unique: found.unique) == .notStored)
      #expect(try await client.get(key)?.value == whole("three"))
      #expect(try await client.delete(key))
      #expect(try await client.compareAndSet(key, whole("five"), hour, unique: found.unique) == .notStored)
      #expect(try await client.add(key, MemcachedValue(bytes: Bytes(), flags: 77), hour) == .stored)
      #expect(try await client.get(key)?.value == MemcachedValue(bytes: Bytes(), flags: 77))

      let counter = keys.key(.tag, "counter")
      #expect(try await client.increment(counter) == nil)
      let start = MemcachedValue(bytes: "1790000000000000", flags: MemcachedFormat.counter)
      #expect(try await client.add(counter, start, .never) == .stored)
      #expect(try await client.increment(counter) == 1_790_000_000_000_001)
      #expect(try await client.get(counter)?.value.bytes == "1790000000000001")
      #expect(client.statistics[0].failures == 0)
      await client.shutdown()
    }

    @Test(arguments: [MemcachedConfiguration.WireProtocol.text, .binary])
    func `many readers share round trips, and everybody gets his own`(
      wireProtocol: MemcachedConfiguration.WireProtocol
    ) async throws {
      let servers = [try MemcachedServerProcess(), try MemcachedServerProcess()]
      var configuration = MemcachedConfiguration(servers)
      configuration.wireProtocol = wireProtocol
      let client = try MemcachedClient(configuration: configuration)
      let keys = (0..<300).map { self.keys.key(.entry, "key \($0)") }
      for (number, key) in keys.enumerated() where number % 3 != 0 {
        #expect(try await client.set(key, whole("value \(number)"), hour) == .stored)
      }
      #expect(Set(keys.map { client.host(of: $0) }) == [0, 1])
      let before = client.statistics.reduce(0) { $0 + $1.roundTrips }
      try await withThrowingTaskGroup(of: Void.self) { group in
        for reader in 0..<20 {
          group.addTask {
            for step in 0..<50 {
              // Every other reads several, some of them twice, also those that are not there.
              let numbers =
                reader % 2 == 0 ? [(reader * 31 + step) % 300] : [step, step, step + 1, 299 - step, step * 3]
              let items = try await client.get(numbers.map { keys[$0] })
              #expect(items.map { $0?.value } == numbers.map { $0 % 3 == 0 ? nil : whole("value \($0)") })
            }
          }
        }
        try await group.waitForAll()
      }
      let roundTrips = client.statistics.reduce(0) { $0 + $1.roundTrips } - before
      #expect(roundTrips < 1000, "\(roundTrips) round trips for 1000 reads")
      #expect(client.statistics.allSatisfy { $0.failures == 0 && $0.waiting == 0 })
      #expect(try await client.get([]) == [])
      await client.shutdown()
    }

    @Test func `keys go to hosts by weight, and to the same host whatever the order of the hosts`() throws {
      let hosts = [
        MemcachedHost("127.0.0.1", port: 1, weight: 1), MemcachedHost("127.0.0.1", port: 2, weight: 3),
        MemcachedHost(unixSocket: "/nowhere", weight: 2),
      ]
      let client = try MemcachedClient(configuration: MemcachedConfiguration(hosts: hosts))
      let mirrored = try MemcachedClient(configuration: MemcachedConfiguration(hosts: hosts.reversed()))
      var counts = [0, 0, 0]
      for number in 0..<6000 {
        let key = keys.key(.entry, "key \(number)")
        counts[client.host(of: key)] += 1
        #expect(client.host(of: key) == 2 - mirrored.host(of: key))
      }
      for (count, share) in zip(counts, [1000, 3000, 2000]) {
        #expect((share * 6 / 10...share * 14 / 10).contains(count), "\(counts)")
      }
    }

    @Test func `a Unix socket will do`() async throws {
      let server = try MemcachedServerProcess(
        socketPath: "\(NSTemporaryDirectory())memcached-test-\(ProcessInfo.processInfo.processIdentifier).sock")
      let client = try MemcachedClient(configuration: MemcachedConfiguration([server]))
      #expect(try await client.set(keys.key(.entry, "key"), whole("one"), hour) == .stored)
      #expect(try await client.get(keys.key(.entry, "key"))?.value == whole("one"))
      await client.shutdown()
    }

    @Test func `a lifetime under a second is neither none nor for ever, and one over 30 days is not over at once`()
      async throws
    {
      let server = try MemcachedServerProcess()
      let client = try MemcachedClient(configuration: MemcachedConfiguration([server]))
      let now = CacheClock.system.unixTime
      let short = keys.key(.entry, "short")
      let long = keys.key(.entry, "long")
      for (key, lifetime) in [(short, Duration.milliseconds(300)), (long, .seconds(60 * 24 * 3600))] {
        let expiration = try #require(MemcachedExpiration(lifetime: lifetime, now: now))
        #expect(try await client.set(key, whole("x"), expiration) == .stored)
      }
      #expect(try await client.get(short) != nil)
      #expect(try await eventually { try await client.get(short) == nil })
      #expect(try await client.get(long) != nil)
      await client.shutdown()
    }

    @Test func `a server that has to evict costs misses and nothing else`() async throws {
      let server = try MemcachedServerProcess(memory: 2)
      let client = try MemcachedClient(configuration: MemcachedConfiguration([server]))
      let store = MemcachedValueStore(client: client, configuration: MemcachedConfiguration([server]))
      var refused = 0
      for number in 0..<400 {
        let key = keys.key(.entry, "key \(number)")
        let outcome = try await store.store(noise(10_000 + number * 37, seed: UInt64(number)), for: key, hour)
        if outcome == .outOfMemory { refused += 1 } else { #expect(outcome == .stored) }
      }
      // Larger than all of its memory.
      let huge = keys.key(.entry, "huge")
      _ = try await store.store(noise(5 << 20), for: huge, hour)
      var found = 0
      for number in 0..<400 {
        guard let value = try await store.value(for: keys.key(.entry, "key \(number)")) else { continue }
        found += 1
        #expect(value == noise(10_000 + number * 37, seed: UInt64(number)))
      }
      let hugeValue = try await store.value(for: huge)
      #expect(hugeValue == nil || hugeValue == noise(5 << 20))
      #expect(found < 400)
      #expect(try server.statistic("evictions") ?? 0 > 0 || refused > 0)
      #expect(client.statistics[0].availability == .up)
      await client.shutdown()
    }

    @Test(arguments: [
      0, 1, 1023, 32 << 10, (1 << 20) - 1025, (1 << 20) - 1024, (1 << 20) - 1023, 1 << 20, (5 << 20) + 3,
    ])
    func `a value of any size comes back as it was`(size: Int) async throws {
      let servers = [try MemcachedServerProcess(), try MemcachedServerProcess()]
      let configuration = MemcachedConfiguration(servers)
      let client = try MemcachedClient(configuration: configuration)
      let store = MemcachedValueStore(client: client, configuration: configuration)
      let key = store.keys.key(.entry, "key")
      let value = noise(size)
      #expect(try await store.store(value, for: key, hour) == .stored)
      #expect(try await store.value(for: key) == value)
      #expect(try await store.store(value, for: key, hour, if: .absent) == .notStored)
      let item = try #require(try await client.get(key))
      #expect(try await store.store(noise(size, seed: 2), for: key, hour, if: .unchanged(item.unique)) == .stored)
      #expect(try await store.store(value, for: key, hour, if: .unchanged(item.unique)) == .notStored)
      #expect(try await store.value(for: key) == noise(size, seed: 2))
      await client.shutdown()
    }

    @Test func `a value with a chunk missing, cut or of another write is a miss`() async throws {
      let server = try MemcachedServerProcess()
      var configuration = MemcachedConfiguration([server])
      configuration.itemSizeLimit = 1024
      configuration.maximumValueSize = 1 << 20
      let client = try MemcachedClient(configuration: configuration)
      let store = MemcachedValueStore(client: client, configuration: configuration)
      let key = store.keys.key(.entry, "key")
      let value = noise(30_000)
      for damage in 0..<4 {
        #expect(try await store.store(value, for: key, hour) == .stored)
        #expect(try await store.value(for: key) == value)
        let item = try #require(try await client.get(key))
        let manifest = try #require(ChunkManifest(item.value.bytes, maximumValueSize: 1 << 20))
        let chunk = manifest.key(17, store.keys)
        switch damage {
        case 0: #expect(try await client.delete(chunk))
        case 1:
          let cut = MemcachedValue(bytes: noise(1023), flags: MemcachedFormat.chunk(17))
          #expect(try await client.set(chunk, cut, hour) == .stored)
        case 2:
          let other = MemcachedValue(bytes: noise(1024), flags: MemcachedFormat.chunk(16))
          #expect(try await client.set(chunk, other, hour) == .stored)
        default:
          let foreign = MemcachedValue(bytes: item.value.bytes, flags: 0)
          #expect(try await client.set(key, foreign, hour) == .stored)
        }
        #expect(try await store.value(for: key) == nil)
      }
      #expect(try await store.store(noise((1 << 20) + 1), for: key, hour) == .tooLarge)
      await client.shutdown()
    }

    @Test func `a server with a smaller limit than we were told refuses, and remains in use`() async throws {
      let server = try MemcachedServerProcess(options: ["-I", "64k", "-o", "slab_chunk_max=16384"])
      let client = try MemcachedClient(configuration: MemcachedConfiguration([server]))
      let key = keys.key(.entry, "key")
      for _ in 0..<10 {
        let value = MemcachedValue(bytes: noise(100_000), flags: MemcachedFormat.whole)
        #expect(try await client.set(key, value, hour) == .tooLarge)
        #expect(try await client.set(key, whole("x"), hour) == .stored)
      }
      #expect(client.statistics[0].availability == .up)
      await client.shutdown()
    }
  }
}

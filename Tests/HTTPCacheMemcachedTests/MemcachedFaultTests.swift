//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import ServerHarness
import Testing

@testable import HTTPCacheMemcached

extension MemcachedIntegrationTests {
  @Suite(.timeLimit(.minutes(5))) struct Faults {
    private let keys = MemcachedKeySpace(namespace: "test")

    private func impatient(_ servers: [MemcachedServerProcess]) -> MemcachedConfiguration {
      var configuration = MemcachedConfiguration(servers)
      configuration.timeout = .milliseconds(300)
      configuration.responseTimeout = .milliseconds(250)
      configuration.connectTimeout = .milliseconds(200)
      configuration.retryTimeout = .milliseconds(100)
      configuration.failureThreshold = 2
      return configuration
    }

    /// One key that falls to each host.
    private func keyPerHost(_ client: MemcachedClient) -> [MemcachedKey] {
      (0..<client.hostCount).map { host in
        (0...).lazy.map { keys.key(.entry, "key \($0)") }.first { client.host(of: $0) == host }!
      }
    }

    @Test func `a server that was restarted is asked again without a failure in between`() async throws {
      let server = try MemcachedServerProcess()
      let client = try MemcachedClient(configuration: MemcachedConfiguration([server]))
      let key = keys.key(.entry, "key")
      for round in 1...3 {
        // Both workers get a connection.
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<50 { group.addTask { _ = try await client.set(key, whole("x"), hour) } }
          try await group.waitForAll()
        }
        #expect(try await client.get(key)?.value == whole("x"))
        try server.restart()
        #expect(try await client.get(key) == nil, "round \(round)")
        #expect(try await client.delete(key) == false)
      }
      #expect(client.statistics[0].failures == 0)
      #expect(client.statistics[0].reconnections > 0)
      await client.shutdown()
    }

    @Test func `a host that dies takes nothing with it but its own keys, and its return is noticed`() async throws {
      let servers = [try MemcachedServerProcess(), try MemcachedServerProcess()]
      let client = try MemcachedClient(configuration: MemcachedConfiguration(servers))
      let keys = keyPerHost(client)
      for key in keys { #expect(try await client.set(key, whole("x"), hour) == .stored) }
      servers[0].kill()
      var codes: [MemcachedError.Code?] = []
      for _ in 0..<20 {
        codes.append(await failure { _ = try await client.get(keys[0]) })
        #expect(try await client.get(keys[1])?.value == whole("x"))
      }
      #expect(codes.prefix(3).allSatisfy { $0 == .connectionFailed }, "\(codes)")
      #expect(codes.contains(.hostDown))
      #expect(client.statistics[0].availability != .up)
      #expect(await failure { _ = try await client.get(keys) } != nil)
      try servers[0].start()
      #expect(try await eventually { await failure { _ = try await client.get(keys[0]) } == nil })
      #expect(client.statistics[0].availability == .up)
      #expect(try await client.get(keys).map { $0?.value } == [nil, whole("x")])
      await client.shutdown()
    }

    @Test func `a server that hangs costs each call its timeout at most, then nothing, and recovers`() async throws {
      let server = try MemcachedServerProcess()
      let client = try MemcachedClient(configuration: impatient([server]))
      let keys = (0..<100).map { self.keys.key(.entry, "key \($0)") }
      for (number, key) in keys.enumerated() { #expect(try await client.set(key, whole("\(number)"), hour) == .stored) }
      server.pause()
      // Many at once: neither the first nor those who queue behind it wait for longer.
      let slowest = await withTaskGroup(of: Duration.self) { group in
        for key in keys {
          group.addTask {
            let (code, duration) = await timed { await failure { _ = try await client.get(key) } }
            #expect(code == .timedOut || code == .hostDown)
            return duration
          }
        }
        return await group.reduce(.zero) { max($0, $1) }
      }
      #expect(slowest < .milliseconds(600), "\(slowest)")
      #expect(
        try await eventually {
          client.statistics[0].availability == .down || client.statistics[0].availability == .trying
        })
      // Now nobody waits, except the one at a time who tries.
      var waited = 0
      for _ in 0..<200 {
        let (_, duration) = await timed { await failure { _ = try await client.get(keys[0]) } }
        if duration > .milliseconds(50) { waited += 1 }
      }
      #expect(waited <= 4)
      server.resume()
      #expect(try await eventually { await failure { _ = try await client.get(keys[0]) } == nil })
      // The answers that came too late are nobody's.
      for (number, key) in keys.enumerated() { #expect(try await client.get(key)?.value == whole("\(number)")) }
      await client.shutdown()
    }

    @Test func `callers who are cancelled leave at once, and nothing is left of them`() async throws {
      let server = try MemcachedServerProcess()
      var configuration = MemcachedConfiguration([server])
      configuration.timeout = .seconds(20)
      configuration.responseTimeout = .seconds(20)
      let client = try MemcachedClient(configuration: configuration)
      let keys = (0..<20).map { self.keys.key(.entry, "key \($0)") }
      #expect(try await client.set(keys[0], whole("x"), hour) == .stored)
      server.pause()
      let readers = (0..<200).map { number in
        Task {
          do {
            if number % 2 == 0 { _ = try await client.get(keys) } else { _ = try await client.get(keys[number % 20]) }
            return false
          } catch {
            return error is CancellationError
          }
        }
      }
      #expect(try await eventually { client.statistics[0].waiting > 0 })
      let (_, duration) = await timed {
        for reader in readers { reader.cancel() }
        for reader in readers { #expect(await reader.value) }
      }
      #expect(duration < .seconds(2))
      server.resume()
      #expect(try await client.get(keys[0])?.value == whole("x"))
      #expect(client.statistics[0].waiting == 0)
      // Also before it has begun.
      let early = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await client.get(keys[0])
      }
      await #expect(throws: CancellationError.self) { try await early.value }
      await client.shutdown()
    }

    @Test func `a lease that came about when its caller had given up holds nobody up for long`() async throws {
      let server = try MemcachedServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      var configuration = impatient([server])
      configuration.hosts = [MemcachedHost("127.0.0.1", port: proxy.port)]
      let one = try MemcachedBackend(configuration: configuration)
      let two = try MemcachedBackend(configuration: MemcachedConfiguration([server]))
      let key = CacheKey(scheme: "https", authority: "example.com", target: "/a")
      // What is sent arrives, and the answer does not.
      proxy.fault = .init(resetsWithin: 1)
      await #expect(throws: CacheError.self) { try await one.acquireLease(for: key, duration: .seconds(600)) }
      proxy.fault = .init()
      #expect(try await two.acquireLease(for: key, duration: .seconds(600)) == nil)
      #expect(
        try await eventually {
          if let lease = try? await one.acquireLease(for: key, duration: .seconds(600)) {
            lease.key == key
          } else {
            false
          }
        })
      // Now it is held, and whoever holds it keeps it.
      for backend in [one, two] { #expect(try await backend.acquireLease(for: key, duration: .seconds(600)) == nil) }
      await one.shutdown()
      await two.shutdown()
      proxy.close()
    }

    @Test func `what an invalidation has not reached is void for all processes when the server is back`() async throws {
      let server = try MemcachedServerProcess()
      let one = try MemcachedBackend(configuration: impatient([server]))
      let two = try MemcachedBackend(configuration: MemcachedConfiguration([server]))
      let key = CacheKey(scheme: "https", authority: "example.com", target: "/a")
      let now = CacheClock.system.now
      let end = now.advanced(by: .seconds(600))
      let entry = CacheEntry(
        key: key, status: 200, fields: [:], body: "body",
        times: EntryTimes(
          birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
          reclaimAt: end), tags: CacheTags(["t"]))
      #expect(try await two.store(entry, stamp: try await two.lookup(key).stamp) == .stored)
      _ = try await one.lookup(key)
      server.pause()
      await #expect(throws: CacheError.self) { try await one.invalidate(CacheInvalidation(.anyTag(["t"]))) }
      server.resume()
      // The one that has failed is asked for nothing any more.
      #expect(try await eventually { try await two.lookup(key).entry == nil })
      await one.shutdown()
      await two.shutdown()
    }

    @Test func `no more than the queue holds waits for a server that hangs`() async throws {
      let server = try MemcachedServerProcess()
      var configuration = impatient([server])
      configuration.timeout = .seconds(2)
      configuration.responseTimeout = .seconds(2)
      configuration.maximumQueueLength = 10
      configuration.maximumQueuedBytes = 2 << 20
      let client = try MemcachedClient(configuration: configuration)
      let key = keys.key(.entry, "key")
      let value = MemcachedValue(bytes: noise(900_000), flags: MemcachedFormat.whole)
      _ = try await client.get(key)
      server.pause()
      let codes = await withTaskGroup(of: MemcachedError.Code?.self) { group in
        for number in 0..<100 {
          group.addTask {
            await failure {
              if number % 2 == 0 {
                _ = try await client.get(key)
              } else {
                _ = try await client.set(key, value, hour)
              }
            }
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      #expect(codes.allSatisfy { $0 == .queueFull || $0 == .timedOut || $0 == .hostDown }, "\(Set(codes))")
      #expect(codes.count { $0 == .queueFull } > 50)
      #expect(client.statistics[0].overflows > 50)
      await client.shutdown()
    }

    @Test(arguments: [
      (FaultyServer.Fault.answers("GARBAGE\r\n"), [MemcachedError.Code.protocolViolated]),
      (.answers("VALUE other 0 1 1\r\nx\r\nEND\r\n"), [.protocolViolated]),
      (.answers("SERVER_ERROR backend is away\r\n"), [.refused]),
      (.answersAndCloses("VALUE test:e:"), [.connectionFailed]),
      (.answersAndCloses(""), [.connectionFailed]),
      (.drips("VALUE test:e:0000000000000000000000000000000000000000000000000000", milliseconds: 30), [.timedOut]),
    ])
    func `a server that talks nonsense is an error in time`(fault: FaultyServer.Fault, codes: [MemcachedError.Code])
      async throws
    {
      let server = try FaultyServer(fault)
      let client = try MemcachedClient(
        configuration: MemcachedConfiguration(
          hosts: [MemcachedHost("127.0.0.1", port: server.port)], timeout: .milliseconds(900),
          responseTimeout: .milliseconds(800), retryTimeout: .seconds(60), deadTimeout: .seconds(60)))
      for round in 0..<3 {
        let (code, duration) = await timed {
          await failure { _ = try await client.get(keys.key(.entry, "key")) }
        }
        #expect(code.map { codes.contains($0) } == true, "\(code.map(\.description) ?? "no error") in round \(round)")
        #expect(duration < .milliseconds(1800))
      }
      #expect(try await eventually { client.statistics[0].availability == .down })
      await client.shutdown()
    }

    @Test func `a host that is not there, or has no name, fails and is left alone`() async throws {
      let client = try MemcachedClient(
        configuration: MemcachedConfiguration(
          hosts: [MemcachedHost("127.0.0.1", port: 1)], retryTimeout: .seconds(60), deadTimeout: .seconds(60)))
      for _ in 0..<3 { #expect(await failure { _ = try await client.get(keys.key(.entry, "a")) } == .connectionFailed) }
      #expect(await failure { _ = try await client.get(keys.key(.entry, "a")) } == .hostDown)
      await client.shutdown()
      #expect(await failure { _ = try await client.get(keys.key(.entry, "a")) } == .shutDown)
    }

    @Test func `shutting down fails those who wait and leaves no thread and no descriptor`() async throws {
      let server = try MemcachedServerProcess()
      let before = try holdings()
      do {
        let client = try MemcachedClient(configuration: impatient([server]))
        let key = keys.key(.entry, "key")
        try await withThrowingTaskGroup(of: Void.self) { group in
          for _ in 0..<50 { group.addTask { _ = try await client.get(key) } }
          try await group.waitForAll()
        }
        server.pause()
        let readers = (0..<20).map { _ in Task { await failure { _ = try await client.get(key) } } }
        try await Task.sleep(for: .milliseconds(30))
        let (_, duration) = await timed { await client.shutdown() }
        #expect(duration < .seconds(1))
        for reader in readers {
          let code = await reader.value
          #expect(code == .shutDown || code == .timedOut)
        }
        server.resume()
      }
      // A thread that has done all it had to do may take a moment to end.
      #expect(try await eventually { try holdings().threads == 0 })
      #expect(try holdings().descriptors <= before.descriptors)

      // Letting go of a client without a word is enough, too.
      do {
        let client = try MemcachedClient(configuration: MemcachedConfiguration([server]))
        _ = try await client.get(keys.key(.entry, "key"))
        #expect(try await eventually { try holdings().threads == 3 })
      }
      #expect(try await eventually { try holdings().threads == 0 })
      #expect(try await eventually { try holdings().descriptors <= before.descriptors })
    }

    @Test func `a thousand reconnections leave nothing behind`() async throws {
      // Closes every connection after an answer.
      let server = try FaultyServer(.answersAndCloses("END\r\n"))
      let client = try MemcachedClient(
        configuration: MemcachedConfiguration(
          hosts: [MemcachedHost("127.0.0.1", port: server.port)], timeout: .seconds(2), responseTimeout: .seconds(2)))
      let key = keys.key(.entry, "key")
      for _ in 0..<100 { #expect(try await client.get(key) == nil) }
      let before = try holdings()
      let heapBefore = Holdings.present.heap
      for _ in 0..<1000 { #expect(try await client.get(key) == nil) }
      #expect(client.statistics[0].reconnections >= 1000)
      #expect(client.statistics[0].failures == 0)
      // Each worker may or may not be connected at the moment, and the server closes its ends when it gets round to it.
      #expect(try await eventually { abs(try holdings().descriptors - before.descriptors) <= 4 })
      #expect(try holdings().threads == before.threads)
      // Less than half a KiB for each: a connection that is kept takes several.
      // (Other tests may hold much for a moment.)
      #expect(try await eventually { Holdings.present.heap < heapBefore + 1000 * 512 })
      await client.shutdown()
    }
  }
}

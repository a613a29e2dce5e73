//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import ServerHarness
import Testing

@testable import HTTPCacheRedis

extension RedisIntegration {
  @Suite(.timeLimit(.minutes(5))) struct RedisBackendTests: RedisNodes {
    @Test func `removing an entry says whether there was one`() async throws {
      let server = try RedisServerProcess()
      let backend = try await node(server)
      let cache = try CacheLayer(backend: backend)
      let service = Handler { _ in
        CacheResponse(fields: ["Cache-Control": "max-age=60"], body: Body("x"))
      }.layer(cache)
      let request = CacheRequest(authority: "example.com", target: "/a")
      let key = CacheKey(scheme: "http", authority: "example.com", target: "/a")
      #expect(await cache.removeEntry(for: request) == false)
      for round in 0..<3 {
        _ = try await service.call(request).body.collect()
        while try await backend.lookup(key).entry == nil { await Task.yield() }
        let isRemoved = round == 1 ? await cache.removeEntry(for: key) : await cache.removeEntry(for: request)
        #expect(isRemoved)
        #expect(await cache.removeEntry(for: request) == false)
        #expect(await cache.removeEntry(for: CacheRequest(authority: "example.com", target: "/b")) == false)
      }
      await backend.shutdown()
    }

    @Test func `what one process stores the others find, and what was never stored nobody`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      let stamp = try await one.lookup(key("/a")).stamp
      #expect(try await one.store(entry("/a", "hello", tags: ["t"]), stamp: stamp) == .stored)
      let found = try #require(try await two.lookup(key("/a")).entry)
      #expect(found.status == 200 && found.body == "hello" && found.tags?.names == ["t"])
      #expect(found.fields["content-type"] == "text/plain")
      #expect(try await two.lookup(key("/b")).entry == nil)
      let large = value(7, count: 3_000_000)
      #expect(try await one.store(entry("/large", large), stamp: stamp) == .stored)
      #expect(try await two.lookup(key("/large")).entry?.body == large)
      // Another namespace is another cache.
      let other = try await node(server) { $0.namespace = "other" }
      #expect(try await other.lookup(key("/a")).entry == nil)
      for backend in [one, two, other] { await backend.shutdown() }
    }

    @Test func `entries expire in the server, to the millisecond`() async throws {
      let server = try RedisServerProcess()
      let backend = try await node(server)
      let stamp = try await backend.lookup(key("/a")).stamp
      #expect(try await backend.store(entry("/a", lifetime: .milliseconds(100_500)), stamp: stamp) == .stored)
      let remaining = try #require(
        try await backend.redis.send(RedisCommand("PTTL", key: backend.keys.entry(key("/a")))).integer)
      #expect((50_000...100_500).contains(remaining))
      #expect(try await backend.store(entry("/b", lifetime: .milliseconds(40)), stamp: stamp) == .stored)
      try await eventually("it does not expire") {
        try server.command("EXISTS", "swift-http-cache:entry:https://example.com/b") == "0"
      }
      #expect(try await backend.lookup(key("/b")).entry == nil)
      #expect(try await backend.store(entry("/c", lifetime: .zero), stamp: stamp) == .refused)
      await backend.shutdown()
    }

    @Test(
      arguments: [
        (
          CacheInvalidation.Target.key(CacheKey(scheme: "https", authority: "example.com", target: "/a")),
          ["/a", "/a variant"]
        ),
        (.anyTag(["red", "unused"]), ["/a", "/b"]), (.allTags(["red", "blue"]), ["/b"]), (.pathPrefix("/b"), ["/b"]),
        (.everything, ["/a", "/a variant", "/b", "/c"]), (.anyTag([]), []), (.allTags([]), []),
      ] as [(CacheInvalidation.Target, [String])])
    func `an invalidation in one process holds in all of them when it returns`(
      target: CacheInvalidation.Target, gone: [String]
    ) async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      let variant = key("/a").variant("accept-language=de")
      let keys = ["/a": key("/a"), "/a variant": variant, "/b": key("/b"), "/c": key("/c")]
      for mode in [CacheInvalidation.Mode.hard, .soft] {
        let stamp = try await one.lookup(key("/x")).stamp
        for (name, key) in keys {
          let tags = ["/a": ["red"], "/b": ["red", "blue"], "/c": ["green"]][name] ?? []
          let template = entry(name, tags: tags)
          let made = CacheEntry(
            key: key, status: 200, fields: template.fields, body: template.body, times: template.times,
            tags: template.tags)
          #expect(try await one.store(made, stamp: stamp) == .stored)
          #expect(try await two.lookup(key).entry != nil)
        }
        try await one.invalidate(CacheInvalidation(target, mode: mode))
        for (name, key) in keys {
          for backend in [two, one] {
            let found = try await backend.lookup(key).entry
            if !gone.contains(name) {
              #expect(found.map { $0.times.freshUntil > CacheClock.system.now } == true, "\(name) is gone")
            } else if mode == .hard {
              #expect(found == nil, "\(name) is still there")
            } else {
              #expect(found.map { $0.times.freshUntil <= CacheClock.system.now } == true, "\(name) is not stale")
            }
          }
        }
      }
      await one.shutdown()
      await two.shutdown()
    }

    @Test func `what was invalidated while it was being made is not used, whoever stores it`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      for target in [CacheInvalidation.Target.key(key("/a")), .anyTag(["t"]), .everything, .pathPrefix("/a")] {
        let stamp = try await one.lookup(key("/a")).stamp
        try await two.invalidate(CacheInvalidation(target))
        // Stored all the same, it is recognised by its number.
        #expect(try await one.store(entry("/a", tags: ["t"]), stamp: stamp) == .invalidated)
        for backend in [one, two] { #expect(try await backend.lookup(key("/a")).entry == nil) }
        #expect(try await one.store(entry("/a", tags: ["t"]), stamp: stamp) == .invalidated)
        let newer = try await one.lookup(key("/a")).stamp
        #expect(try await one.store(entry("/a", tags: ["t"]), stamp: newer) == .stored)
        #expect(try await two.lookup(key("/a")).entry != nil)
      }
      await one.shutdown()
      await two.shutdown()
    }

    @Test func `a thousand fills that overlap with an invalidation: none outlives it`() async throws {
      let server = try RedisServerProcess()
      let nodes = [try await node(server), try await node(server)]
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in 0..<8 {
          group.addTask {
            let (key, tag) = (self.key("/race\(worker)"), "race\(worker)")
            for round in 0..<150 {
              let (writer, reader) = (nodes[round % 2], nodes[(round + 1) % 2])
              let lookup = try await reader.lookup(key)
              // The origin's answer is made before the invalidation, and stored before, while or after it happens.
              async let late = {
                for _ in 0..<Int.random(in: 0..<20) { await Task.yield() }
                return try await reader.store(self.entry("/race\(worker)", tags: [tag]), stamp: lookup.stamp)
              }()
              try await writer.invalidate(CacheInvalidation(round % 3 == 0 ? .key(key) : .anyTag([tag])))
              for backend in nodes { #expect(try await backend.lookup(key).entry == nil, "round \(round)") }
              _ = try await late
              for backend in nodes { #expect(try await backend.lookup(key).entry == nil, "round \(round), afterwards") }
            }
            // And one that is made afterwards is found.
            let stamp = try await nodes[0].lookup(key).stamp
            #expect(try await nodes[0].store(self.entry("/race\(worker)", tags: [tag]), stamp: stamp) == .stored)
            #expect(try await nodes[1].lookup(key).entry != nil)
          }
        }
        try await group.waitForAll()
      }
      for backend in nodes { await backend.shutdown() }
    }

    @Test func `when the log is lost, nothing older is used, and everything goes on`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      let stamp = try await one.lookup(key("/a")).stamp
      #expect(try await one.store(entry("/a"), stamp: stamp) == .stored)
      _ = try await two.lookup(key("/a"))
      _ = try server.command("DEL", "swift-http-cache:log")
      #expect(try await one.lookup(key("/a")).entry == nil)
      let fresh = try await node(server)
      for backend in [two, fresh, one] {
        #expect(try await backend.lookup(key("/a")).entry == nil)
        #expect(try await backend.store(entry("/a"), stamp: stamp) == .invalidated)
      }
      let newer = try await two.lookup(key("/a")).stamp
      #expect(newer.number > stamp.number)
      #expect(try await two.store(entry("/a"), stamp: newer) == .stored)
      for backend in [one, two, fresh] {
        #expect(try await backend.lookup(key("/a")).entry != nil)
        await backend.shutdown()
      }
    }

    @Test func `when the log has gone back, as after a failover, nothing older is used by anybody`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      let stamp = try await one.lookup(key("/a")).stamp
      #expect(try await one.store(entry("/a"), stamp: stamp) == .stored)
      try await two.invalidate(CacheInvalidation(.anyTag(["t"])))
      let seen = try await two.lookup(key("/a"))
      #expect(seen.entry != nil && seen.stamp.number > stamp.number)
      // A server that lacks the last record: its numbers are lower.
      _ = try server.command("DEL", "swift-http-cache:log")
      _ = try server.command("XADD", "swift-http-cache:log", "5-1", "t", "origin")
      #expect(try await two.lookup(key("/a")).entry == nil)
      let fresh = try await node(server)
      for backend in [one, two, fresh] {
        let lookup = try await backend.lookup(key("/a"))
        #expect(lookup.entry == nil && lookup.stamp.number > seen.stamp.number)
      }
      #expect(try await fresh.store(entry("/a"), stamp: try await fresh.lookup(key("/a")).stamp) == .stored)
      for backend in [one, two, fresh] {
        #expect(try await backend.lookup(key("/a")).entry != nil)
        await backend.shutdown()
      }
    }

    @Test func `a log that has been cut, and one that is longer than a page, are read to their end`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server) { $0.invalidationLogLength = 100 })
      let stamp = try await one.lookup(key("/a")).stamp
      #expect(try await one.store(entry("/a", tags: ["a"]), stamp: stamp) == .stored)
      for number in 0..<1200 { try await one.invalidate(CacheInvalidation(.anyTag(["tag\(number)"]))) }
      let fresh = try await node(server)
      for backend in [two, fresh] { #expect(try await backend.lookup(key("/a")).entry != nil) }
      try await one.invalidate(CacheInvalidation(.anyTag(["a"])))
      for backend in [one, two, fresh] { #expect(try await backend.lookup(key("/a")).entry == nil) }
      let before = try await fresh.lookup(key("/a")).stamp
      for number in 0..<600 { try await two.invalidate(CacheInvalidation(.anyTag(["tag\(number)"]))) }
      // It does not know what has been cut off, so it cannot be sure of what is older.
      #expect(try await fresh.store(entry("/b"), stamp: before) == .invalidated)
      #expect(try await fresh.store(entry("/b"), stamp: try await fresh.lookup(key("/b")).stamp) == .stored)
      #expect(try await one.lookup(key("/b")).entry != nil)
      for backend in [one, two, fresh] { await backend.shutdown() }
    }

    @Test func `what is damaged, of another key or of another version is a miss and counted`() async throws {
      let server = try RedisServerProcess()
      let backend = try await node(server)
      let stamp = try await backend.lookup(key("/a")).stamp
      for target in ["/a", "/b"] { _ = try await backend.store(entry(target), stamp: stamp) }
      let (a, b) = (backend.keys.entry(key("/a")), backend.keys.entry(key("/b")))
      let stored = try #require(try await backend.redis.send(RedisCommand("GET", key: a)).bytes)
      _ = try await backend.redis.send(RedisCommand("SET", key: b, .bytes(stored)))
      #expect(try await backend.lookup(key("/b")).entry == nil)
      _ = try await backend.redis.send(RedisCommand("SETRANGE", key: a, .integer(Int64(stored.count - 2)), "x"))
      #expect(try await backend.lookup(key("/a")).entry == nil)
      _ = try await backend.redis.send(RedisCommand("SET", key: a, "nonsense"))
      #expect(try await backend.lookup(key("/a")).entry == nil)
      let unreadable = backend.statistics.unreadableEntries
      #expect(unreadable[.otherKey] == 1 && unreadable.values.reduce(0, +) == 3, "\(unreadable)")
      // Also what is no string: storing replaces it.
      _ = try server.command("DEL", "swift-http-cache:entry:https://example.com/a")
      _ = try server.command("LPUSH", "swift-http-cache:entry:https://example.com/a", "x")
      let found = try await backend.lookup(key("/a"))
      #expect(found.entry == nil)
      #expect(backend.statistics.unreadableEntries.values.reduce(0, +) == 4)
      #expect(try await backend.store(entry("/a"), stamp: found.stamp) == .stored)
      #expect(try await backend.lookup(key("/a")).entry != nil)
      await backend.shutdown()
    }

    @Test func `what cannot be done says so: predicates, too large entries, a full and a dead server`() async throws {
      let server = try RedisServerProcess()
      let backend = try await node(server) { $0.maximumEntrySize = 10_000 }
      let stamp = try await backend.lookup(key("/a")).stamp
      #expect(try await backend.store(entry("/a", value(1, count: 10_000)), stamp: stamp) == .refused)
      let unsupported = await #expect(throws: CacheError.self) {
        try await backend.invalidate(CacheInvalidation(.matching { _, _ in true }))
      }
      #expect(unsupported?.code == .unsupported)
      _ = try server.command("CONFIG", "SET", "maxmemory", "1")
      let full = await #expect(throws: CacheError.self) { try await backend.store(entry("/a"), stamp: stamp) }
      #expect(full?.code == .refused && (full?.underlyingError as? RedisError)?.code == .outOfMemory)
      server.kill()
      try await eventually("it does not notice") { (try? await backend.lookup(key("/a"))) == nil }
      let down = await #expect(throws: CacheError.self) { try await backend.lookup(key("/a")) }
      #expect(down?.code == .unavailable)
      await backend.shutdown()
      let closed = await #expect(throws: CacheError.self) { try await backend.lookup(key("/a")) }
      #expect(closed?.code == .closed)
    }

    @Test func `a lease is one process's at a time, and given back only by its holder`() async throws {
      let server = try RedisServerProcess()
      let (one, two) = (try await node(server), try await node(server))
      let lease = try #require(try await one.acquireLease(for: key("/a"), duration: .seconds(30)))
      #expect(try await two.acquireLease(for: key("/a"), duration: .seconds(30)) == nil)
      #expect(try await two.acquireLease(for: key("/b"), duration: .seconds(30)) != nil)
      await two.releaseLease(CacheLease(key: key("/a"), token: lease.token &+ 1))
      #expect(try await two.acquireLease(for: key("/a"), duration: .seconds(30)) == nil)
      await one.releaseLease(lease)
      let next = try #require(try await two.acquireLease(for: key("/a"), duration: .milliseconds(30)))
      #expect(next.token != lease.token)
      try await eventually("it does not expire") {
        try await one.acquireLease(for: key("/a"), duration: .seconds(30)) != nil
      }
      await one.shutdown()
      await two.shutdown()
    }

    @Test func `a lease that came about when its caller had given up holds nobody up for long`() async throws {
      let server = try RedisServerProcess()
      let one = try await node(server) { $0.commandTimeout = .milliseconds(200) }
      let two = try await node(server)
      server.pause()
      let attempts = (0..<5).map { _ in Task { try await one.acquireLease(for: key("/a"), duration: .seconds(600)) } }
      for attempt in attempts { await #expect(throws: CacheError.self) { try await attempt.value } }
      server.resume()
      try await eventually("it was not carried out") { try server.command("KEYS", "*:lease:*").hasSuffix("/a") }
      // Nobody but the one who asked can know that nobody holds it.
      #expect(try await two.acquireLease(for: key("/a"), duration: .seconds(600)) == nil)
      try await eventually("it is not taken over") {
        try await one.acquireLease(for: key("/a"), duration: .seconds(600)) != nil
      }
      // Now it is held, and whoever holds it keeps it.
      for backend in [one, two] {
        #expect(try await backend.acquireLease(for: key("/a"), duration: .seconds(600)) == nil)
      }
      await one.shutdown()
      await two.shutdown()
    }

    @Test func `a cluster serves it all the same`() async throws {
      let cluster = try RedisClusterProcess()
      let backend = try await node(cluster.nodes[0]) { $0.mode = .cluster(seeds: [cluster.nodes[1].endpoint]) }
      let stamp = try await backend.lookup(key("/0")).stamp
      for number in 0..<30 {
        #expect(try await backend.store(entry("/\(number)", tags: ["t\(number % 3)"]), stamp: stamp) == .stored)
      }
      for number in 0..<30 { #expect(try await backend.lookup(key("/\(number)")).entry != nil) }
      try await backend.invalidate(CacheInvalidation(.anyTag(["t1"])))
      for number in 0..<30 { #expect((try await backend.lookup(key("/\(number)")).entry == nil) == (number % 3 == 1)) }
      await backend.shutdown()
    }

    @Test func `behind a cache: hits after a miss, and nothing but misses while the server is away`() async throws {
      let server = try RedisServerProcess()
      let backend = try await node(server) { $0.commandTimeout = .milliseconds(300) }
      let calls = Locked(0)
      let service = Handler { _ in
        calls.withLock { $0 += 1 }
        return CacheResponse(body: "answer")
      }.layer(try CacheLayer(backend: backend, policy: CachePolicy(timeToLive: .seconds(60))))
      let request = CacheRequest(authority: "example.com", target: "/page")
      _ = try await service.call(request)
      try await eventually("it is not stored") { try server.command("DBSIZE") == "2" }
      for _ in 0..<10 { #expect(try await service.call(request).body.bytes == "answer") }
      #expect(calls.withLock { $0 } == 1)
      server.kill()
      for _ in 0..<5 { #expect(try await service.call(request).status == 200) }
      #expect(calls.withLock { $0 } == 6)
      try server.start()
      try await backend.waitUntilReady()
      _ = try await service.call(request)
      try await eventually("it is not used again") { try server.command("DBSIZE") == "2" }
      let before = calls.withLock { $0 }
      _ = try await service.call(request)
      #expect(calls.withLock { $0 } == before)
      await backend.shutdown()
    }
  }
}

//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCache
import HTTPCacheTesting
import ServerHarness
import Synchronization
import Testing

@testable import HTTPCacheMemcached

extension MemcachedIntegrationTests {
  @Suite(.timeLimit(.minutes(5))) struct Backend {
    private func key(_ target: String) -> CacheKey {
      CacheKey(scheme: "https", authority: "example.com", target: target)
    }

    private func entry(
      _ key: CacheKey, _ body: Bytes = "body", tags: [String] = [], clock: CacheClock = .system,
      lifetime: Duration = .seconds(60)
    ) -> CacheEntry {
      let now = clock.now
      let end = now.advanced(by: lifetime)
      return CacheEntry(
        key: key, status: 200, fields: ["Content-Type": "text/plain", "ETag": "\"1\""], body: body,
        times: EntryTimes(
          birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end.advanced(by: .seconds(10)),
          staleIfErrorUntil: end.advanced(by: .seconds(20)), reclaimAt: end.advanced(by: .seconds(30))),
        tags: CacheTags(tags))
    }

    /// Looks, and stores what came of it, as a cache does.
    @discardableResult
    private func fill(_ backend: MemcachedBackend, _ entry: CacheEntry) async throws -> CacheStoreResult {
      try await backend.store(entry, stamp: try await backend.lookup(entry.key).stamp)
    }

    @Test(arguments: [0, 100, 100_000, 3 << 20])
    func `what one node stores the other finds`(size: Int) async throws {
      let nodes = try Nodes()
      for number in 0..<10 {
        let key = key("/\(number)?\(String(repeating: "q", count: number * 100))")
        #expect(try await nodes.first.lookup(key).entry == nil)
        let stored = entry(key, noise(size, seed: UInt64(number)), tags: number % 2 == 0 ? ["a", "b"] : [])
        #expect(try await fill(nodes.first, stored) == .stored)
        let found = try #require(try await nodes.second.lookup(key).entry)
        #expect(found.body == stored.body)
        #expect(found.status == 200)
        #expect(found.fields["etag"] == "\"1\"")
        #expect(found.tags?.names == stored.tags?.names)
        // In place of what is there.
        #expect(try await fill(nodes.second, entry(key, "new")) == .stored)
        #expect(try await nodes.first.lookup(key).entry?.body == "new")
      }
      await nodes.shutdown()
    }

    @Test func `removing an entry says whether there was one`() async throws {
      let nodes = try Nodes()
      let backend = nodes.first
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
      await nodes.shutdown()
    }

    @Test func `a key's invalidation reaches every node, and responses that are on their way`() async throws {
      let nodes = try Nodes()
      for number in 0..<20 {
        let key = key("/\(number)")
        let before = try await nodes.first.lookup(key).stamp
        if number % 2 == 0 { #expect(try await fill(nodes.first, entry(key)) == .stored) }
        let late = try await nodes.first.lookup(key).stamp
        let receipt = try await nodes.second.invalidate(CacheInvalidation(.key(key)))
        #expect(receipt.entryCount == (number % 2 == 0 ? 1 : 0))
        #expect(try await nodes.first.lookup(key).entry == nil)
        for stamp in [before, late] {
          #expect(try await nodes.first.store(entry(key), stamp: stamp) == .invalidated)
          #expect(try await nodes.second.store(entry(key), stamp: stamp) == .invalidated)
        }
        // Also when the server has forgotten that there was something.
        let place = MemcachedPlace(key, nodes.first.keys, nodes.first.client)
        #expect(try await nodes.first.client.delete(place.slot, at: place.host))
        #expect(try await nodes.second.store(entry(key), stamp: late) == .invalidated)
        #expect(try await nodes.first.lookup(key).entry == nil)
        #expect(try await fill(nodes.second, entry(key, "anew")) == .stored)
        #expect(try await nodes.first.lookup(key).entry?.body == "anew")
      }
      await nodes.shutdown()
    }

    @Test(arguments: [
      (CacheInvalidation.Target.anyTag(["b", "z"]), ["/both", "/b"]), (.allTags(["a", "b"]), ["/both"]),
      (.allTags(["a"]), ["/both", "/a"]), (.pathPrefix("/b"), ["/both", "/b"]),
      (.everything, ["/both", "/a", "/b", "/none"]), (.anyTag([]), []), (.allTags([]), []),
    ])
    func `an invalidation concerns what it says, hard or soft, on every node`(
      target: CacheInvalidation.Target, concerned: [String]
    ) async throws {
      let clock = ManualClock()
      let nodes = try Nodes(clock: CacheClock(clock))
      let tags = ["/both": ["a", "b"], "/a": ["a"], "/b": ["b"], "/none": []]
      for mode: CacheInvalidation.Mode in [.soft, .hard] {
        var stamps: [String: InvalidationStamp] = [:]
        for (path, tags) in tags {
          stamps[path] = try await nodes.first.lookup(key(path)).stamp
          #expect(try await fill(nodes.first, entry(key(path), tags: tags, clock: CacheClock(clock))) == .stored)
          #expect(try await nodes.second.lookup(key(path)).entry != nil)
        }
        clock.advance(by: .seconds(1))
        try await nodes.second.invalidate(CacheInvalidation(target, mode: mode))
        clock.advance(by: .seconds(1))
        for (path, tags) in tags {
          let isConcerned = concerned.contains(path)
          let found = try await nodes.first.lookup(key(path)).entry
          let late = entry(key(path), tags: tags, clock: CacheClock(clock))
          let result = try await nodes.first.store(late, stamp: try #require(stamps[path]))
          let foundLate = try await nodes.second.lookup(key(path)).entry
          switch (isConcerned, mode) {
          case (false, _):
            #expect(found?.times.freshUntil ?? clock.now > clock.now, "\(path)")
            #expect(result == .stored, "\(path)")
          case (true, .hard):
            #expect(found == nil, "\(path)")
            #expect(result == .invalidated, "\(path)")
            #expect(foundLate == nil, "\(path)")
          case (true, .soft):
            for entry in [found, foundLate] {
              let entry = try #require(entry, "\(path)")
              #expect(entry.times.freshUntil <= clock.now.advanced(by: .milliseconds(-900)), "\(path)")
              #expect(entry.times.staleIfErrorUntil > clock.now)
            }
          }
        }
      }
      await nodes.shutdown()
    }

    @Test func `a key that is softly invalidated is stale, and an entry on its way too`() async throws {
      let clock = ManualClock()
      let nodes = try Nodes(clock: CacheClock(clock))
      let key = key("/a")
      let stamp = try await nodes.first.lookup(key).stamp
      #expect(try await fill(nodes.first, entry(key, clock: CacheClock(clock))) == .stored)
      clock.advance(by: .seconds(1))
      #expect(try await nodes.second.invalidate(CacheInvalidation(.key(key), mode: .soft)).entryCount == 1)
      clock.advance(by: .seconds(1))
      for _ in 0..<2 {
        let found = try #require(try await nodes.first.lookup(key).entry)
        #expect(found.times.freshUntil == clock.now.advanced(by: .seconds(-1)))
        #expect(try await nodes.first.store(entry(key, clock: CacheClock(clock)), stamp: stamp) == .stored)
      }
      #expect(try await fill(nodes.second, entry(key, clock: CacheClock(clock))) == .stored)
      #expect(try #require(try await nodes.first.lookup(key).entry).times.freshUntil > clock.now)
      await nodes.shutdown()
    }

    @Test func `what the server forgets of invalidations costs entries, and revives none`() async throws {
      let nodes = try Nodes(hosts: 1)
      let log = nodes.first.logs[0]
      let tagKey = nodes.first.keys.key(.tag, "t")
      let key = key("/a")
      for forgotten in [tagKey, log.keys.ledger, log.keys.counter] {
        let old = try await nodes.first.lookup(key).stamp
        #expect(try await fill(nodes.first, entry(key, tags: ["t"])) == .stored)
        try await nodes.second.invalidate(CacheInvalidation(.anyTag(["t"])))
        #expect(try await nodes.first.client.delete(forgotten, at: 0))
        #expect(try await nodes.first.lookup(key).entry == nil)
        #expect(try await nodes.first.store(entry(key, tags: ["t"]), stamp: old) == .invalidated)
        #expect(try await nodes.second.lookup(key).entry == nil)
        // It goes on as if nothing had been.
        if try await fill(nodes.first, entry(key, tags: ["t"])) != .stored {
          #expect(try await fill(nodes.first, entry(key, tags: ["t"])) == .stored)
        }
        #expect(try await nodes.second.lookup(key).entry != nil)
        try await nodes.second.invalidate(CacheInvalidation(.anyTag(["t"])))
        #expect(try await nodes.first.lookup(key).entry == nil)
      }
      try nodes.servers[0].restart()
      #expect(try await nodes.first.lookup(key).entry == nil)
      #expect(try await fill(nodes.second, entry(key, tags: ["t"])) == .stored)
      #expect(try await nodes.first.lookup(key).entry != nil)
      await nodes.shutdown()
    }

    @Test func `a store that was begun before the counter was lost is not trusted`() async throws {
      let nodes = try Nodes(hosts: 1)
      let key = key("/a")
      let stamp = try await nodes.first.lookup(key).stamp
      // A counter of another time, and lower: as if a clock had been set back.
      let log = nodes.first.logs[0]
      let value = MemcachedValue(bytes: "1000", flags: MemcachedFormat.counter)
      #expect(try await nodes.first.client.set(log.keys.counter, value, .never, at: 0) == .stored)
      #expect(try await nodes.first.store(entry(key), stamp: stamp) == .invalidated)
      await nodes.shutdown()
    }

    @Test func `an invalidation is never lost to a fill, however they meet`() async throws {
      let nodes = try Nodes()
      let keys = (0..<4).map { key("/\($0)") }
      let scores = Scores()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for worker in 0..<12 {
          group.addTask { @concurrent in
            let backend = worker % 2 == 0 ? nodes.first : nodes.second
            var step = worker
            while !scores.isOver.load(ordering: .acquiring) {
              step += 1
              let key = keys[step % keys.count]
              let floor = scores.invalidated.load(ordering: .sequentiallyConsistent)
              let lookup = try await backend.lookup(key)
              if let entry = lookup.entry {
                let found = Int(entry.body.description) ?? -1
                #expect(found >= floor, "an entry of version \(found) was found after version \(floor) was demanded")
                scores.hits.add(1, ordering: .relaxed)
              } else {
                let answer = scores.version.load(ordering: .sequentiallyConsistent)
                if step % 3 == 0 { try await Task.sleep(for: .microseconds(step % 7 * 100)) }
                let made = entry(key, Bytes(String(answer)), tags: ["t", "k\(step % keys.count)"])
                if try await backend.store(made, stamp: lookup.stamp) == .stored {
                  scores.fills.add(1, ordering: .relaxed)
                }
              }
            }
          }
        }
        for round in 0..<400 {
          let next = scores.version.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
          let backend = round % 2 == 0 ? nodes.first : nodes.second
          switch round % 4 {
          case 0: try await backend.invalidate(CacheInvalidation(.anyTag(["t"])))
          case 1: try await backend.invalidate(CacheInvalidation(.everything))
          case 2: for key in keys { try await backend.invalidate(CacheInvalidation(.key(key))) }
          default: try await backend.invalidate(CacheInvalidation(.pathPrefix("/")))
          }
          scores.invalidated.store(next, ordering: .sequentiallyConsistent)
          if round % 3 == 0 { try await Task.sleep(for: .milliseconds(2)) }
        }
        scores.isOver.store(true, ordering: .releasing)
        try await group.waitForAll()
      }
      #expect(scores.hits.load(ordering: .relaxed) > 200)
      #expect(scores.fills.load(ordering: .relaxed) > 200)
      await nodes.shutdown()
    }

    @Test func `what an invalidation did not reach is not served when the host is back`() async throws {
      let nodes = try Nodes(timeout: .milliseconds(300))
      let keys = (0..<40).map { key("/\($0)") }
      for key in keys {
        #expect(try await fill(nodes.first, entry(key, tags: ["t\(key.text)"])) == .stored)
      }
      let places = keys.map { MemcachedPlace($0, nodes.first.keys, nodes.first.client) }
      let victim = try #require(zip(keys, places).first { $0.1.host == 0 }).0
      let other = try #require(zip(keys, places).first { $0.1.host == 1 }).0
      nodes.servers[0].pause()
      await #expect(throws: CacheError.self) {
        try await nodes.first.invalidate(CacheInvalidation(.anyTag(["t\(victim.text)"])))
      }
      await #expect(throws: CacheError.self) { try await nodes.first.lookup(victim) }
      #expect(try await nodes.first.lookup(other).entry != nil)
      nodes.servers[0].resume()
      #expect(try await eventually { (try? await nodes.first.lookup(victim)) != nil })
      #expect(try await nodes.first.lookup(victim).entry == nil)
      #expect(try await nodes.second.lookup(victim).entry == nil)
      await nodes.shutdown()
    }

    @Test func `a caller who is cancelled does not leave half an invalidation behind`() async throws {
      let nodes = try Nodes()
      let keys = (0..<10).map { key("/\($0)") }
      for key in keys { #expect(try await fill(nodes.first, entry(key, tags: ["t"])) == .stored) }
      let caller = Task {
        withUnsafeCurrentTask { $0?.cancel() }
        return try await nodes.first.invalidate(CacheInvalidation(.anyTag(["t"])))
      }
      _ = try await caller.value
      for key in keys { #expect(try await nodes.second.lookup(key).entry == nil) }
      #expect(!nodes.first.logs.contains { $0.pending.isWaiting })
      await nodes.shutdown()
    }

    @Test func `one at a time has the lease, until he gives it back or its time is over`() async throws {
      let nodes = try Nodes()
      let key = key("/a")
      let lease = try #require(try await nodes.first.acquireLease(for: key, duration: .seconds(5)))
      #expect(try await nodes.second.acquireLease(for: key, duration: .seconds(5)) == nil)
      await nodes.second.releaseLease(CacheLease(key: key, token: lease.token &+ 1))
      #expect(try await nodes.second.acquireLease(for: key, duration: .seconds(5)) == nil)
      await nodes.first.releaseLease(lease)
      let second = try #require(try await nodes.second.acquireLease(for: key, duration: .milliseconds(500)))
      #expect(second.token != lease.token)
      #expect(try await nodes.first.acquireLease(for: key, duration: .seconds(5)) == nil)
      var third: CacheLease?
      let (isOver, waited) = try await timed {
        try await eventually {
          third = try await nodes.first.acquireLease(for: key, duration: .seconds(5))
          return third != nil
        }
      }
      // By the server's clock, which has whole seconds.
      #expect(isOver && waited > .milliseconds(400) && waited < .seconds(10), "\(waited)")
      await nodes.second.releaseLease(second)
      #expect(try await nodes.second.acquireLease(for: key, duration: .seconds(5)) == nil)
      await nodes.first.releaseLease(try #require(third))
      let takers = await withTaskGroup(of: Bool.self) { group in
        for number in 0..<40 {
          group.addTask {
            let node = number % 2 == 0 ? nodes.first : nodes.second
            return (try? await node.acquireLease(for: key, duration: .seconds(5))) != nil
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(takers == 1)
      await nodes.shutdown()
    }

    @Test func `a value that is no entry, or for another key, is a miss that can be filled`() async throws {
      let nodes = try Nodes(hosts: 1)
      let (key, other) = (key("/a"), key("/b"))
      let slot = MemcachedPlace(key, nodes.first.keys, nodes.first.client).slot
      #expect(try await fill(nodes.first, entry(other)) == .stored)
      let foreign = try #require(
        try await nodes.first.client.get(MemcachedPlace(other, nodes.first.keys, nodes.first.client).slot))
      for value in [whole("garbage"), foreign.value, MemcachedValue(bytes: "x", flags: 12345)] {
        #expect(try await nodes.first.client.set(slot, value, hour) == .stored)
        #expect(try await nodes.first.lookup(key).entry == nil)
        #expect(try await fill(nodes.first, entry(key)) == .stored)
        #expect(try await nodes.first.lookup(key).entry != nil)
      }
      #expect(nodes.first.damagedEntryCount == 2)
      #expect(try await fill(nodes.first, entry(key, lifetime: .seconds(-100))) == .refused)
      await #expect(throws: CacheError.self) {
        try await nodes.first.invalidate(CacheInvalidation(.matching { _, _ in true }))
      }
      await nodes.shutdown()
    }

    @Test func `a cache in front of a handler hits across processes, keeps variants apart, and survives the server`()
      async throws
    {
      let nodes = try Nodes()
      let calls = Atomic<Int>(0)
      let handler = Handler { (request: CacheRequest) in
        calls.add(1, ordering: .relaxed)
        return CacheResponse(
          status: 200, fields: ["Vary": "Accept-Language", "Cache-Control": "max-age=60"],
          body: Body(Bytes(request.fields["accept-language"] ?? "none")))
      }
      var policy = CachePolicy(timeToLive: .seconds(60))
      policy.retryInterval = .zero
      let services = [
        handler.layer(try CacheLayer(backend: nodes.first, policy: policy)),
        handler.layer(try CacheLayer(backend: nodes.second, policy: policy)),
      ]
      func ask(_ node: Int, _ language: String) async throws -> String {
        let request = CacheRequest(
          method: .get, scheme: "http", authority: "example.com", target: "/page",
          fields: ["Accept-Language": language])
        return try await services[node].call(request).body.collect(upTo: 1024).description
      }
      #expect(try await ask(0, "de") == "de")
      #expect(try await ask(0, "fr") == "fr")
      // Nobody waits for a remote store.
      func isServed(_ node: Int, _ languages: [String]) async throws -> Bool {
        let before = calls.load(ordering: .relaxed)
        for language in languages {
          let answer = try await ask(node, language)
          #expect(answer == language)
        }
        return calls.load(ordering: .relaxed) == before
      }
      let isShared = try await eventually { try await isServed(1, ["de", "fr"]) }
      #expect(isShared)
      for server in nodes.servers { server.kill() }
      for _ in 0..<20 { #expect(try await ask(1, "it") == "it") }
      for server in nodes.servers { try server.start() }
      let isBack = try await eventually { try await isServed(0, ["de"]) }
      #expect(isBack)
      await nodes.shutdown()
    }
  }
}

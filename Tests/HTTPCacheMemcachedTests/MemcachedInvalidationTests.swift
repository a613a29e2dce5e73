//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import HTTPCacheTesting
import ServerHarness
import Testing

@testable import HTTPCache
@testable import HTTPCacheMemcached

extension MemcachedIntegrationTests {
  /// Invalidations that a server loses, that are damaged, written by clocks that differ, or by many at once.
  @Suite(.timeLimit(.minutes(5))) struct Invalidation {
    private func key(_ target: String) -> CacheKey {
      CacheKey(scheme: "https", authority: "example.com", target: target)
    }

    private func entry(
      _ key: CacheKey, _ body: Bytes = "body", tags: [String] = [], clock: CacheClock = .system
    ) -> CacheEntry {
      let now = clock.now
      let end = now.advanced(by: .seconds(600))
      return CacheEntry(
        key: key, status: 200, fields: [:], body: body,
        times: EntryTimes(
          birth: now, receivedAt: now, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
          reclaimAt: end), tags: CacheTags(tags))
    }

    /// Looks, and stores what came of it, until that has worked: what is begun anew may void the first.
    private func fill(_ backend: MemcachedBackend, _ entry: CacheEntry) async throws {
      for _ in 0..<4 {
        if try await backend.store(entry, stamp: try await backend.lookup(entry.key).stamp) == .stored { return }
      }
      Issue.record("cannot be stored")
    }

    private func backend(
      _ server: MemcachedServerProcess, at port: Int? = nil, clock: CacheClock = .system
    ) throws -> MemcachedBackend {
      var configuration = MemcachedConfiguration([server])
      if let port { configuration.hosts = [MemcachedHost("127.0.0.1", port: port)] }
      return try MemcachedBackend(configuration: configuration, clock: clock)
    }

    // MARK: Many at once

    @Test(arguments: [CacheInvalidation.Mode.hard, .soft], [Duration.zero, .milliseconds(2)])
    func `many invalidations of the same at once all succeed, and void nothing else`(
      mode: CacheInvalidation.Mode, delay: Duration
    ) async throws {
      let server = try MemcachedServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      proxy.fault = .init(delay: delay / 2)
      let nodes = try (0..<2).map { _ in try backend(server, at: proxy.port) }
      let (page, other) = (key("/page"), key("/other"))
      try await fill(nodes[0], entry(other, tags: ["other"]))
      for (number, target) in [CacheInvalidation.Target.key(page), .anyTag(["news"]), .anyTag(["news", "sport"])]
        .enumerated()
      {
        try await fill(nodes[0], entry(page, tags: ["news"]))
        try await withThrowingTaskGroup(of: Void.self) { group in
          for caller in 0..<150 {
            group.addTask { _ = try await nodes[caller % 2].invalidate(CacheInvalidation(target, mode: mode)) }
          }
          try await group.waitForAll()
        }
        let found = try await nodes[1].lookup(page).entry
        if mode == .hard {
          #expect(found == nil, "\(number)")
        } else {
          #expect(found.map { $0.times.freshUntil <= CacheClock.system.now } ?? true, "\(number)")
        }
        #expect(try await nodes[1].lookup(other).entry != nil, "\(number)")
      }
      for node in nodes { await node.shutdown() }
      proxy.close()
    }

    @Test(arguments: [CacheInvalidation.Mode.hard, .soft], [Duration.zero, .milliseconds(2)])
    func `many invalidations of everything, and of many paths, at once all succeed`(
      mode: CacheInvalidation.Mode, delay: Duration
    ) async throws {
      let server = try MemcachedServerProcess()
      let proxy = try FaultyProxy(to: server.port)
      proxy.fault = .init(delay: delay / 2)
      let nodes = try (0..<3).map { _ in try backend(server, at: proxy.port) }
      for round in 0..<3 {
        try await withThrowingTaskGroup(of: Void.self) { group in
          for caller in 0..<64 {
            let target: CacheInvalidation.Target =
              round == 0 ? .everything : .pathPrefix("/\(round == 1 ? caller : caller % 8)/")
            group.addTask { _ = try await nodes[caller % 3].invalidate(CacheInvalidation(target, mode: mode)) }
          }
          try await group.waitForAll()
        }
      }
      // Eight paths are within the ledger's bound: what else there is stays.
      let other = key("/other")
      try await fill(nodes[0], entry(other))
      for caller in 0..<64 {
        try await nodes[caller % 3].invalidate(CacheInvalidation(.pathPrefix("/\(caller % 8)/"), mode: mode))
      }
      #expect(try await nodes[1].lookup(other).entry != nil)
      for node in nodes { await node.shutdown() }
      proxy.close()
    }

    // MARK: Damage

    private struct Damage: Sendable, CustomTestStringConvertible {
      var key: Character
      var text: String
      var flags = MemcachedFormat.mark
      var testDescription: String { "\(key): \(text.prefix(60).debugDescription)" }
      /// Whether it is a mark that says that the tag was not invalidated.
      var isLie: Bool { key == "t" && MemcachedMark(text.replacing("N", with: "1")) != nil }
    }

    private static let digest = String(repeating: "0", count: 32)
    private static let damages: [Damage] =
      [
        "18446744073709551610", "18446744073709551615", "18446744073709551616", "9223372036854775807",
        "2305843009213693951", "2305843009213693952", "0", "-1", "", "x", "1 2", "99999999999999999999999999999999",
        "179000000000000x", " 1", "1e15",
      ].map { Damage(key: "n", text: $0, flags: MemcachedFormat.counter) }
      + [
        "18446744073709551610", "2305843009213693951", "2305843009213693950 2305843009213693951@0",
        "0 N@-9223372036854775808",
        "0 N@9223372036854775807", "0 N@-1", "0 18446744073709551615@5", "", "x", "N N@5", "0 N@", "0 @N", "N ", "\n",
        String(repeating: "1", count: 5000), "0 1@1 2@1 3@1 4@1 5@1",
      ].flatMap { text in ["t", "b", "a"].map { Damage(key: $0, text: text) } }
      + [
        "0\ns N -9223372036854775808 p 1 \(digest)", "0\ns N 9223372036854775807 p 0 \(digest)",
        "0\ns N -9223372036854775808 p 0 99aa06d3014798d86001c324468d497f", "0\nh 18446744073709551615 0 p 1 \(digest)",
        "0\nh N 0 p 2305843009213693951 \(digest)", "0\nh N 0 p 18446744073709551615 \(digest)", "0\nh N 0 t",
        "0\n" + String(repeating: "\n", count: 4000), "0\ns N -9223372036854775808 p 3:1:/",
        "0" + String(repeating: "\nh N 0 p 1 \(digest)", count: 33),
      ].map { Damage(key: "a", text: $0) }
      + [
        "18446744073709551615", "-1", "", "x",
      ].map { Damage(key: "e", text: $0, flags: MemcachedFormat.tombstone) }
      + [
        "18446744073709551615 9223372036854775807", "1 -9223372036854775808", "", "x y", "-1",
      ].map { Damage(key: "l", text: $0, flags: MemcachedFormat.lease) }
      + [
        "", "0123456789abcdef\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\u{7F}\0\0\0\u{1}\u{7F}\u{7F}\u{7F}\u{7F}",
        "0123456789abcdef\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "0123456789abcdef\0\0\0\0\u{1}\0\0\0\0\0\0\u{1}\u{1}\0\0\0",
      ].map { Damage(key: "e", text: $0, flags: MemcachedFormat.manifest) }
      + ["", "x", String(repeating: "\u{7F}", count: 200)].map {
        Damage(key: "e", text: $0, flags: MemcachedFormat.whole)
      }

    @Test func `nothing that a server has ends the process or revives anything, and it is begun anew`() async throws {
      let server = try MemcachedServerProcess()
      let nodes = try (0..<2).map { _ in try backend(server) }
      let (client, keys) = (nodes[0].client, nodes[0].keys)
      let page = key("/page")
      let place = MemcachedPlace(page, keys, client)
      for damage in Self.damages {
        let name = Comment(rawValue: damage.testDescription)
        try await fill(nodes[0], entry(page, "old", tags: ["t"]))
        try await nodes[1].invalidate(CacheInvalidation(.anyTag(["t"])))
        let target: MemcachedKey =
          switch damage.key {
          case "n": nodes[0].logs[0].keys.counter
          case "a": nodes[0].logs[0].keys.ledger
          case "t": keys.key(.tag, "t")
          case "b": place.bucket
          case "l": keys.key(.lease, page.text)
          default: place.slot
          }
        let counter = try #require(MemcachedNumber.read(try await client.get(nodes[0].logs[0].keys.counter)))
        let text = damage.text.replacing("N", with: String(counter))
        let value = MemcachedValue(bytes: Bytes(text), flags: damage.flags)
        #expect(try await client.set(target, value, .never) == .stored, name)
        // A GET and a POST, in both orders.
        for step in 0..<4 {
          let node = nodes[step % 2]
          if step == 1 || step == 2 {
            #expect(try await node.lookup(page).entry?.body != "old" || damage.isLie, name)
            _ = try await node.store(entry(page, "new", tags: ["t"]), stamp: try await node.lookup(page).stamp)
          } else {
            try await node.invalidate(CacheInvalidation(.key(page), mode: step == 0 ? .soft : .hard))
            try await node.invalidate(CacheInvalidation(.anyTag(["t"]), mode: step == 0 ? .soft : .hard))
            try await node.invalidate(CacheInvalidation(.pathPrefix("/"), mode: step == 0 ? .soft : .hard))
            #expect(try await node.lookup(page).entry?.body != "old" || damage.isLie, name)
          }
        }
        _ = try await nodes[1].acquireLease(for: page, duration: .seconds(1))
        try await fill(nodes[1], entry(page, "new", tags: ["t"]))
        #expect(try await nodes[0].lookup(page).entry?.body == "new", name)
        try await nodes[0].invalidate(CacheInvalidation(.anyTag(["t"])))
        #expect(try await nodes[1].lookup(page).entry == nil, name)
      }
      for node in nodes { await node.shutdown() }
    }

    // MARK: Clocks

    /// A clock that is ahead of the machine's, or behind.
    private struct OtherClock: TimeSource {
      var ahead: Int
      var now: CacheInstant { CacheClock.system.now }
      var unixTime: UnixTime { UnixTime(milliseconds: CacheClock.system.unixTime.milliseconds + Int64(ahead) * 1000) }
      func sleep(until deadline: CacheInstant) async throws { try await CacheClock.system.sleep(until: deadline) }
    }

    private func clock(ahead seconds: Int) -> CacheClock { CacheClock(OtherClock(ahead: seconds)) }

    /// An entry that is neither from the future nor over for any of them.
    private func lastingEntry(_ key: CacheKey, _ body: Bytes = "body", tags: [String] = []) -> CacheEntry {
      let (start, end) = (
        CacheClock.system.now.advanced(by: .seconds(-36_000)), CacheClock.system.now.advanced(by: .seconds(36_000))
      )
      return entry(key, body, tags: tags).with(
        times: EntryTimes(
          birth: start, receivedAt: start, freshUntil: end, staleWhileRevalidateUntil: end, staleIfErrorUntil: end,
          reclaimAt: end))
    }

    @Test func `clocks an hour apart revive nothing, whatever the server forgets in whatever order`() async throws {
      let server = try MemcachedServerProcess()
      let nodes = try [3600, 0, -3600].map { try backend(server, clock: clock(ahead: $0)) }
      let (client, log, keys) = (nodes[0].client, nodes[0].logs[0], nodes[0].keys)
      let forgotten = [log.keys.counter, log.keys.ledger, keys.key(.tag, "g")]
      let orders = [[0], [0, 1], [1, 0], [0, 2], [2, 0], [1], [2], [0, 1, 2], [2, 1, 0], [0, 0], [1, 0, 1]]
      for (round, order) in orders.enumerated() {
        for first in 0..<3 {
          let page = key("/\(round)/\(first)")
          try await fill(nodes[first], lastingEntry(page, "old", tags: ["g"]))
          #expect(try await nodes[(first + 1) % 3].lookup(page).entry != nil)
          for (step, index) in order.enumerated() {
            try await client.delete(forgotten[index], at: 0)
            // Each begins what is missing, with another clock.
            _ = try await nodes[(first + step + 1) % 3].lookup(key("/other"))
            if step == 0 { try await nodes[(first + 1) % 3].invalidate(CacheInvalidation(.anyTag(["g"]))) }
          }
          try await client.delete(log.keys.counter, at: 0)
          for node in [first, (first + 1) % 3, (first + 2) % 3] {
            #expect(try await nodes[node].lookup(page).entry == nil, "\(order), node \(node)")
          }
        }
      }
      for node in nodes { await node.shutdown() }
    }

    @Test func `a counter that is begun is above all that this process has seen`() async throws {
      let server = try MemcachedServerProcess()
      let (ahead, behind) = (
        try backend(server, clock: clock(ahead: 3600)), try backend(server, clock: clock(ahead: -3600))
      )
      let log = ahead.logs[0]
      var highest = try await ahead.lookup(key("/a")).stamp.number
      _ = try await behind.lookup(key("/a"))
      for key in [log.keys.counter, log.keys.ledger, log.keys.counter] {
        try await ahead.client.delete(key, at: 0)
        try await ahead.client.delete(log.keys.ledger, at: 0)
        let stamp = try await behind.lookup(self.key("/a")).stamp.number
        #expect(stamp >= highest)
        highest = stamp
      }
      #expect(try await ahead.lookup(key("/a")).stamp.number == highest)
      // A process that has seen nothing begins it lower; who has seen more begins it again, above.
      try await ahead.client.delete(log.keys.counter, at: 0)
      try await ahead.client.delete(log.keys.ledger, at: 0)
      let new = try backend(server, clock: clock(ahead: -3600))
      let page = key("/page")
      try await fill(new, lastingEntry(page))
      #expect(try await new.lookup(page).entry != nil)
      #expect(try await new.lookup(page).stamp.number < highest)
      #expect(try await ahead.lookup(page).stamp.number > highest)
      #expect(try await new.lookup(page).entry == nil)
      for node in [ahead, behind, new] { await node.shutdown() }
    }

    @Test(arguments: [-3600, 3600])
    func `a node whose clock is an hour off takes no lease that is held`(seconds: Int) async throws {
      let server = try MemcachedServerProcess()
      let (one, two) = (try backend(server), try backend(server, clock: clock(ahead: seconds)))
      let page = key("/page")
      let lease = try #require(try await one.acquireLease(for: page, duration: .seconds(30)))
      #expect(try await two.acquireLease(for: page, duration: .seconds(30)) == nil)
      await one.releaseLease(lease)
      let second = try #require(try await two.acquireLease(for: page, duration: .seconds(30)))
      #expect(try await one.acquireLease(for: page, duration: .seconds(30)) == nil)
      await two.releaseLease(second)
      for node in [one, two] { await node.shutdown() }
    }

    @Test(arguments: [1, 20, 3600, -1, -20, -3600])
    func `what a node with another clock has made stale is stale now, or a miss`(ahead: Int) async throws {
      let server = try MemcachedServerProcess()
      let (one, two) = (try backend(server), try backend(server, clock: clock(ahead: ahead)))
      let page = key("/page")
      for target in [CacheInvalidation.Target.anyTag(["t"]), .everything, .pathPrefix("/"), .key(page)] {
        try await fill(one, entry(page, tags: ["t"]))
        try await two.invalidate(CacheInvalidation(target, mode: .soft))
        let found = try await one.lookup(page).entry
        // Moments have whole milliseconds.
        if let found { #expect(found.times.freshUntil <= CacheClock.system.now.advanced(by: .milliseconds(1))) }
        if abs(ahead) == 1 { #expect(found != nil) }
        if ahead > 1 { #expect(found == nil) }
      }
      for node in [one, two] { await node.shutdown() }
    }

    // MARK: Values that do not arrive in time

    @Test(arguments: [1 << 20, 8 << 20])
    func `a value that cannot arrive in time is tried once, and is in nobody's way`(size: Int) async throws {
      let server = try MemcachedServerProcess(memory: 128)
      let proxy = try FaultyProxy(to: server.port)
      let near = try backend(server)
      var configuration = MemcachedConfiguration([server])
      configuration.hosts = [MemcachedHost("127.0.0.1", port: proxy.port)]
      configuration.timeout = .milliseconds(300)
      configuration.responseTimeout = .milliseconds(300)
      configuration.failureThreshold = 100
      let far = try MemcachedBackend(configuration: configuration)
      let (large, small) = (key("/large"), key("/small"))
      try await fill(near, entry(large, noise(size)))
      try await fill(near, entry(small, "x"))
      _ = try await far.lookup(small)
      proxy.fault = .init(bytesPerSecond: 1 << 20)
      await #expect(throws: CacheError.self) { try await far.lookup(large) }
      // The connection is a new one, or another: what is left of the value is nobody's.
      let before = far.statistics[0].timeouts
      for _ in 0..<20 {
        let lookup = try await far.lookup(large)
        #expect(lookup.entry == nil)
        #expect(try await far.lookup(small).entry != nil)
        // One that is as large would not arrive either.
        #expect(try await far.store(entry(large, noise(size)), stamp: lookup.stamp) == .refused)
      }
      // The first may be counted late; twenty more would be twenty.
      #expect(far.statistics[0].timeouts <= before + 1)
      // What is small enough is stored and found.
      #expect(try await far.store(entry(large, "y"), stamp: try await far.lookup(large).stamp) == .stored)
      #expect(try await far.lookup(large).entry?.body == "y")
      for node in [near, far] { await node.shutdown() }
      proxy.close()
    }

    // MARK: Economy

    @Test func `an invalidation takes two round trips, and a miss and its store four at most`() async throws {
      let server = try MemcachedServerProcess()
      let node = try backend(server)
      func roundTrips(_ body: () async throws -> Void) async throws -> Int {
        let before = node.statistics[0].roundTrips
        try await body()
        return node.statistics[0].roundTrips - before
      }
      _ = try await node.lookup(key("/begin"))
      let page = key("/page")
      #expect(try await roundTrips { try await fill(node, entry(page)) } == 4)
      #expect(try await roundTrips { _ = try await node.lookup(page) } == 1)
      for target in [
        CacheInvalidation.Target.key(page), .pathPrefix("/"), .everything, .anyTag(["a", "b"]), .allTags(["a", "b"]),
      ] {
        #expect(try await roundTrips { try await node.invalidate(CacheInvalidation(target)) } == 2, "\(target)")
      }
      // The bucket is there now.
      #expect(try await roundTrips { try await fill(node, entry(page)) } == 3)
      // The first with tags that nobody has ever seen begins them in one more.
      for expected in [4, 3] {
        try await node.invalidate(CacheInvalidation(.key(page)))
        #expect(try await roundTrips { try await fill(node, entry(page, tags: ["c", "d", "e"])) } == expected)
      }
      await node.shutdown()
    }

    @Test func `a hit of a variant is one round trip once its list is known, and an unsafe request two`() async throws {
      let servers = try (0..<2).map { _ in try MemcachedServerProcess() }
      let nodes = try (0..<2).map { _ in try MemcachedBackend(configuration: MemcachedConfiguration(servers)) }
      let services = try nodes.map { backend in
        Handler { request in
          let language = request.fields["accept-language"] ?? "en"
          return CacheResponse(fields: ["Vary": "Accept-Language"], body: Body("\(request.path) \(language)"))
        }.layer(try CacheLayer(backend: backend, policy: CachePolicy(timeToLive: .seconds(600))))
      }
      func ask(
        _ node: Int, _ language: String, method: RequestMethod = .get
      ) async throws -> (text: String, isHit: Bool, roundTrips: Int) {
        func count() -> Int { nodes[node].statistics.reduce(0) { $0 + $1.roundTrips } }
        let (request, before) = (
          CacheRequest(
            method: method, scheme: "https", authority: "example.com", target: "/page",
            fields: ["accept-language": language]), count()
        )
        let response = try await services[node].call(request)
        let text = try await response.body.collect().description
        return (text, response.outcome == .hit, count() - before)
      }
      let languages = ["de", "fr", "it"]
      for language in languages {
        _ = try await ask(0, language)
        #expect(try await eventually { try await ask(0, language).isHit })
      }
      // Learns the list.
      #expect(try await ask(1, "de") == ("/page de", true, 2))
      for language in languages { #expect(try await ask(1, language) == ("/page \(language)", true, 1)) }
      let reads = try servers.map { try #require(try $0.statistic("cmd_get")) }.reduce(0, +)
      for language in languages {
        #expect(
          try await ask(1, language) == ("/page \(language)", true, 1), "counter, ledger, list and variant in one go")
      }
      #expect(try servers.map { try #require(try $0.statistic("cmd_get")) }.reduce(0, +) == reads + 3 * 4)
      #expect(try await ask(1, "de", method: .post).roundTrips == 2)
      for language in languages { #expect(try await !ask(0, language).isHit) }
      for node in nodes { await node.shutdown() }
    }

    @Test func `the first miss of a bucket asks for nothing twice`() async throws {
      let server = try MemcachedServerProcess()
      let node = try backend(server)
      _ = try await node.lookup(key("/begin"))
      func commands() throws -> (reads: Int, writes: Int) {
        (try #require(try server.statistic("cmd_get")), try #require(try server.statistic("cmd_set")))
      }
      let start = try commands()
      let stamp = try await node.lookup(key("/page")).stamp
      let missed = try commands()
      // Counter, ledger, slot and bucket; then the bucket is begun, and read with the counter.
      #expect(missed.reads - start.reads == 6 && missed.writes - start.writes == 1)
      #expect(try await node.store(entry(key("/page")), stamp: stamp) == .stored)
      let stored = try commands()
      // Ledger, bucket and counter, then the entry.
      #expect(stored.reads - missed.reads == 3 && stored.writes - missed.writes == 1)
      await node.shutdown()
    }
  }
}
